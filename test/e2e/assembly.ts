import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { synthesize } from '../../bin/boot.ts';

declare module 'vitest' {
  interface ProvidedContext {
    assemblyDirectory: string;
  }
}

/** Synthesizes the stacks once for all end-to-end tests. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'reckoner-assembly-'));
  synthesize(directory);
  project.provide('assemblyDirectory', directory);
  return () => rm(directory, { recursive: true, force: true });
}
