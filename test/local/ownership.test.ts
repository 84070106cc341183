import { describe, expect, it } from 'vitest';
import { allStarted, createOwner } from '../../local/ownership.ts';

describe('what was started', () => {
  it('is stopped once, the last first, and all of it when one cannot be stopped', async () => {
    const stopped: string[] = [];
    const { own, stop } = createOwner();
    for (const name of ['engine', 'broken', 'server']) {
      own({
        stop() {
          stopped.push(name);
          if (name === 'broken') throw new Error('stuck');
        },
      });
    }
    await expect(stop()).rejects.toThrow('stuck');
    await expect(stop()).rejects.toThrow('stuck');
    expect(stopped).toEqual(['server', 'broken', 'engine']);
  });

  it('is waited for to the last one before a failure is told', async () => {
    let late = false;
    const starting = allStarted([
      Promise.reject(new Error('no engine')),
      new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        late = true;
      }),
    ]);
    await expect(starting).rejects.toThrow('no engine');
    expect(late).toBe(true);
  });
});
