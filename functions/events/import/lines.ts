import { isUtf8 } from 'node:buffer';
import { DamagedGzipError } from './decompress.ts';
import { UnreadableFileError } from './unreadable.ts';

/** A line of the file, without its end. Where it could not be read, `fault` says why and `text` has its beginning. */
export interface Line {
  /** 1 is the file's first line. */
  readonly number: number;
  readonly text: string;
  readonly fault?: string;
}

/** Bytes of a line, and of a CSV record of many lines: an event has a few hundred, and a bound keeps memory flat. */
export const LINE_BYTES_MAX = 64 * 1024;

/** What a file may come to. */
export interface FileLimits {
  /** Unpacked, where it is compressed. */
  readonly bytes: number;
  readonly lines: number;
}

/**
 * Each attempt reads a file from its beginning, and a bomb of a few megabytes unpacks to thousands of times that, in one
 * line or in millions of empty ones that no checkpoint counts. This much is passed over within an attempt's time, and is
 * more than all attempts together could record.
 */
const FILE_LIMITS: FileLimits = { bytes: 8 * 1024 ** 3, lines: 20_000_000 };

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const UTF8_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Splits bytes into lines, each at most LINE_BYTES_MAX long; of a longer one only the beginning is held.
 * @throws UnreadableFileError for UTF-16, where a gzip stream breaks, and where the file is beyond its limits. A line
 * that the break cut through is not given out: half a number is another number.
 */
export async function* readLines(
  source: AsyncIterable<Buffer>,
  limits: FileLimits = FILE_LIMITS,
): AsyncGenerator<Line> {
  let number = 1;
  let bytes = 0;
  let pieces: Buffer[] = [];
  let held = 0;
  let dropped = 0;
  const hold = (piece: Buffer) => {
    const room = Math.min(piece.length, LINE_BYTES_MAX - held);
    if (room > 0) pieces.push(piece.subarray(0, room));
    held += room;
    dropped += piece.length - room;
  };
  const take = (): Line => {
    const line = lineOf(number, pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces), dropped);
    number += 1;
    pieces = [];
    held = 0;
    dropped = 0;
    return line;
  };
  try {
    for await (const chunk of source) {
      bytes += chunk.length;
      if (bytes > limits.bytes) throw tooLarge(number, `${limits.bytes} bytes`);
      let from = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
        hold(chunk.subarray(from, end));
        from = end + 1;
        if (number > limits.lines) throw tooLarge(number, `${limits.lines} lines`);
        yield take();
      }
      // Copied, because a chunk may be large and this piece of it may stay for long.
      if (from < chunk.length) hold(Buffer.from(chunk.subarray(from)));
    }
  } catch (error) {
    if (error instanceof DamagedGzipError) throw new UnreadableFileError(number, error.message, { cause: error });
    throw error;
  }
  if (held > 0) yield take();
}

function tooLarge(number: number, most: string): UnreadableFileError {
  return new UnreadableFileError(
    number,
    `The file has more than ${most} when it is unpacked; send the rest of it in further files. The rows before are kept.`,
  );
}

function lineOf(number: number, content: Buffer, dropped: number): Line {
  let bytes = content;
  if (number === 1) {
    if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
      throw new UnreadableFileError(1, 'The file is in UTF-16; save it as UTF-8 and send it again.');
    }
    if (bytes.subarray(0, UTF8_MARK.length).equals(UTF8_MARK)) bytes = bytes.subarray(UTF8_MARK.length);
  }
  if (dropped === 0 && bytes.at(-1) === CARRIAGE_RETURN) bytes = bytes.subarray(0, -1);
  const text = bytes.toString('utf8');
  if (dropped > 0) {
    const fault = `must have at most ${LINE_BYTES_MAX} bytes and has ${content.length + dropped}`;
    return { number, text, fault };
  }
  return isUtf8(bytes) ? { number, text } : { number, text, fault: 'must be text in UTF-8' };
}
