import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { addMilliseconds, type Instant } from '../domain/time.ts';
import { isTransient, StoreUnavailableError } from './retry.ts';

/**
 * What runs leave behind: plans, parts and reports in a bucket. Whatever fails here for a passing reason, after the
 * attempts of the SDK, is a StoreUnavailableError; all else is thrown as it is.
 */
export interface Artifacts {
  readonly client: S3Client;
  readonly bucket: string;
}

/** What was written, as a manifest lists it. */
export interface Written {
  readonly bytes: number;
  /** SHA-256 in hexadecimal digits. */
  readonly sha256: string;
}

/** Where an artifact of a reconciliation run is. */
export function runKey(runId: string, name: string): string {
  return `reconciliations/${runId}/${name}`;
}

/** Where an artifact of a sealing, or of a verification of seals, is. */
export function sealRunKey(
  { mode, id }: { readonly mode: 'seal' | 'verify'; readonly id: string },
  name: string,
): string {
  return `seals/${mode === 'seal' ? 'runs' : 'verifications'}/${id}/${name}`;
}

/** Where an artifact of a repair is. */
export function repairKey(repairId: string, name: string): string {
  return `repairs/${repairId}/${name}`;
}

/** Where what a billing run leaves behind is. */
export function billingRunKey(runId: string, name: string): string {
  return `billing-runs/${runId}/${name}`;
}

/** Where the invoices of a month are written out to. */
export function invoicesKey(month: string, name: string): string {
  return `invoices/${month}/${name}`;
}

/** Writes an object in one piece. */
export async function putText(
  artifacts: Artifacts,
  key: string,
  type: string,
  body: string,
  Metadata: Readonly<Record<string, string>> = {},
): Promise<Written> {
  const command = new PutObjectCommand({ Bucket: artifacts.bucket, Key: key, ContentType: type, Body: body, Metadata });
  await tellingPassing(() => artifacts.client.send(command));
  return { bytes: Buffer.byteLength(body), sha256: createHash('sha256').update(body).digest('hex') };
}

/** An object that is written once was there already, with another content. */
export class ArtifactDiffersError extends Error {
  override name = 'ArtifactDiffersError';
}

/**
 * Writes an object that must never change. Writing the same again is no error.
 * @throws ArtifactDiffersError when it is there with another content.
 */
export async function putOnce(artifacts: Artifacts, key: string, type: string, body: string): Promise<void> {
  const put = { Bucket: artifacts.bucket, Key: key, ContentType: type, Body: body, IfNoneMatch: '*' };
  try {
    await tellingPassing(() => artifacts.client.send(new PutObjectCommand(put)));
  } catch (error) {
    if (!isThereAlready(error)) throw error;
    if ((await getText(artifacts, key)) !== body) throw differs(key);
  }
}

function isThereAlready(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 412;
}

function differs(key: string): ArtifactDiffersError {
  return new ArtifactDiffersError(`${key} is written once and is there with another content; look at who wrote it.`);
}

export async function getText(artifacts: Artifacts, key: string): Promise<string> {
  const chunks = await Array.fromAsync(readBytes(artifacts, key));
  return Buffer.concat(chunks).toString();
}

/** The same for an object that may be missing; undefined when it is. */
export async function getTextIfThere(artifacts: Artifacts, key: string): Promise<string | undefined> {
  try {
    return await getText(artifacts, key);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** What was noted with an object when it was written; undefined when it is missing. */
export async function getMetadata(
  artifacts: Artifacts,
  key: string,
): Promise<Readonly<Record<string, string>> | undefined> {
  const command = new HeadObjectCommand({ Bucket: artifacts.bucket, Key: key });
  try {
    return (await tellingPassing(() => artifacts.client.send(command))).Metadata ?? {};
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** S3 says 403 for what is not there to those who may not list what is (Amazon S3 API Reference, GetObject). */
function isMissing(error: unknown): boolean {
  const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
  return status === 404 || status === 403;
}

/** Reads an object line by line, however large it is. */
export async function* readLines(artifacts: Artifacts, key: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of readBytes(artifacts, key)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}

/** What S3 gave for an object cannot be read. */
export class UnreadableObjectError extends Error {
  override name = 'UnreadableObjectError';
}

/** @throws UnreadableObjectError when the answer carries no stream: it must not be taken for an empty object. */
export async function* readBytes(artifacts: Artifacts, key: string): AsyncGenerator<Uint8Array> {
  const command = new GetObjectCommand({ Bucket: artifacts.bucket, Key: key });
  const { Body: body } = await tellingPassing(() => artifacts.client.send(command));
  if (!(body instanceof Readable)) throw new UnreadableObjectError(`S3 answered ${key} without a stream of its bytes.`);
  try {
    for await (const chunk of body) yield chunk;
  } catch (error) {
    throw unavailableIfPassing(error);
  }
}

/** Bytes that are gathered before they are passed on; small writes one by one would cost more than what they carry. */
const CHUNK_BYTES = 64 * 1024;

/** Writes an object from text as it comes; above 5 MB (AWS limit of a part) in several parts, so memory stays flat. */
export async function streamText(
  artifacts: Artifacts,
  key: string,
  type: string,
  text: AsyncIterable<string>,
): Promise<Written> {
  const { upload, written } = startUpload(artifacts, key, type, text);
  await tellingPassing(() => upload.done());
  return written();
}

/**
 * The same for an object that must never change. Writing the same again is no error.
 * @throws ArtifactDiffersError when it is there with another content.
 */
export async function streamOnce(
  artifacts: Artifacts,
  key: string,
  type: string,
  text: AsyncIterable<string>,
): Promise<Written> {
  const { upload, written } = startUpload(artifacts, key, type, text, { IfNoneMatch: '*' });
  try {
    await tellingPassing(() => upload.done());
    return written();
  } catch (error) {
    if (!isThereAlready(error)) throw error;
    const hash = createHash('sha256');
    for await (const chunk of readBytes(artifacts, key)) hash.update(chunk);
    // S3 looks for the object when all of the text was sent, so its digest is known.
    const wanted = written();
    if (hash.digest('hex') !== wanted.sha256) throw differs(key);
    return wanted;
  }
}

function startUpload(
  artifacts: Artifacts,
  key: string,
  type: string,
  text: AsyncIterable<string>,
  only: { readonly IfNoneMatch?: '*' } = {},
) {
  const hash = createHash('sha256');
  let bytes = 0;
  async function* chunks(): AsyncGenerator<Buffer> {
    for await (const chunk of inChunks(text)) {
      hash.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
  }
  const upload = new Upload({
    client: artifacts.client,
    params: { Bucket: artifacts.bucket, Key: key, ContentType: type, Body: Readable.from(chunks()), ...only },
    // The bucket clears parts of broken uploads away; doing it here would need one more permission.
    leavePartsOnError: true,
  });
  return { upload, written: (): Written => ({ bytes, sha256: hash.digest('hex') }) };
}

async function* inChunks(text: AsyncIterable<string>): AsyncGenerator<Buffer> {
  let gathered: string[] = [];
  let length = 0;
  for await (const piece of text) {
    gathered.push(piece);
    length += piece.length;
    if (length < CHUNK_BYTES) continue;
    yield Buffer.from(gathered.join(''));
    gathered = [];
    length = 0;
  }
  if (length > 0) yield Buffer.from(gathered.join(''));
}

/** Seconds that a link is good for: long enough to open, too short to be passed around. */
const LINK_SECONDS = 15 * 60;

/** A link by which anybody may read one object for a quarter of an hour. */
export async function linkTo(artifacts: Artifacts, key: string): Promise<string> {
  return getSignedUrl(artifacts.client, new GetObjectCommand({ Bucket: artifacts.bucket, Key: key }), {
    expiresIn: LINK_SECONDS,
  });
}

/** A link by which anybody may put one object, once its upload has begun within a quarter of an hour (S3 checks at its start). */
export async function uploadLinkTo({ client, bucket }: Artifacts, key: string, now: Instant) {
  const url = await getSignedUrl(client, new PutObjectCommand({ Bucket: bucket, Key: key }), {
    expiresIn: LINK_SECONDS,
  });
  return { method: 'PUT' as const, url, expiresAt: addMilliseconds(now, LINK_SECONDS * 1_000) };
}

/** Faults of S3 that pass (Amazon S3 API Reference, "Error responses"), and of connections that break off. */
const PASSING_FAULTS = new Set([
  'InternalError',
  'RequestTimeout',
  'SlowDown',
  'OperationAborted',
  'ConditionalRequestConflict',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/** @throws StoreUnavailableError instead of a fault that passes. */
export async function tellingPassing<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw unavailableIfPassing(error);
  }
}

function unavailableIfPassing(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = 'code' in error ? String(error.code) : '';
  const isServers = error instanceof S3ServiceException && (error.$metadata.httpStatusCode ?? 0) >= 500;
  const passes = isTransient(error) || isServers || PASSING_FAULTS.has(error.name) || PASSING_FAULTS.has(code);
  if (!passes) return error;
  return new StoreUnavailableError(`S3 is unavailable: ${error.name}: ${error.message}`, { cause: error });
}
