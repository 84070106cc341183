import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';

/** Where functions' output goes: the last lines of each in memory, all of them in a file per function when a directory is given. */
export interface LogSink {
  /** Takes the output of one instance as it comes, in pieces that may end within a line. */
  open(functionName: string): (text: string) => void;
  /** The last lines of a function, oldest first. */
  lines(functionName: string): readonly string[];
  close(): Promise<void>;
}

export interface LogSinkOptions {
  readonly directory?: string | undefined;
  /** Called with every line; where metrics are taken from. */
  readonly onLine?: (line: string) => void;
}

const LINES_KEPT_PER_FUNCTION = 1000;

export function createLogSink({ directory, onLine }: LogSinkOptions): LogSink {
  const kept = new Map<string, string[]>();
  const files = new Map<string, WriteStream>();
  if (directory !== undefined) mkdirSync(directory, { recursive: true });

  function fileOf(functionName: string): WriteStream | undefined {
    if (directory === undefined) return undefined;
    let file = files.get(functionName);
    if (file === undefined) {
      file = createWriteStream(join(directory, `${functionName}.log`), { flags: 'a' });
      files.set(functionName, file);
    }
    return file;
  }

  function add(functionName: string, line: string): void {
    const lines = kept.get(functionName) ?? [];
    kept.set(functionName, lines);
    lines.push(line);
    // Cut back rarely: shifting an array for every line would cost more than the lines.
    if (lines.length > 2 * LINES_KEPT_PER_FUNCTION) lines.splice(0, lines.length - LINES_KEPT_PER_FUNCTION);
    fileOf(functionName)?.write(`${line}\n`);
    onLine?.(line);
  }

  return {
    open(functionName) {
      let unfinished = '';
      return (text) => {
        const lines = (unfinished + text).split('\n');
        unfinished = lines.pop() ?? '';
        for (const line of lines) add(functionName, line);
      };
    },
    lines: (functionName) => (kept.get(functionName) ?? []).slice(-LINES_KEPT_PER_FUNCTION),
    async close() {
      await Promise.all([...files.values()].map((file) => new Promise<void>((resolve) => file.end(resolve))));
      files.clear();
    },
  };
}
