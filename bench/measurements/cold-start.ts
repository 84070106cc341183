import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../../lib/bundle.ts';
import { type Charge, chargeOf } from '../charges.ts';
import type { FirstCall } from '../cold-start/first-call.ts';
import { type Figure, median, medianRatio, takeTurns } from '../figures.ts';
import type { Setting } from '../setting.ts';

const ROUNDS = 15;
const directory = join(import.meta.dirname, '..', 'cold-start');

/** From nothing loaded to the first answer: the charge function against the bare DynamoDB client, bundled alike. */
export async function measure(setting: Setting): Promise<Figure[]> {
  const outdir = await mkdtemp(join(tmpdir(), 'reckoner-bench-'));
  const bareBundle = join(bundle(directory, ['bare-client'], outdir).get('bare-client') ?? '', 'index.mjs');
  const imports = { ours: [] as number[], bare: [] as number[] };
  const start = (name: 'ours' | 'bare', file: string, status: number) => async (round: number) => {
    const first = await firstCall(setting, file, chargeOf(setting, 'cold-start', round));
    if (first.status !== status) throw new Error(`The first call of ${file} was answered ${first.status}.`);
    imports[name].push(first.importMs);
    return first.importMs + first.callMs;
  };
  const { ours, bare } = await takeTurns(ROUNDS, {
    bare: start('bare', bareBundle, 200),
    ours: start('ours', setting.ledgerBundle, 201),
  });
  await rm(outdir, { recursive: true });
  return [
    {
      name: 'cold start of the charge function, against the bare client',
      measured: medianRatio(ours, bare),
      target: { atMost: 1.25 },
      note: `import and first call of each in fresh processes, ${ROUNDS} times by turns, milliseconds as medians; Node's own start is left out`,
      details: {
        'import and charge': median(ours),
        'of it import': median(imports.ours),
        'bare import and call': median(bare),
        'of it bare import': median(imports.bare),
        'import against bare import': medianRatio(imports.ours, imports.bare),
      },
    },
  ];
}

async function firstCall(setting: Setting, file: string, charge: Charge): Promise<FirstCall> {
  const { region, credentials, engineUrl, tables } = setting;
  const child = fork(join(directory, 'first-call.ts'), [file, JSON.stringify(charge)], {
    execArgv: [],
    // Where output goes is of no interest, but that it is written is part of the call.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_ENDPOINT_URL: engineUrl,
      LEDGER_TABLE: tables.ledger,
      OPERATIONS_TABLE: tables.operations,
      POWERTOOLS_SERVICE_NAME: 'reckoner',
      POWERTOOLS_METRICS_NAMESPACE: 'Reckoner',
    },
  });
  const exited = once(child, 'exit');
  const [first] = await Promise.race([once(child, 'message'), exited]);
  child.kill();
  await exited;
  if (typeof first !== 'object' || first === null) throw new Error(`The first call of ${file} failed.`);
  return first as FirstCall;
}
