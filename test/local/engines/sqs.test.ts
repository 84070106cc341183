import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startSqs } from '../../../local/engines/sqs.ts';
import type { Resource } from '../../../local/resources.ts';

const place = { accountId: '123456789012', region: 'eu-west-1' };
const base = 'http://127.0.0.1:4566/123456789012';
const deadLetterArn = 'arn:aws:sqs:eu-west-1:123456789012:dead';

function queue(name: string, properties: Record<string, unknown> = {}): Resource {
  return {
    stack: 'Test',
    logicalId: name,
    type: 'AWS::SQS::Queue',
    properties,
    physicalId: `${base}/${name}`,
    arn: '',
  };
}

const redrive = { RedrivePolicy: { deadLetterTargetArn: deadLetterArn, maxReceiveCount: 2 } };
const resources = [queue('imports', { VisibilityTimeout: 30, ...redrive }), queue('dead')];
const imports = { QueueUrl: `${base}/imports` };

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function boot(directory?: string, template: Resource[] = resources) {
  const sqs = await startSqs({ resources: template, place, directory });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= sqs.stop();
    return stopped;
  };
  cleanups.push(stop);
  const receive = async (QueueUrl = imports.QueueUrl) => {
    const input = { QueueUrl, MessageSystemAttributeNames: ['ApproximateReceiveCount'] };
    const { Messages = [] } = (await sqs.handle('ReceiveMessage', input)) as {
      Messages?: { Body: string; ReceiptHandle: string; Attributes: Record<string, string> }[];
    };
    return Messages;
  };
  const release = async (ReceiptHandle: string) =>
    sqs.handle('ChangeMessageVisibility', { ...imports, ReceiptHandle, VisibilityTimeout: 0 });
  return { handle: sqs.handle, receive, release, stop };
}

async function temporaryDirectory() {
  const directory = await mkdtemp(join(tmpdir(), 'sqs-test-'));
  cleanups.push(() => rm(directory, { recursive: true }));
  return directory;
}

test.each(['memory', 'a directory'])('moves a message to the dead-letter queue in %s', async (where) => {
  const { handle, receive, release } = await boot(where === 'memory' ? undefined : await temporaryDirectory());
  await handle('SendMessage', { ...imports, MessageBody: 'poison' });
  for (const count of ['1', '2']) {
    const [message] = await receive();
    expect(message).toMatchObject({ Body: 'poison', Attributes: { ApproximateReceiveCount: count } });
    await release(message?.ReceiptHandle ?? '');
  }
  expect(await receive()).toEqual([]);
  expect(await receive(`${base}/dead`)).toMatchObject([{ Body: 'poison' }]);
});

test('wakes a waiting receiver', async () => {
  const { handle } = await boot();
  const waiting = handle('ReceiveMessage', { ...imports, WaitTimeSeconds: 20 });
  await handle('SendMessage', { ...imports, MessageBody: 'hello' });
  expect(await waiting).toMatchObject({ Messages: [{ Body: 'hello' }] });
});

test('keeps messages and their receive counts in its directory', async () => {
  const directory = await temporaryDirectory();
  const before = await boot(directory);
  await before.handle('SendMessage', { ...imports, MessageBody: 'kept' });
  const [message] = await before.receive();
  await before.release(message?.ReceiptHandle ?? '');
  await expect(startSqs({ resources, place, directory })).rejects.toMatchObject({ name: 'DirectoryInUse' });
  await before.stop();

  const after = await boot(directory, [queue('imports', { VisibilityTimeout: 60 })]);
  const attributes = await after.handle('GetQueueAttributes', { ...imports, AttributeNames: ['All'] });
  expect(attributes).toMatchObject({ Attributes: { VisibilityTimeout: '60', ApproximateNumberOfMessages: '1' } });
  expect(await after.receive()).toMatchObject([{ Body: 'kept', Attributes: { ApproximateReceiveCount: '2' } }]);
  expect(await after.handle('ListQueues', {})).toEqual({ QueueUrls: [imports.QueueUrl] });
});

test('knows the queues of the template by name, whatever the host of the URL', async () => {
  const { handle } = await boot();
  expect(await handle('GetQueueUrl', { QueueName: 'dead' })).toEqual({ QueueUrl: `${base}/dead` });
  await handle('SendMessage', { QueueUrl: 'https://sqs.eu-west-1.amazonaws.com/1/imports', MessageBody: 'hello' });
  const { Attributes } = (await handle('GetQueueAttributes', { ...imports, AttributeNames: ['All'] })) as {
    Attributes: Record<string, string>;
  };
  expect(Attributes.QueueArn).toBe('arn:aws:sqs:eu-west-1:123456789012:imports');
  await expect(handle('SendMessage', { QueueUrl: `${base}/other`, MessageBody: 'x' })).rejects.toMatchObject({
    name: 'QueueDoesNotExist',
  });
  await expect(handle('CreateQueue', { QueueName: 'other' })).rejects.toThrow();
});
