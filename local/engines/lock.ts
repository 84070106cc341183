import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Another cloud keeps its data in the same directory; two would corrupt each other's. */
export class DirectoryInUse extends Error {
  override name = 'DirectoryInUse';
}

/** Directories that this process holds, since a process id alone does not tell our own lock from an old one. */
const held = new Set<string>();

/**
 * Makes the directory and takes it for this process until `release` is called. A lock that a dead process left behind
 * is taken over.
 * @throws DirectoryInUse
 */
export function lockDirectory(directory: string): { release(): void } {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'lock');
  const holder = readHolder(file);
  if (held.has(directory) || (holder !== undefined && holder !== process.pid && isAlive(holder))) {
    throw new DirectoryInUse(
      `${directory} is in use by process ${holder ?? process.pid}: stop that one, name another directory, or delete ${file} if it is wrong.`,
    );
  }
  if (holder !== undefined) rmSync(file, { force: true });
  // Fails if another process has made the file in this very moment.
  writeFileSync(file, String(process.pid), { flag: 'wx' });
  held.add(directory);
  return {
    release() {
      held.delete(directory);
      rmSync(file, { force: true });
    },
  };
}

function readHolder(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    // Signal 0 is never delivered; it only asks whether the process is there.
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
