#!/usr/bin/env node
import { systemIo } from '../cli/io.ts';
import { run } from '../cli/run.ts';

const stop = new AbortController();
// Once: who presses ctrl-c a second time means it.
process.once('SIGINT', () => stop.abort());
// `reckoner runs | head` closes the pipe early, which is nobody's mistake.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await run(process.argv.slice(2), systemIo(stop.signal));
