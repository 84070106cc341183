import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { AwsError } from '../../resources.ts';
import { receiveBody } from './body.ts';
import { headersToKeep } from './objects.ts';
import type { S3Request } from './requests.ts';
import type { ObjectStore, Part, StoredObject, Upload } from './store.ts';
import { readElements } from './xml.ts';

/** S3's limits. */
const partNumberMax = 10_000;
/** Every part but the last has at least 5 MiB. */
const partBytesMin = 5 * 1024 * 1024;

export function createUpload(store: ObjectStore, { bucket, key, headers }: S3Request): Upload {
  const upload = { id: randomUUID().replaceAll('-', ''), bucket, key, headers: headersToKeep(headers) };
  store.addUpload(upload);
  return upload;
}

/** @throws AwsError `NoSuchUpload` or `InvalidArgument`, and those of `receiveBody`. */
export async function receivePart(store: ObjectStore, request: S3Request, body: AsyncIterable<Buffer>) {
  const upload = findUpload(store, request);
  const number = Number(request.query.get('partNumber'));
  if (!Number.isInteger(number) || number < 1 || number > partNumberMax) {
    throw new AwsError('InvalidArgument', `Part number must be an integer between 1 and ${partNumberMax}, inclusive`);
  }
  const received = await receiveBody(body, store.newFile(), request.headers);
  try {
    findUpload(store, request);
    store.putPart(upload.id, { number, file: received.file, size: received.size, md5: received.md5 });
  } catch (error) {
    store.discard(received.file);
    throw error;
  }
  return received;
}

/**
 * Joins the parts that the request names into a new body; the caller makes it an object.
 * @throws AwsError `MalformedXML`, `InvalidPart`, `InvalidPartOrder`, `EntityTooSmall` or `NoSuchUpload`.
 */
export async function joinParts(
  store: ObjectStore,
  request: S3Request,
  manifest: string,
): Promise<Pick<StoredObject, 'file' | 'size' | 'etag' | 'headers'>> {
  const upload = findUpload(store, request);
  const parts = chooseParts(store.partsOf(upload.id), readElements(manifest, 'Part'));
  const file = store.newFile();
  async function* contents() {
    for (const part of parts) yield* createReadStream(part.file);
  }
  try {
    await pipeline(contents, createWriteStream(file));
    findUpload(store, request);
  } catch (error) {
    store.discard(file);
    throw error;
  }
  const md5 = createHash('md5').update(Buffer.concat(parts.map((part) => Buffer.from(part.md5, 'hex'))));
  return {
    file,
    size: parts.reduce((total, part) => total + part.size, 0),
    etag: `${md5.digest('hex')}-${parts.length}`,
    headers: upload.headers,
  };
}

export function findUpload(store: ObjectStore, { bucket, key, query }: S3Request): Upload {
  const upload = store.findUpload(query.get('uploadId') ?? '');
  if (upload === undefined || upload.bucket !== bucket || upload.key !== key) {
    const message = 'The specified upload does not exist; it may have been aborted or completed.';
    throw new AwsError('NoSuchUpload', message, 404);
  }
  return upload;
}

function chooseParts(received: readonly Part[], wanted: readonly Record<string, string>[]): Part[] {
  if (wanted.length === 0) throw new AwsError('MalformedXML', 'You must specify at least one part');
  const parts = wanted.map(({ PartNumber, ETag }) => {
    const part = received.find(({ number }) => number === Number(PartNumber));
    if (part === undefined || part.md5 !== ETag?.replaceAll('"', '')) {
      throw new AwsError('InvalidPart', `Part ${PartNumber} was not uploaded, or its ETag is another one.`);
    }
    return part;
  });
  parts.forEach((part, position) => {
    const next = parts[position + 1];
    if (next === undefined) return;
    if (next.number <= part.number) throw new AwsError('InvalidPartOrder', 'Parts must be listed in ascending order.');
    if (part.size < partBytesMin) {
      throw new AwsError('EntityTooSmall', `Part ${part.number} is smaller than the minimum of ${partBytesMin} bytes.`);
    }
  });
  return parts;
}
