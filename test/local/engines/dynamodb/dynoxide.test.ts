import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';

test('the engine ends with its owner, even when that one is killed', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'dynoxide-test-'));
  const module = new URL('../../../../local/engines/dynamodb/dynoxide.ts', import.meta.url).href;
  const script = `
    const { startDynoxide } = await import(${JSON.stringify(module)});
    const { url } = await startDynoxide({ databaseFile: ${JSON.stringify(join(directory, 'tables.db'))} });
    console.log(url);
  `;
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [url] = (await once(createInterface(owner.stdout), 'line')) as [string];
  expect((await fetch(url)).status).toBe(200);
  owner.kill('SIGKILL');
  while (await answers(url)) await wait(5);
  await rm(directory, { recursive: true });
});

async function answers(url: string): Promise<boolean> {
  return await fetch(url).then(
    () => true,
    () => false,
  );
}
