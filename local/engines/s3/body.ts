import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { AwsError } from '../../resources.ts';

/** A body on disk, not yet an object. */
export interface ReceivedBody {
  readonly file: string;
  readonly size: number;
  /** Hexadecimal. */
  readonly md5: string;
  /** Checksums that the sender gave and that were found right, as response headers. */
  readonly checksums: Readonly<Record<string, string>>;
}

type Headers = Readonly<Record<string, string>>;

/** Longest chunk header or trailer line; a longer one is no aws-chunked body. */
const lineLengthMax = 1_024;

/**
 * Writes a request body to a file, taking away the aws-chunked encoding and checking its length and checksums.
 * CRC32C and CRC64NVME are taken without a check, because Node.js does not compute them.
 * @throws AwsError `BadDigest`, `IncompleteBody`, `XAmzContentSHA256Mismatch` or `InvalidRequest`; the file is gone then.
 */
export async function receiveBody(
  source: AsyncIterable<Buffer>,
  file: string,
  headers: Headers,
): Promise<ReceivedBody> {
  const trailers: Record<string, string> = {};
  const chunked = headers['x-amz-content-sha256']?.startsWith('STREAMING-') ?? false;
  const content = chunked ? decodeAwsChunked(source, trailers) : source;
  const hashes = { md5: createHash('md5'), sha1: createHash('sha1'), sha256: createHash('sha256') };
  let size = 0;
  let crc = 0;
  async function* measured() {
    for await (const chunk of content) {
      size += chunk.length;
      crc = crc32(chunk, crc);
      for (const hash of Object.values(hashes)) hash.update(chunk);
      yield chunk;
    }
  }
  try {
    await pipeline(measured, createWriteStream(file));
    const declared = headers['x-amz-decoded-content-length'] ?? headers['content-length'];
    if (declared !== undefined && Number(declared) !== size) {
      throw new AwsError('IncompleteBody', `The body has ${size} bytes and not the ${declared} that its header says.`);
    }
    const md5 = hashes.md5.digest();
    const sha256 = hashes.sha256.digest();
    checkDigests(headers, md5, sha256);
    const actual = { crc32: encodeCrc(crc), sha1: hashes.sha1.digest('base64'), sha256: sha256.toString('base64') };
    return { file, size, md5: md5.toString('hex'), checksums: checkChecksums({ ...headers, ...trailers }, actual) };
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}

/**
 * Takes apart `<size in hex>[;extension]\r\n<data>\r\n ... 0\r\n<trailer>: <value>\r\n\r\n`, which SDKs send when they
 * stream, and fills in the trailers.
 */
export async function* decodeAwsChunked(source: AsyncIterable<Buffer>, trailers: Record<string, string>) {
  let pending: Buffer = Buffer.alloc(0);
  /** Data bytes still to come in this chunk; undefined while a chunk header is expected. */
  let left: number | undefined;
  let inTrailer = false;
  for await (const piece of source) {
    pending = pending.length === 0 ? piece : Buffer.concat([pending, piece]);
    for (;;) {
      if (left !== undefined && left > 0) {
        if (pending.length === 0) break;
        const data = pending.subarray(0, left);
        pending = pending.subarray(data.length);
        left -= data.length;
        yield data;
        continue;
      }
      const end = pending.indexOf('\r\n');
      if (end < 0) {
        if (pending.length > lineLengthMax) throw invalidChunk();
        break;
      }
      const line = pending.toString('latin1', 0, end);
      pending = pending.subarray(end + 2);
      if (left === 0) {
        // The line end that closes a chunk's data.
        if (line !== '') throw invalidChunk();
        left = undefined;
      } else if (inTrailer) {
        const [name = '', value = ''] = line.split(/:(.*)/s);
        if (name !== '') trailers[name.toLowerCase().trim()] = value.trim();
      } else {
        const size = /^[\da-f]{1,8}(?=;|$)/i.exec(line)?.[0];
        if (size === undefined) throw invalidChunk();
        inTrailer = Number.parseInt(size, 16) === 0;
        left = inTrailer ? undefined : Number.parseInt(size, 16);
      }
    }
  }
  if (!inTrailer) throw new AwsError('IncompleteBody', 'The aws-chunked body ended before its last chunk.');
}

function invalidChunk(): AwsError {
  return new AwsError('InvalidRequest', 'The body is not in the aws-chunked encoding that its header announces.');
}

function checkDigests(headers: Headers, md5: Buffer, sha256: Buffer): void {
  if (headers['content-md5'] !== undefined && headers['content-md5'] !== md5.toString('base64')) {
    throw new AwsError('BadDigest', 'The Content-MD5 you specified did not match what we received.');
  }
  const signed = headers['x-amz-content-sha256'] ?? '';
  if (/^[\da-f]{64}$/.test(signed) && signed !== sha256.toString('hex')) {
    const message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
    throw new AwsError('XAmzContentSHA256Mismatch', message);
  }
}

function checkChecksums(given: Headers, actual: Readonly<Record<string, string>>): Record<string, string> {
  const checked: Record<string, string> = {};
  for (const [algorithm, value] of Object.entries(actual)) {
    const name = `x-amz-checksum-${algorithm}`;
    if (given[name] === undefined) continue;
    if (given[name] !== value) {
      const message = `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`;
      throw new AwsError('BadDigest', message);
    }
    checked[name] = value;
  }
  return checked;
}

function encodeCrc(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc);
  return bytes.toString('base64');
}
