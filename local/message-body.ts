import type { IncomingMessage } from 'node:http';

/**
 * The whole body of a request or an answer. The consumers of node:stream make a Blob of it on the way, which takes longer
 * than everything else that is done with a small one.
 * @returns undefined when it is longer than so many bytes; the rest of it is read and dropped.
 */
export function readWhole(message: IncomingMessage, bytesMax = Number.POSITIVE_INFINITY): Promise<Buffer | undefined> {
  if (Number(message.headers['content-length'] ?? 0) > bytesMax) {
    message.resume();
    return Promise.resolve(undefined);
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    message.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= bytesMax) chunks.push(chunk);
      else resolve(undefined);
    });
    message.on('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
    message.on('error', reject);
  });
}
