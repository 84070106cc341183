import { Readable } from 'node:stream';
import { S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { described } from './calls.ts';
import { timedOut } from './dynamodb/faults.ts';
import type { Instance } from './instances.ts';
import type { World } from './world.ts';

/** The buckets of S3 in this process: objects by key, writes that may insist on being the first, and faults. */
export type Objects = Map<string, string>;

/** Of a real client: what uploads and links are made by beside `send`. It calls nobody. */
const { config, middlewareStack } = new S3Client({
  endpoint: 'https://s3',
  region: 'us-east-1',
  credentials: { accessKeyId: 'simulation', secretAccessKey: 'simulation' },
  forcePathStyle: true,
});

/** Milliseconds that a call of S3 takes at most when nothing is wrong. */
const LATENCY_MS = 40;
/** Milliseconds until a call of which nothing came back is given up. */
const GIVEN_UP_MS = 3_000;

export function s3Client(world: World, instance: Instance): S3Client {
  const { scheduler, chaos, random } = world;
  const send = (command: object): Promise<object> =>
    new Promise((resolve, reject) => {
      if (instance.isDead) return;
      if (chaos.strikes('object-crash')) return instance.die();
      const isLost = chaos.strikes('object-lost');
      const isServers = chaos.strikes('object-fault');
      const isUnanswered = chaos.strikes('object-unanswered');
      scheduler.after(isLost ? GIVEN_UP_MS : 1 + random.below(LATENCY_MS), () => {
        if (instance.isDead) return;
        if (isLost) return reject(timedOut());
        if (isServers) return reject(fault('SlowDown', 503));
        const outcome = attempt(() => perform(world.objects, command));
        world.trace.note(scheduler.now(), instance.name, described(command).name, outcome.told);
        if (isUnanswered) return scheduler.after(GIVEN_UP_MS, () => instance.isDead || reject(timedOut()));
        if ('answer' in outcome) resolve(outcome.answer);
        else reject(outcome.error);
      });
    });
  return { send, config, middlewareStack } as unknown as S3Client;
}

type Outcome = { readonly told: string } & ({ readonly answer: object } | { readonly error: unknown });

function attempt(run: () => object): Outcome {
  try {
    return { told: 'ok', answer: run() };
  } catch (error) {
    return { told: (error as Error).name, error };
  }
}

interface ObjectInput {
  readonly Bucket: string;
  readonly Key: string;
  readonly Body?: string | Uint8Array;
  readonly IfNoneMatch?: string;
}

function perform(objects: Objects, command: object): object {
  const { name, input } = described(command);
  const { Bucket, Key, Body = '', IfNoneMatch } = input as ObjectInput;
  const path = `${Bucket}/${Key}`;
  if (name === 'PutObjectCommand') {
    if (IfNoneMatch === '*' && objects.has(path)) throw fault('PreconditionFailed', 412);
    objects.set(path, typeof Body === 'string' ? Body : Buffer.from(Body).toString());
    return {};
  }
  if (name !== 'GetObjectCommand') throw new TypeError(`The model of S3 has no ${name}.`);
  const body = objects.get(path);
  if (body === undefined) throw fault('NoSuchKey', 404);
  return { Body: Readable.from([Buffer.from(body)]) };
}

function fault(name: string, httpStatusCode: number): Error {
  const $fault = httpStatusCode >= 500 ? 'server' : 'client';
  return new S3ServiceException({ name, message: name, $fault, $metadata: { httpStatusCode } });
}
