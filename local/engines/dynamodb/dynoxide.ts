import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { findPort } from '../../ports.ts';

/** The DynamoDB engine cannot run here; the message says what to do. */
export class EngineUnavailable extends Error {
  override name = 'EngineUnavailable';
}

const enginePackage = '@dynoxide/linux-x64';
/** Older ones were never tried. */
const oldestVersion = { major: 1, minor: 2 };
const startTimeoutMs = 10_000;
const retryAfterMs = 5;
const alternative = 'or set DYNAMODB_ENDPOINT to the URL of another engine, such as DynamoDB Local.';

/**
 * Runs the engine and keeps a line to it open: its standard input. However this process ends, the line closes and the
 * shell ends the engine by its process id, so that no engine is ever left behind with the database open.
 */
const lifeline = `
  "$@" < /dev/null & engine=$!
  exec 3<&0
  (read -r _ <&3; kill "$engine") 2> /dev/null &
  wait "$engine"
`;

/**
 * Starts Dynoxide on a database file and waits until it answers.
 * @throws EngineUnavailable, or PortInUse when a certain port is asked for and taken
 */
export async function startDynoxide(options: { databaseFile: string; port?: number }) {
  const binary = findBinary();
  const port = await findPort('127.0.0.1', options.port ?? 0);
  const serve = ['serve', '--host', '127.0.0.1', '--port', String(port), '--db-path', options.databaseFile];
  // Detached, so that Ctrl-C reaches us and not the engine, which must still serve the calls under way.
  const engine = spawn('/bin/sh', ['-c', lifeline, 'dynoxide', binary, ...serve], {
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const ended = once(engine, 'exit');
  const complaints = text(engine.stderr);
  const url = `http://127.0.0.1:${port}`;
  async function stop() {
    engine.stdin.end();
    await ended;
  }

  const deadline = Date.now() + startTimeoutMs;
  while (!(await answers(url))) {
    if (engine.exitCode !== null) {
      engine.stdin.end();
      throw new EngineUnavailable(`The DynamoDB engine did not start: ${(await complaints).trim()}`);
    }
    if (Date.now() > deadline) {
      await stop();
      throw new EngineUnavailable(`The DynamoDB engine did not answer on ${url} within ${startTimeoutMs} ms.`);
    }
    await wait(retryAfterMs);
  }
  return { url, stop };
}

function findBinary(): string {
  const manifestFile = findManifest();
  if (manifestFile === undefined) {
    throw new EngineUnavailable(
      `The DynamoDB engine ${enginePackage} is not installed: run npm install on Linux x64, ${alternative}`,
    );
  }
  const { version } = JSON.parse(readFileSync(manifestFile, 'utf8')) as { version: string };
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < oldestVersion.major || (major === oldestVersion.major && minor < oldestVersion.minor)) {
    const oldest = `${oldestVersion.major}.${oldestVersion.minor}`;
    throw new EngineUnavailable(`${enginePackage} ${version} is too old: install ${oldest} or later, ${alternative}`);
  }
  const binary = join(dirname(manifestFile), 'dynoxide');
  try {
    accessSync(binary, constants.X_OK);
  } catch {
    throw new EngineUnavailable(`${binary} cannot be run: run npm install again, ${alternative}`);
  }
  return binary;
}

function findManifest(): string | undefined {
  try {
    return findPackageJSON(enginePackage, import.meta.url);
  } catch {
    return undefined;
  }
}

/** Whether something that says it is Dynoxide listens there. */
async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.headers.get('server')?.startsWith('Dynoxide') ?? false;
  } catch {
    return false;
  }
}
