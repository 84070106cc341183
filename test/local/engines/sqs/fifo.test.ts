import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { startSqs } from '../../../../local/engines/sqs.ts';
import type { Resource } from '../../../../local/resources.ts';

const place = { accountId: '123456789012', region: 'eu-west-1' };
const base = 'http://127.0.0.1:4566/123456789012';
const lanes = { QueueUrl: `${base}/lanes.fifo` };
const dead = { QueueUrl: `${base}/dead.fifo` };

function queue(name: string, properties: Record<string, unknown> = {}): Resource {
  const physicalId = `${base}/${name}`;
  return { stack: 'Test', logicalId: name, type: 'AWS::SQS::Queue', properties, physicalId, arn: '' };
}

const redrive = (name: string) => ({
  RedrivePolicy: { deadLetterTargetArn: `arn:aws:sqs:eu-west-1:123456789012:${name}`, maxReceiveCount: 2 },
});
const template = [
  queue('lanes.fifo', { FifoQueue: true, VisibilityTimeout: 30, ...redrive('dead.fifo') }),
  queue('dead.fifo', { FifoQueue: true }),
];

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Received {
  readonly Body: string;
  readonly ReceiptHandle: string;
}

async function boot(directory?: string) {
  const sqs = await startSqs({ resources: template, place, directory });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= sqs.stop();
    return stopped;
  };
  cleanups.push(stop);
  /** Messages say their group and number: `a1`. */
  const send = async (...bodies: string[]) => {
    for (const body of bodies) {
      const ids = { MessageGroupId: body[0], MessageDeduplicationId: body };
      await sqs.handle('SendMessage', { ...lanes, ...ids, MessageBody: body });
    }
  };
  const receive = async (most = 10, from = lanes) => {
    const input = { ...from, MaxNumberOfMessages: most, MessageSystemAttributeNames: ['All'] };
    return ((await sqs.handle('ReceiveMessage', input)) as { Messages?: Received[] }).Messages ?? [];
  };
  const remove = ({ ReceiptHandle }: Received) => sqs.handle('DeleteMessage', { ...lanes, ReceiptHandle });
  const giveBack = ({ ReceiptHandle }: Received) =>
    sqs.handle('ChangeMessageVisibility', { ...lanes, ReceiptHandle, VisibilityTimeout: 0 });
  return { send, receive, remove, giveBack, stop, handle: sqs.handle };
}

const bodies = (messages: readonly Received[]) => messages.map(({ Body }) => Body);

async function temporaryDirectory() {
  const directory = await mkdtemp(join(tmpdir(), 'fifo-test-'));
  cleanups.push(() => rm(directory, { recursive: true }));
  return directory;
}

describe('a FIFO queue', () => {
  test('hands out several messages of a group at once, in the order in which they were sent', async () => {
    const { send, receive } = await boot();
    await send('a1', 'b1', 'a2', 'a3', 'b2');
    expect(bodies(await receive(2))).toEqual(['a1', 'a2']);
    expect(bodies(await receive())).toEqual(['b1', 'b2']);
  });

  test('hands out nothing more of a group until all that is under way was deleted', async () => {
    const { send, receive, remove } = await boot();
    await send('a1', 'a2', 'a3');
    const [first, second] = await receive(2);
    await remove(first as Received);
    expect(bodies(await receive())).toEqual([]);
    await remove(second as Received);
    expect(bodies(await receive())).toEqual(['a3']);
  });

  test.each([
    ['in their order', [0, 1]],
    ['the other way around', [1, 0]],
  ])('keeps the order of messages that come back %s', async (_, order) => {
    const { send, receive, giveBack } = await boot();
    await send('a1', 'a2', 'a3');
    const received = await receive(2);
    for (const index of order) await giveBack(received[index] as Received);
    expect(bodies(await receive())).toEqual(['a1', 'a2', 'a3']);
  });

  test('takes a message once for each deduplication id', async () => {
    const { send, receive } = await boot();
    await send('a1', 'a1');
    expect(bodies(await receive())).toEqual(['a1']);
  });

  test('refuses a message without a group, as SQS does', async () => {
    const { handle } = await boot();
    const input = { ...lanes, MessageBody: 'x', MessageDeduplicationId: 'x' };
    await expect(handle('SendMessage', input)).rejects.toMatchObject({ name: 'MissingParameter' });
  });

  test('sets a message aside that was received too often, and goes on behind it', async () => {
    const { send, receive, giveBack } = await boot();
    await send('a1', 'a2');
    for (let count = 0; count < 2; count += 1) {
      for (const message of await receive(1)) await giveBack(message);
    }
    expect(bodies(await receive(1))).toEqual(['a2']);
    expect(bodies(await receive(10, dead))).toEqual(['a1']);
  });

  test('keeps messages, their order and their locks in its directory', async () => {
    const directory = await temporaryDirectory();
    const before = await boot(directory);
    await before.send('a1', 'a2', 'b1', 'b2');
    const [first] = await before.receive(1);
    await before.stop();
    const after = await boot(directory);
    expect(bodies(await after.receive())).toEqual(['b1', 'b2']);
    await after.giveBack(first as Received);
    expect(bodies(await after.receive())).toEqual(['a1', 'a2']);
  });

  test('may not have dead letters of another kind', async () => {
    const resources = [queue('lanes.fifo', { FifoQueue: true, ...redrive('dead') }), queue('dead')];
    await expect(startSqs({ resources, place })).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });
});
