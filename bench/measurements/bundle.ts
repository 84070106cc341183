import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { Figure } from '../figures.ts';
import type { Setting } from '../setting.ts';

const KILOBYTE = 1_000;

/** The size of what is deployed as the charge function. */
export async function measure({ ledgerBundle }: Setting): Promise<Figure[]> {
  const content = readFileSync(ledgerBundle);
  return [
    {
      name: 'bundle of the charge function, minified',
      measured: content.length / KILOBYTE,
      unit: 'KB',
      target: { atMost: 480 },
      details: { compressed: gzipSync(content).length / KILOBYTE },
    },
  ];
}
