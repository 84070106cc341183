import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { repair as repairSchema } from '../../../../contract/schemas/repairs.ts';
import { getRepair, planImport, planRepair, type RepairDeps } from '../../../../functions/api/repairs.ts';
import type { ApiEvent } from '../../../../functions/runtime/requests.ts';
import { getText, runKey } from '../../../../store/artifacts.ts';
import type { Repair } from '../../../../store/repairs.ts';
import { forLinks } from '../../../support/artifacts-bucket.ts';
import { DAY, DERIVED, type RepairWorld, STRICT, startRepairWorld } from '../../../support/repair-world.ts';

type Rendered = ReturnType<(typeof repairSchema)['parse']>;

let artifacts: RepairWorld['artifacts'];
let world: RepairWorld;
let restore: () => Promise<void>;
let deps: RepairDeps;

beforeAll(async () => {
  world = await startRepairWorld();
  artifacts = world.artifacts;
  deps = { ...world.deps, artifacts: await forLinks(artifacts) };
  restore = await world.remember();
});
beforeEach(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  await restore();
});
afterAll(() => world.stop());

const HEADER = 'account,request_id,operation,occurred_at,quantities.units,amount,description\n';
const row = (requestId: string, units: string, more: { account?: string; at?: string; amount?: string } = {}) =>
  `${more.account ?? DERIVED},${requestId},chat,${more.at ?? `${DAY}T10:00:00Z`},${units},${more.amount ?? ''},late\n`;

const request = (params: Record<string, string>) => ({
  ...{ query: undefined, params, event: {} as ApiEvent },
  caller: { keyId: 'asker', scopes: ['operations'] },
});
const digestOf = (text: string) => createHash('sha256').update(text).digest('hex');

async function announce(id: string, csv: string, batchSize?: number) {
  const file = { sha256: digestOf(csv), ...(batchSize !== undefined && { batchSize }) };
  const answer = await planRepair(deps, { ...request({}), body: { id, import: file } });
  return { status: answer.status, body: answer.body as Rendered };
}

async function upload(repair: Rendered, csv: string): Promise<void> {
  const { status } = await fetch(repair.upload?.url ?? '', { method: 'PUT', body: csv });
  expect(status).toBe(200);
}

async function planUploaded(id: string) {
  const answer = await planImport(deps, request({ repairId: id }));
  await world.machines.settled();
  return answer;
}

/** Announces a file, uploads it and has it planned. */
async function dryRun(id: string, csv: string, batchSize?: number): Promise<Repair> {
  await upload((await announce(id, csv, batchSize)).body, csv);
  expect((await planUploaded(id)).status).toBe(202);
  return world.repair(id);
}

const errorsOf = async (id: string) =>
  (await world.file(id, 'errors.ndjson'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

describe('a dry run', () => {
  it('counts what would be inserted, is unchanged, is there twice and is refused, and leaves nothing in the ledger', async () => {
    await world.charged(DERIVED, 'there', 4n, { effectiveAt: `${DAY}T10:00:00.000Z` });
    const before = await world.transfers();
    const csv = [
      HEADER,
      row('new-1', '5'),
      row('new-2', '6'),
      row('new-2', '6'),
      row('there', '', { amount: '4' }).replace('late', ''),
      row('bad', '-1'),
    ].join('');
    const repair = await dryRun('dry', csv);
    expect(repair).toMatchObject({
      status: 'planned',
      startDate: DAY,
      endDate: DAY,
      plan: { steps: 2, left: 1, entries: { read: 5, unchanged: 1, duplicates: 1, refused: 1 } },
    });
    expect(repair.plan?.totals).toMatchObject([{ asset: 'USD/6', charged: '11', underCharged: 1 }]);
    expect(await world.transfers()).toEqual(before);
    expect(await errorsOf('dry')).toMatchObject([{ line: 6, field: 'quantities.units', value: '-1' }]);
    expect(await world.file('dry', 'report.html')).toContain('In the ledger already, unchanged');
  });

  it('prices quantities by the rate card of their time, and takes an amount as it is said', async () => {
    await dryRun('priced', HEADER + row('by-card', '5') + row('by-hand', '', { amount: '77', account: STRICT }));
    const [, ...steps] = (await world.file('priced', 'steps.csv')).split('\r\n');
    expect(steps[0]).toContain('by-card,USD/6,postpaid:acme,platform:usage:revenue,5,2026-11-19T10:00:00.000Z');
    expect(steps[1]).toContain('by-hand,TOKEN,customer:acme,platform:revenue,77,');
  });

  it('finds what contradicts the file, the rate card or the ledger before anything is written', async () => {
    const at = `${DAY}T10:00:00.000Z`;
    await world.charged(DERIVED, 'other-amount', 4n, { effectiveAt: at });
    await world.charged(DERIVED, 'under-another-id', 4n, { id: 'another-id', effectiveAt: at });
    await world.charged(DERIVED, 'given-back', 4n, { effectiveAt: at });
    await world.charged(DERIVED, 'given-back', 4n, {
      ...{ id: 'back', kind: 'transfer', debit: 'platform:usage:revenue', credit: DERIVED },
      ...{ corrects: 'given-back', effectiveAt: at },
    });
    const csv = [
      HEADER,
      row('said-twice', '5'),
      row('said-twice', '6'),
      row('other-amount', '', { amount: '5' }),
      row('under-another-id', '4'),
      row('given-back', '', { amount: '4' }).replace('late', ''),
      row('top-up', '4', { account: STRICT }),
      row('mispriced', '5', { amount: '6' }),
      row('not-opened', '5', { account: 'customer:nobody' }),
      row('not-charted', '5', { account: 'nobody:at-all' }),
      row('to-come', '5', { at: '2027-01-01T00:00:00Z' }),
      row('nothing', ''),
    ].join('');
    const repair = await dryRun('contradicts', csv);
    expect(repair).toMatchObject({ status: 'nothing-to-do', plan: { entries: { read: 11, refused: 11 } } });
    const errors = (await errorsOf('contradicts')).map(({ line, field, rule }) => `${line} ${field} ${rule}`);
    expect(errors).toEqual([
      expect.stringContaining('2 request_id must be there once: lines 2, 3 say different things'),
      expect.stringContaining('3 request_id must be there once: lines 2, 3'),
      expect.stringContaining('4 request_id is in the ledger already, with another "amount"'),
      expect.stringContaining('5 request_id is charged already, by the transfer "another-id"'),
      expect.stringContaining('6 request_id is in the ledger already and was corrected or reversed since'),
      expect.stringContaining('7 request_id is the id of another transfer'),
      expect.stringContaining('8 amount must be 5, which is what the rate card says'),
      expect.stringContaining('9 account must be opened before it is charged'),
      expect.stringContaining('10 account must be a customer account'),
      expect.stringContaining('11 occurred_at must not be more than'),
      expect.stringContaining('12 amount is missing, and so are quantities'),
    ]);
  });

  it.each([
    ['unknown columns', 'account,request_id,operation,occurred_at,amount,colour\n', 'The column "colour" is not known'],
    ['a column missing', 'account,request_id,operation,amount\n', 'There is no column "occurred_at"'],
    [
      'neither amounts nor quantities',
      'account,request_id,operation,occurred_at\n',
      'There is no column of quantities',
    ],
    ['nothing in it', '', 'The file is empty'],
  ])('refuses a file with %s in one sentence', async (_, csv, sentence) => {
    const id = `refused-${digestOf(csv).slice(0, 8)}`;
    const { status, error } = await dryRun(id, csv);
    expect([status, error?.name]).toEqual(['failed', 'UnreadableFileError']);
    expect(JSON.parse(error?.cause ?? '').errorMessage).toContain(sentence);
  });

  it('fails where the file is not there or not the one that was announced, and goes on when the right one is', async () => {
    const csv = HEADER + row('awaited', '5');
    await announce('awaited', csv);
    await planUploaded('awaited');
    expect(await world.repair('awaited')).toMatchObject({
      status: 'failed',
      error: { cause: expect.stringContaining('never uploaded') },
    });
    const { body } = await getRepair(deps, { ...request({ repairId: 'awaited' }), body: undefined });
    await upload(body as Rendered, `${csv}${row('slipped-in', '5')}`);
    await planUploaded('awaited');
    expect((await world.repair('awaited')).error?.cause).toContain('not the one that was announced');
    await upload(body as Rendered, csv);
    expect((await planUploaded('awaited')).status).toBe(202);
    expect(await world.repair('awaited')).toMatchObject({ status: 'planned', plan: { steps: 1 } });
    expect((await planUploaded('awaited')).status).toBe(200);
  });

  it('refuses a run id that was used for another file, and replays the same one', async () => {
    const csv = HEADER + row('used-before', '5');
    expect((await announce('used', csv)).status).toBe(202);
    expect((await announce('used', csv)).status).toBe(200);
    expect((await announce('used', `${csv}x`)).status).toBe(422);
  });
});

describe('an import', () => {
  it('posts under the requests’ own ids in parts of the batch size, and is verified against the evidence', async () => {
    const ids = Array.from({ length: 7 }, (_, index) => `i-${index}`);
    for (const id of ids) await world.used(DERIVED, id, 5n, `${DAY}T10:00:00.000Z`);
    const repair = await dryRun('run-1', HEADER + ids.map((id) => row(id, '5')).join(''), 3);
    expect(repair.plan).toMatchObject({ steps: 7, parts: 3 });
    expect(await world.apply('run-1')).toMatchObject({
      status: 'applied',
      counts: { posted: 7 },
      verification: { verdict: 'clean' },
    });
    const posted = (await world.transfers()) as { id: string }[];
    expect(posted.filter(({ id }) => ids.includes(id))).toHaveLength(7);
    expect(posted.find(({ id }) => id === 'i-3')).toMatchObject({ description: 'late', quantities: { units: 5n } });
  });

  it('that broke off goes on under a new run id: what is there is unchanged, and nothing is posted twice', async () => {
    const csv = HEADER + Array.from({ length: 6 }, (_, index) => row(`r-${index}`, '5')).join('');
    await dryRun('first', csv, 2);
    const postedIds = async () => {
      const all = (await world.transfers()) as { id: string }[];
      return all.map(({ id }) => id).filter((id) => id.startsWith('r-'));
    };
    world.machines.breakOff = async (step, when) => {
      if (step === 'post' && when === 'before' && (await postedIds()).length > 0)
        throw new Error('The lights went out.');
    };
    expect(await world.apply('first')).toMatchObject({ status: 'failed' });
    world.machines.breakOff = async () => {};
    const second = await dryRun('second', csv, 2);
    const { steps = 0, entries } = second.plan ?? {};
    expect(steps + (entries?.unchanged ?? 0)).toBe(6);
    expect(entries?.unchanged).toBeGreaterThan(0);
    await world.apply('second');
    expect(await postedIds()).toHaveLength(6);
  });

  it('is rolled back by its run id, exactly', async () => {
    await dryRun('undone', HEADER + row('u-1', '5') + row('u-2', '6'));
    await world.apply('undone');
    await world.rollBack('undo', 'undone');
    expect(await world.apply('undo')).toMatchObject({ status: 'applied', counts: { posted: 2 } });
    const again = await dryRun('redone', HEADER + row('u-1', '5'));
    expect(again.plan).toMatchObject({ steps: 0, entries: { refused: 1 } });
    expect((await errorsOf('redone'))[0].rule).toContain('corrected or reversed since');
  });

  it('takes the missing_lines.csv of a run as it is', async () => {
    await world.used(DERIVED, 'lines-1', 5n);
    await world.used(STRICT, '-lines-2', 6n);
    const findings = await world.reconcile('lines');
    expect(findings).toHaveLength(2);
    const csv = await getText(artifacts, runKey('lines', 'missing_lines.csv'));
    const repair = await dryRun('from-lines', csv);
    expect(repair.plan).toMatchObject({ steps: 2, entries: { refused: 0 } });
    expect(await world.apply('from-lines')).toMatchObject({ verification: { verdict: 'clean' } });
  });

  it('counts a step whose charge came in meanwhile as posted by somebody else', async () => {
    await dryRun('overtaken', HEADER + row('o-1', '5') + row('o-2', '5'));
    const said = { effectiveAt: `${DAY}T10:00:00.000Z`, quantities: { units: 5n }, description: 'late' };
    await world.charged(DERIVED, 'o-1', 5n, said);
    const applied = await world.apply('overtaken');
    expect(applied.counts).toEqual({ posted: 1, 'already-posted': 1 });
  });
});

it('divides a file of many rows into parts of the batch size', async () => {
  const rows = Array.from({ length: 2_000 }, (_, index) => row(`many-${index}`, '5'));
  const repair = await dryRun('many', HEADER + rows.join(''), 1_000);
  expect(repair.plan).toMatchObject({ steps: 2_000, parts: 2 });
});
