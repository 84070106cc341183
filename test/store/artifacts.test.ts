import { createHash } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ArtifactDiffersError,
  type Artifacts,
  getText,
  linkTo,
  putOnce,
  putText,
  readLines,
  streamText,
  UnreadableObjectError,
} from '../../store/artifacts.ts';
import { StoreUnavailableError } from '../../store/retry.ts';
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

it('reads lines whose characters and ends fall anywhere between chunks', async () => {
  const body = `${'é'.repeat(40_000)}\n\nlast without an end`;
  await putText(artifacts, 'lines', 'text/plain', body);
  expect(await Array.fromAsync(readLines(artifacts, 'lines'))).toEqual(body.split('\n'));
});

describe('a fault of S3 that passes', () => {
  it.each([
    [500, 'InternalError'],
    [400, 'RequestTimeout'],
    [503, 'SlowDown'],
    [502, 'BadGateway'],
    [409, 'ConditionalRequestConflict'],
  ])('is told as the store being unavailable: %i %s', async (status, code) => {
    await withS3(
      (_, answer) => answer.writeHead(status).end(`<Error><Code>${code}</Code><Message>m</Message></Error>`),
      async (failing) => {
        await expect(putText(failing, 'k', 'text/plain', 'b')).rejects.toThrow(StoreUnavailableError);
        await expect(putOnce(failing, 'k', 'text/plain', 'b')).rejects.toThrow(StoreUnavailableError);
        await expect(getText(failing, 'k')).rejects.toThrow(StoreUnavailableError);
        await expect(streamText(failing, 'k', 'text/plain', oneLine())).rejects.toThrow(StoreUnavailableError);
      },
    );
  });

  it('may be a connection that breaks off within an object, which must not pass for a shorter one', async () => {
    await withS3(
      (_, answer) => {
        answer.writeHead(200, { 'content-length': '1000' });
        answer.write('first\nsecond\nthi', () => answer.destroy());
      },
      async (failing) => {
        await expect(Array.fromAsync(readLines(failing, 'k'))).rejects.toThrow(StoreUnavailableError);
        await expect(getText(failing, 'k')).rejects.toThrow(StoreUnavailableError);
      },
    );
  });
});

it('leaves a refusal of S3 what it is', async () => {
  await withS3(
    (_, answer) => answer.writeHead(403).end('<Error><Code>AccessDenied</Code><Message>m</Message></Error>'),
    async (failing) => {
      const refused = getText(failing, 'k').catch((error: unknown) => error);
      expect(await refused).toBeInstanceOf(S3ServiceException);
      expect(await refused).toMatchObject({ name: 'AccessDenied' });
    },
  );
});

it('takes an answer without a stream for an error and not for an empty object', async () => {
  const client = { send: async () => ({}) } as unknown as S3Client;
  await expect(getText({ client, bucket: 'b' }, 'k')).rejects.toThrow(UnreadableObjectError);
  await expect(Array.fromAsync(readLines({ client, bucket: 'b' }, 'k'))).rejects.toThrow(UnreadableObjectError);
});

async function* oneLine(): AsyncGenerator<string> {
  yield 'line\n';
}

/** Runs a test against a server that answers every request of S3 alike. */
async function withS3(answer: RequestListener, test: (failing: Artifacts) => Promise<void>): Promise<void> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => answer(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    forcePathStyle: true,
    maxAttempts: 1,
  });
  try {
    await test({ client, bucket: 'artifacts' });
  } finally {
    client.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
