#!/usr/bin/env node
import { exitCodes } from '../cli/exit-codes.ts';
import { systemIo } from '../cli/io.ts';
import { run } from '../cli/run.ts';

const stop = new AbortController();
// Once: who presses ctrl-c a second time means it.
process.once('SIGINT', () => stop.abort());
for (const stream of [process.stdout, process.stderr]) {
  // `reckoner runs | head` closes the pipe early, which is nobody's mistake: nobody reads what follows, but the exit
  // code still has to be true.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
// An exit code of 1 says that there are discrepancies, so nothing unexpected may end with it.
process.on('uncaughtException', (error) => {
  const what = String(error).replace(/\s+/g, ' ').slice(0, 300);
  process.stderr.write(`Something went wrong that should not: ${what}\n`);
  process.exit(exitCodes.notDone);
});

process.exitCode = await run(process.argv.slice(2), systemIo(stop.signal));
