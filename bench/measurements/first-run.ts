import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Figure } from '../figures.ts';

const SECONDS_MAX = 120;
const home = join(import.meta.dirname, '..', '..');

/**
 * What somebody waits for who has just fetched the project: `npm ci`, here in an empty directory, and the demo, which is
 * a day of usage, six reconciliations and a repair. Where no registry can be reached, the demo alone is measured.
 */
export async function measure(): Promise<Figure[]> {
  const install = await secondsOfInstalling();
  const demo = await secondsOf('npm', ['run', '--silent', 'demo'], home);
  if (demo === undefined) throw new Error('The demo did not find what it was to find.');
  const common = { unit: 's', details: { ...(install !== undefined && { 'npm ci': install }), 'first run': demo } };
  if (install !== undefined) {
    const name = '`npm ci` to a finished first run';
    return [{ ...common, name, measured: install + demo, target: { atMost: SECONDS_MAX } }];
  }
  return [{ ...common, name: 'the first run', measured: demo, note: '`npm ci` was not possible here' }];
}

/** With the cache that npm keeps on this machine, whatever is in it. */
async function secondsOfInstalling(): Promise<number | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'reckoner-bench-'));
  for (const file of ['package.json', 'package-lock.json']) await copyFile(join(home, file), join(directory, file));
  const seconds = await secondsOf('npm', ['ci', '--no-audit', '--no-fund'], directory);
  await rm(directory, { recursive: true, force: true });
  return seconds;
}

/** @returns undefined when it did not end well */
async function secondsOf(command: string, parameters: readonly string[], cwd: string): Promise<number | undefined> {
  // The demo boots an engine of its own and not on the one that is measured.
  const { DYNAMODB_ENDPOINT: _, ...env } = process.env;
  const startedAt = performance.now();
  const child = spawn(command, parameters, { cwd, env, stdio: 'ignore', shell: process.platform === 'win32' });
  const [code] = await once(child, 'exit');
  return code === 0 ? (performance.now() - startedAt) / 1000 : undefined;
}
