import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { boot, synthesize } from '../../bin/boot.ts';
import { type Fault, fuzz } from './fuzz.ts';

/** `npm run fuzz -- --requests 20000 --seed 1`: sends as many requests as one likes, to clouds of its own. */
const { values } = parseArgs({ options: { requests: { type: 'string' }, seed: { type: 'string' } } });
const requests = Number(values.requests ?? 20_000);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));

/** All tables are read again and again, so they must not grow for ever: so many requests, and a cloud starts afresh. */
const REQUESTS_PER_CLOUD = 2_000;

const directory = await mkdtemp(join(tmpdir(), 'reckoner-fuzz-'));
const faults = new Map<string, Fault>();
const answers = new Map<string, number>();
const startedAt = Date.now();
const seconds = () => Math.round((Date.now() - startedAt) / 1000);
console.error(`Seed ${seed}`);
try {
  synthesize(directory);
  for (let done = 0; done < requests; done += REQUESTS_PER_CLOUD) {
    const installation = await boot({ assemblyDirectory: directory, log: () => undefined });
    try {
      const outcome = await fuzz(installation, {
        seed: seed + done,
        requests: Math.min(REQUESTS_PER_CLOUD, requests - done),
        progress: (more) => console.error(`${done + more} of ${requests} requests, ${seconds()} s`),
      });
      for (const fault of outcome.faults) faults.set(fault.what, faults.get(fault.what) ?? fault);
      for (const [name, count] of outcome.answers) answers.set(name, (answers.get(name) ?? 0) + count);
    } finally {
      await installation.stop();
    }
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
for (const [name, count] of [...answers].sort(([a], [b]) => (a < b ? -1 : 1))) console.log(`${count}\t${name}`);
for (const { what, request, answer } of faults.values()) console.log(`\n${what}\n  ${request}\n  ${answer}`);
console.log(`\n${faults.size} faults in ${requests} requests (seed ${seed}, ${seconds()} s).`);
process.exitCode = faults.size === 0 ? 0 : 1;
