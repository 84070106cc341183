import { type Command, InvalidArgumentError } from 'commander';
import { type Client, createClient } from '../contract/client.ts';
import type { ExitCode } from './exit-codes.ts';
import { CommandFailedError } from './failure.ts';
import { type Io, note } from './io.ts';

/** What a command's action is given beside its own options. */
export interface Context {
  readonly io: Io;
  /** The client for the service that the options or the environment name. */
  readonly connect: (command: Command) => Client;
  /** Sets the exit code; the last word counts. */
  readonly finish: (code: ExitCode) => void;
}

/** @throws CommandFailedError when nobody said where the service is. */
export function connectBy(io: Io): Context['connect'] {
  return (command) => {
    const options = command.optsWithGlobals<{ url?: string; key?: string }>();
    const url = options.url ?? io.env.RECKONER_URL ?? '';
    if (url === '') throw new CommandFailedError('Say where the service is: with --url, or in RECKONER_URL.');
    if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
      throw new CommandFailedError(`"${url}" is not a URL of the service; it starts with https:// or http://.`);
    }
    const key = options.key ?? io.env.RECKONER_KEY;
    const { fetch, now, random } = io;
    return createClient({ baseUrl: url, key, fetch, now, random, wait: waitAloud(io) });
  };
}

/** Waits like the others, and says so the first time: a silent terminal looks like a hanging one. */
function waitAloud(io: Io): Io['wait'] {
  let isSaid = false;
  return (milliseconds, signal) => {
    if (!isSaid) note(io, 'The service does not answer yet; trying again.');
    isSaid = true;
    return io.wait(milliseconds, signal);
  };
}

/** Milliseconds in a minute. */
const MINUTE_MS = 60_000;

/** Reads an option given in minutes, as milliseconds. @throws InvalidArgumentError */
export function minutes(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 24 * 60)) throw new InvalidArgumentError('Give minutes, more than 0 and at most 1440.');
  return value * MINUTE_MS;
}

/** A reader of options that are whole numbers within limits. What it returns throws InvalidArgumentError. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^[0-9]+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
  };
}

/** Minutes that a command follows work before it leaves it alone: the longest run that is still expected to end. */
export const FOLLOW_MS = 60 * MINUTE_MS;
