import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeAwsChunked } from '../../../../local/engines/s3/body.ts';

async function decode(encoded: Buffer, pieceLength: number) {
  const trailers: Record<string, string> = {};
  async function* pieces() {
    for (let at = 0; at < encoded.length; at += pieceLength) yield encoded.subarray(at, at + pieceLength);
  }
  const decoded: Buffer[] = [];
  for await (const piece of decodeAwsChunked(pieces(), trailers)) decoded.push(piece);
  return { text: Buffer.concat(decoded).toString('latin1'), trailers };
}

test('decodes chunks however the network cuts them', async () => {
  const chunks = fc.array(fc.string({ minLength: 1, maxLength: 40, unit: 'binary-ascii' }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(chunks, fc.integer({ min: 1, max: 60 }), fc.boolean(), async (texts, pieceLength, signed) => {
      const extension = signed ? ';chunk-signature=0123abcd' : '';
      const chunk = (text: string) => `${text.length.toString(16)}${extension}\r\n${text}\r\n`;
      const trailer = 'x-amz-checksum-crc32: AAAAAA==\r\n';
      const encoded = Buffer.from(`${texts.map(chunk).join('')}0${extension}\r\n${trailer}\r\n`, 'latin1');
      expect(await decode(encoded, pieceLength)).toEqual({
        text: texts.join(''),
        trailers: { 'x-amz-checksum-crc32': 'AAAAAA==' },
      });
    }),
  );
});

test.each([
  ['a body that ends too early', '5\r\nhello\r\n', 'IncompleteBody'],
  ['a chunk longer than its size', '4\r\nhello\r\n0\r\n\r\n', 'InvalidRequest'],
  ['a size that is no number', 'hello\r\n', 'InvalidRequest'],
])('refuses %s', async (_, encoded, name) => {
  await expect(decode(Buffer.from(encoded), 3)).rejects.toMatchObject({ name });
});
