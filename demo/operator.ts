import type { Installation } from '../bin/boot.ts';
import { systemIo } from '../cli/io.ts';
import { run } from '../cli/run.ts';

/** Somebody who works with the command line, by a key of their own. */
export interface Operator {
  readonly installation: Installation;
  readonly key: string;
}

/** Runs one of the operators' commands. @returns its exit code */
export function command({ installation, key }: Operator, words: readonly string[]): Promise<number> {
  const env = { RECKONER_URL: installation.apiUrl, RECKONER_KEY: key };
  return run([...words], { ...systemIo(new AbortController().signal), env });
}
