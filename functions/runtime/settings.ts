import { readSettings, type Settings, type SettingsStore } from '../../store/settings.ts';

/**
 * Settings are read once and then kept fresh beside the requests, so that no write waits for a read: a warm instance
 * answers from what it has, and starts a new read when that is older than this many milliseconds.
 */
const FRESH_MS = 5_000;
/** Older than this, a request waits for a new read. It is how long a pause or a price may take to be seen everywhere. */
const STALE_MS_MAX = 15_000;

export interface SettingsCache {
  get(): Promise<Settings>;
  /** Reads again and waits: for when what is known does not answer, such as a price just published. */
  refresh(): Promise<Settings>;
}

export function createSettingsCache(store: SettingsStore, now: () => number): SettingsCache {
  let known: { settings: Settings; readAt: number } | undefined;
  let reading: { promise: Promise<Settings>; startedAt: number } | undefined;

  const read = (): Promise<Settings> => {
    const startedAt = now();
    const promise = readSettings(store)
      .then((settings) => {
        // A read that was overtaken by a later one does not undo what that one knows.
        if (known === undefined || known.readAt <= startedAt) known = { settings, readAt: startedAt };
        return settings;
      })
      .finally(() => {
        if (reading?.promise === promise) reading = undefined;
      });
    reading = { promise, startedAt };
    return promise;
  };

  /** Joins a read that started at this time or later; an older one may have missed what was written since. */
  const readSince = (time: number): Promise<Settings> =>
    reading !== undefined && reading.startedAt >= time ? reading.promise : read();

  const get = async (): Promise<Settings> => {
    const time = now();
    if (known === undefined || time - known.readAt >= STALE_MS_MAX) return readSince(time - FRESH_MS);
    // A failed read beside a request is not that request's failure; the next one tries again.
    if (time - known.readAt >= FRESH_MS) readSince(time - FRESH_MS).catch(() => undefined);
    return known.settings;
  };

  return { get, refresh: () => readSince(now()) };
}
