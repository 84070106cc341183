import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { chart } from '../../../../config/chart.ts';
import { makeHandler as makeLedger } from '../../../../functions/api/ledger.ts';
import type { Answer } from '../../../../functions/runtime/answers.ts';
import { putText, repairKey } from '../../../../store/artifacts.ts';
import { readChain } from '../../../../store/audit.ts';
import { toItem } from '../../../../store/items.ts';
import { accountKey } from '../../../../store/tables.ts';
import { call } from '../../../support/api.ts';
import { CARDS } from '../../../support/repair-machines.ts';
import { DERIVED, type RepairWorld, STRICT, startRepairWorld } from '../../../support/repair-world.ts';

const ALL = ['backfill', 'dedupe', 'recalculate', 'rebalance'] as const;

let world: RepairWorld;
let restore: () => Promise<void>;

beforeAll(async () => {
  world = await startRepairWorld();
  restore = await world.remember();
});
beforeEach(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  await restore();
});
afterAll(() => world.stop());

describe('a backfill', () => {
  beforeEach(async () => {
    await world.used(DERIVED, 'missing', 7n);
    await world.reconcile('found');
  });

  it('is planned without posting anything, applied, and verified', async () => {
    const before = await world.transfers();
    const planned = await world.plan('fix', 'found', ['backfill']);
    expect(planned).toMatchObject({
      status: 'planned',
      plan: { steps: 1, answered: 1, left: 0, stepsByKind: { charge: 1 } },
    });
    expect(await world.transfers()).toEqual(before);
    const applied = await world.apply('fix');
    expect(applied).toMatchObject({ status: 'applied', counts: { posted: 1 }, verification: { verdict: 'clean' } });
  });

  it('takes a late original for a replay, and charges nothing twice', async () => {
    await world.plan('fix', 'found', ['backfill']);
    await world.apply('fix');
    const settled = { rateCards: CARDS, ledgerControl: { paused: false, reason: '' } };
    const api = makeLedger({
      store: world.ledger,
      audit: world.tables,
      settings: { get: async () => settled, refresh: async () => settled },
      chart,
      now: world.deps.now,
    });
    const body = { id: 'missing', account: DERIVED, operation: 'chat', quantities: { units: 7 } };
    const before = await world.transfers();
    const late = await call(api, 'POST /v1/charges', { body });
    expect(late).toMatchObject({ status: 200, headers: { 'idempotent-replayed': 'true' }, body: { repair: 'fix' } });
    expect(await world.transfers()).toEqual(before);
  });

  it('counts an original that came before it as posted already, and is not stale for it', async () => {
    await world.plan('fix', 'found', ['backfill']);
    const { effectiveAt } = JSON.parse(await world.file('fix', 'plan/part-0001.ndjson')).transfer;
    await world.charged(DERIVED, 'missing', 7n, { effectiveAt, quantities: { units: 7n } });
    expect(await world.apply('fix')).toMatchObject({ status: 'applied', counts: { 'already-posted': 1 } });
  });

  it('is posted once when two plans of the same findings are applied, and each knows what it posted', async () => {
    await Promise.all([world.plan('one', 'found', ['backfill']), world.plan('other', 'found', ['backfill'])]);
    await Promise.all([world.askToApply('one'), world.askToApply('other')]);
    await world.machines.settled();
    const counts = [(await world.repair('one')).counts, (await world.repair('other')).counts];
    expect(counts).toContainEqual({ posted: 1 });
    expect(counts).toContainEqual({ 'already-posted': 1 });
  });

  it('is applied by one of two executions that are asked for at once', async () => {
    await world.plan('fix', 'found', ['backfill']);
    const answers = await Promise.all([world.askToApply('fix'), world.askToApply('fix')]);
    await world.machines.settled();
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 202]);
    expect(await world.repair('fix')).toMatchObject({ status: 'applied', counts: { posted: 1 } });
    expect(await world.askToApply('fix')).toMatchObject({ status: 200 });
  });
});

describe('a repair of everything', () => {
  beforeEach(async () => {
    await world.breakEverything();
  });

  it('answers each finding, or leaves it for a person and says what to do', async () => {
    const found = await world.reconcile('found', 'all');
    const planned = await world.plan('fix', 'found', ALL);
    expect(planned.plan).toMatchObject({ steps: 8, answered: 7, left: 2, aboveThreshold: false });
    expect(found).toHaveLength(9);
    expect(await world.file('fix', 'left.ndjson')).toContain('find out at the source which holds');
    expect(await world.file('fix', 'report.html')).toContain('8 steps, 2 left for a person');
    expect((await world.file('fix', 'steps.csv')).split('\r\n')).toHaveLength(10);
    const applied = await world.apply('fix');
    expect(applied).toMatchObject({ counts: { posted: 8 }, verification: { verdict: 'discrepancies', findings: 2 } });
    expect(await world.file('fix', 'results.csv')).toContain(',posted,');
  });

  it('does what people decided, and the books agree', async () => {
    const found = await world.reconcile('found');
    const decisions = Object.fromEntries(
      found.flatMap(({ id, kind, evidence }): [string, string][] => {
        if (kind === 'unexpected') return [[id, 'reverse']];
        return kind === 'conflicting-evidence' ? [[id, `evidence:${evidence[0]?.fingerprint}`]] : [];
      }),
    );
    await world.plan('fix', 'found', [...ALL, 'decide'], decisions);
    const applied = await world.apply('fix');
    expect(applied.verification).toMatchObject({ verdict: 'clean', findings: 0 });
    expect(applied.counts).toEqual({ posted: applied.plan?.steps });
  });

  it('writes transfers only where none is, and never changes or deletes one', async () => {
    await world.reconcile('found');
    const before = (await world.tables.ledgerStream()).length;
    await world.plan('fix', 'found', ALL);
    await world.apply('fix');
    await world.rollBack('undo', 'fix');
    await world.apply('undo');
    const written = (await world.tables.ledgerStream()).slice(before);
    const transfers = written.filter(({ dynamodb }) => dynamodb.Keys.pk.S.startsWith('transfer#'));
    expect(transfers.length).toBeGreaterThan(10);
    expect(new Set(transfers.map(({ eventName }) => eventName))).toEqual(new Set(['INSERT']));
    expect(written.filter(({ eventName }) => eventName === 'REMOVE')).toEqual([]);
  });

  it('is rolled back to exactly the findings of before, and forward again', async () => {
    const found = idsOf(await world.reconcile('found'));
    const decisions = Object.fromEntries(
      (await world.reconcile('found-2')).flatMap(({ id, kind, evidence }): [string, string][] =>
        kind === 'conflicting-evidence' ? [[id, `evidence:${evidence[0]?.fingerprint}`]] : [],
      ),
    );
    await world.plan('fix', 'found', [...ALL, 'decide'], decisions);
    await world.apply('fix');
    const repaired = idsOf(await world.reconcile('repaired'));

    expect(await world.rollBack('undo', 'fix')).toMatchObject({ status: 'planned', plan: { left: 0 } });
    expect(await world.apply('undo')).toMatchObject({ status: 'applied' });
    expect(idsOf(await world.reconcile('undone'))).toEqual(found);
    await world.rollBack('redo', 'undo');
    await world.apply('redo');
    expect(idsOf(await world.reconcile('redone'))).toEqual(repaired);
  });

  it('is audited step by step', async () => {
    await world.reconcile('found');
    await world.plan('fix', 'found', ALL);
    await world.apply('fix');
    const records = await Array.fromAsync(readChain(world.tables, 1, 1_000));
    expect(records.filter(({ target }) => target === 'repair:fix').map(({ action }) => action)).toEqual([
      'repair.requested',
      'repair.planning',
      'repair.planned',
      'repair.apply-requested',
      'repair.applying',
      'repair.applied',
    ]);
  });
});

describe('a rollback', () => {
  it('says what it cannot take back, because somebody else has corrected it since', async () => {
    await world.used(DERIVED, 'missing', 7n);
    await world.reconcile('found');
    await world.plan('fix', 'found', ['backfill']);
    await world.apply('fix');
    await byHand('missing');
    expect(await world.rollBack('undo', 'fix')).toMatchObject({ status: 'nothing-to-do', plan: { steps: 0, left: 1 } });
    expect(await world.file('undo', 'left.ndjson')).toContain('Something else was posted');
  });

  it('is only of a repair that is applied', async () => {
    await world.used(DERIVED, 'missing', 7n);
    await world.reconcile('found');
    await world.plan('fix', 'found', ['backfill']);
    await expect(world.rollBack('undo', 'fix')).rejects.toThrow('repair-state');
  });
});

describe('a plan', () => {
  beforeEach(async () => {
    await world.used(DERIVED, 'missing', 7n);
    await world.charged(DERIVED, 'dear', 9n);
    await world.used(DERIVED, 'dear', 4n);
    await world.reconcile('found');
    await world.plan('fix', 'found', ['backfill', 'recalculate']);
  });

  it('is stale when the ledger has moved under it, and nothing is posted', async () => {
    await byHand('dear', 1n);
    const before = await world.transfers();
    expect(await world.apply('fix')).toMatchObject({ status: 'stale' });
    expect(await world.transfers()).toEqual(before);
    expect(kindOf(await world.askToApply('fix'))).toBe('plan-stale');
  });

  it('is stale after three days', async () => {
    world.later = 72 * 3_600_000;
    expect(kindOf(await world.askToApply('fix'))).toBe('plan-stale');
  });

  it('is applied by its own hash only', async () => {
    const { plan } = await world.plan('another', 'found', ['backfill']);
    expect(kindOf(await world.askToApply('fix', plan?.hash))).toBe('hash-differs');
  });

  it('posts nothing when its files were changed after it was approved', async () => {
    const before = await world.transfers();
    const part = await world.file('fix', 'plan/part-0001.ndjson');
    const key = repairKey('fix', 'plan/part-0001.ndjson');
    await putText(world.artifacts, key, 'application/x-ndjson', part.replace('"amount":"7"', '"amount":"700"'));
    expect(await world.apply('fix')).toMatchObject({ status: 'failed', error: { name: 'PlanDiffersError' } });
    expect(await world.transfers()).toEqual(before);
  });

  it('is the same under the same words, and no other repair takes its id', async () => {
    expect((await world.plan('fix', 'found', ['recalculate', 'backfill'])).plan?.steps).toBe(2);
    await expect(world.plan('fix', 'found', ['backfill'])).rejects.toThrow('conflict');
    await expect(world.plan('new', 'never-run', ['backfill'])).rejects.toThrow('not-found');
  });
});

describe('above the threshold', () => {
  beforeEach(async () => {
    world.policy = { lifetimeHours: 2, thresholds: { 'USD/6': 6n } };
    await world.used(DERIVED, 'missing', 7n);
    await world.reconcile('found');
    await world.plan('fix', 'found', ['backfill']);
  });

  it('waits for a second person, is backed up and applied, and asks nobody again', async () => {
    expect(await world.repair('fix')).toMatchObject({ approval: expect.any(String), plan: { aboveThreshold: true } });
    expect(kindOf(await world.askToApply('fix'))).toBe('approval-needed');
    await world.approve('fix');
    let isKilled = false;
    world.machines.breakOff = async (step, when) => {
      if (isKilled || step !== 'post' || when !== 'before') return;
      isKilled = true;
      throw Object.assign(new Error('Killed.'), { name: 'KilledError' });
    };
    expect(await world.apply('fix')).toMatchObject({ status: 'failed', backup: expect.any(String) });
    expect(await world.apply('fix')).toMatchObject({ status: 'applied', counts: { posted: 1 } });
  });

  it('is not applied by an approval that has expired', async () => {
    await world.approve('fix');
    world.later = 2 * 3_600_000 + 1_000;
    expect(kindOf(await world.askToApply('fix'))).toBe('approval-expired');
  });
});

it('says of each step that the ledger refused why it did, and goes on with the others', async () => {
  await world.used(STRICT, 'large', 5_000n);
  await world.used(STRICT, 'small', 5n);
  await world.reconcile('found');
  await world.plan('fix', 'found', ['backfill']);
  expect(await world.apply('fix')).toMatchObject({
    status: 'applied',
    counts: { posted: 1, refused: 1 },
    verification: { verdict: 'discrepancies', findings: 1 },
  });
  expect(await world.file('fix', 'results.csv')).toContain('has too little available');
});

it('has nothing to do where nothing was found', async () => {
  await world.used(DERIVED, 'agrees', 5n);
  await world.charged(DERIVED, 'agrees', 5n);
  await world.reconcile('found');
  expect(await world.plan('fix', 'found', ['backfill'])).toMatchObject({ status: 'nothing-to-do' });
  expect(kindOf(await world.askToApply('fix'))).toBe('repair-state');
});

it('leaves a balance alone that has moved since it was planned', async () => {
  await world.drift(STRICT, 13n);
  await world.reconcile('found');
  await world.plan('fix', 'found', ['rebalance']);
  const command = new UpdateItemCommand({
    TableName: world.tables.ledgerTable,
    Key: toItem({ pk: accountKey(STRICT) }),
    UpdateExpression: 'SET credits = credits + :by, available = available + :by',
    ExpressionAttributeValues: toItem({ ':by': 1n }),
  });
  await world.tables.client.send(command);
  expect(await world.apply('fix')).toMatchObject({ status: 'stale' });
});

/** Somebody takes back a charge, past all repairs. */
async function byHand(requestId: string, amount = 7n): Promise<void> {
  const [charge] = (await world.transfers()).filter(({ id }) => id === requestId);
  if (charge === undefined) throw new Error(`There is no charge ${requestId}.`);
  const { debit: credit, credit: debit, effectiveAt, asset } = charge;
  const fields = { id: `by-hand-${requestId}`, kind: 'transfer', debit, credit, effectiveAt, asset } as const;
  await world.charged(DERIVED, requestId, amount, { ...fields, corrects: requestId });
}

function idsOf(found: readonly { readonly id: string }[]): string[] {
  return found.map(({ id }) => id).sort();
}

function kindOf({ body }: Answer): string {
  return String((body as { type?: string }).type).replace('urn:reckoner:problem:', '');
}
