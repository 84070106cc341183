import { SingleBar } from 'cli-progress';
import { formatCount } from './format.ts';
import type { Io } from './io.ts';

/** A bar of work on stderr. Where stderr is no terminal nothing is drawn. */
export interface Progress {
  /** The total may become known, or grow, while the work goes on. */
  update(done: number, total: number | undefined): void;
  stop(): void;
}

export function progressBar(io: Io, label: string, unit: string): Progress {
  if (io.stderr.isTTY !== true) return { update: () => undefined, stop: () => undefined };
  const bar = new SingleBar({
    stream: io.stderr,
    format: `${label} {bar} {percentage}% | {value} of {total} ${unit} | {duration_formatted}`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    clearOnComplete: true,
  });
  let started = false;
  return {
    update(done, total) {
      if (total === undefined || total === 0) return;
      if (!started) bar.start(total, done);
      else {
        bar.setTotal(total);
        bar.update(done);
      }
      started = true;
    },
    stop() {
      if (started) bar.stop();
    },
  };
}

/** A count of work whose total nobody knows, on one line of the terminal. */
export function counter(io: Io, label: string, unit: string): Progress {
  if (io.stderr.isTTY !== true) return { update: () => undefined, stop: () => undefined };
  const toLineStart = '\r\u001B[K';
  return {
    update: (done) => io.stderr.write(`${toLineStart}${label} ${formatCount(done)} ${unit}`),
    stop: () => io.stderr.write(toLineStart),
  };
}
