import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  ArtifactDiffersError,
  getText,
  linkTo,
  putOnce,
  putText,
  readLines,
  streamText,
} from '../../store/artifacts.ts';
import { startArtifacts, type TestArtifacts } from '../support/artifacts-bucket.ts';

let artifacts: TestArtifacts;

beforeAll(async () => {
  artifacts = await startArtifacts();
});
afterAll(() => artifacts.stop());

it('streams text of any size and tells its size and digest', async () => {
  const line = `${'é'.repeat(500)}\n`;
  const count = 12_000;
  async function* text() {
    for (let index = 0; index < count; index += 1) yield line;
  }
  const written = await streamText(artifacts, 'large.ndjson', 'application/x-ndjson', text());
  const whole = line.repeat(count);
  expect(written).toEqual({
    bytes: Buffer.byteLength(whole),
    sha256: createHash('sha256').update(whole).digest('hex'),
  });
  let lines = 0;
  for await (const read of readLines(artifacts, 'large.ndjson')) if (`${read}\n` === line) lines += 1;
  expect(lines).toBe(count);
});

it('streams nothing into an empty object', async () => {
  async function* nothing(): AsyncGenerator<string> {}
  expect((await streamText(artifacts, 'empty', 'text/plain', nothing())).bytes).toBe(0);
  expect(await getText(artifacts, 'empty')).toBe('');
  expect(await Array.fromAsync(readLines(artifacts, 'empty'))).toEqual([]);
});

it('writes nothing when the text breaks off', async () => {
  async function* broken(): AsyncGenerator<string> {
    yield 'begun';
    throw new Error('broken off');
  }
  await expect(streamText(artifacts, 'broken', 'text/plain', broken())).rejects.toThrow('broken off');
  await expect(getText(artifacts, 'broken')).rejects.toThrow();
});

it('writes once what must never change', async () => {
  await putOnce(artifacts, 'once', 'text/plain', 'first');
  await putOnce(artifacts, 'once', 'text/plain', 'first');
  await expect(putOnce(artifacts, 'once', 'text/plain', 'second')).rejects.toThrow(ArtifactDiffersError);
  expect(await getText(artifacts, 'once')).toBe('first');
});

it('gives links that open without credentials', async () => {
  await putText(artifacts, 'linked', 'text/plain', 'content');
  const answer = await fetch(await linkTo(artifacts, 'linked'));
  expect(await answer.text()).toBe('content');
});
