import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { boot, synthesize } from '../../bin/boot.ts';
import { agree, prepareModel } from './agree.ts';

/** `npm run model -- --histories 10000 --seed 1`: lives through as many histories as one likes, on a cloud of its own. */
const { values } = parseArgs({ options: { histories: { type: 'string' }, seed: { type: 'string' } } });
const histories = Number(values.histories ?? 10_000);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));

const directory = await mkdtemp(join(tmpdir(), 'reckoner-model-'));
synthesize(directory);
// Who may do what is tested elsewhere; here it would only take time.
const installation = await boot({ assemblyDirectory: directory, enforceAccess: false, log: () => undefined });
const startedAt = Date.now();
const seconds = () => Math.round((Date.now() - startedAt) / 1000);
try {
  const at = await prepareModel(installation.client, new Date().toISOString());
  const progress = (done: number) => {
    if (done % 500 === 0) console.error(`${done} of ${histories} histories agree, ${seconds()} s`);
  };
  console.error(`Seed ${seed}`);
  await agree(installation.client, at, { histories, atOnce: 12, seed, run: `seed${seed}`, progress });
  console.log(`The ledger and its model agree on ${histories} histories (seed ${seed}, ${seconds()} s).`);
} finally {
  await installation.stop();
  await rm(directory, { recursive: true, force: true });
}
