import { randomUUID } from 'node:crypto';
import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  listReconciliations,
  type ReconciliationDeps,
  startReconciliation,
} from '../../../functions/api/reconciliations.ts';
import type { ApiEvent } from '../../../functions/runtime/requests.ts';
import { recordSlice } from '../../../store/run-slices.ts';
import { claimRun, failRun, type RunRequest } from '../../../store/runs.ts';
import { startArtifacts, type TestArtifacts } from '../../support/artifacts-bucket.ts';
import { startBooks, type TestBooks } from '../../support/books.ts';

const NOW = '2026-11-20T08:00:00.000Z';
const DAY = '2026-11-19';

const workflows = mockClient(SFNClient);
let tables: TestBooks;
let artifacts: TestArtifacts;
let deps: ReconciliationDeps;

beforeAll(async () => {
  [tables, artifacts] = await Promise.all([startBooks(), startArtifacts()]);
  deps = {
    runs: tables,
    artifacts,
    workflows: new SFNClient({ region: 'us-east-1' }),
    reconcileArn: 'arn:reconcile',
    now: () => NOW,
    newId: randomUUID,
  };
});
afterAll(() => Promise.all([tables.stop(), artifacts.stop()]));
beforeEach(() => {
  workflows.reset();
});

const ask = (id: string, startDate = DAY, accounts?: string[]) => {
  const caller = { keyId: 'key', scopes: [] };
  const request = { query: undefined, params: {}, event: {} as ApiEvent };
  return startReconciliation(deps, { ...request, caller, body: { id, startDate, endDate: DAY, accounts } });
};
const startedNames = () => workflows.commandCalls(StartExecutionCommand).map(({ args }) => args[0].input.name);

/** As Step Functions answers a name whose execution has ended. */
function nameIsTaken(name: string): void {
  workflows
    .on(StartExecutionCommand, { name })
    .rejects(new ExecutionAlreadyExists({ message: 'Execution Already Exists', $metadata: {} }));
}

describe('asking for invoices to be compared', () => {
  const askInvoices = (id: string, startDate: string, endDate: string, accounts?: string[]) => {
    const request = { query: undefined, params: {}, event: {} as ApiEvent, caller: { keyId: 'key', scopes: [] } };
    return startReconciliation(deps, { ...request, body: { id, books: 'invoices', startDate, endDate, accounts } });
  };

  it('starts a run of whole months, and the same days of usage are another run', async () => {
    const answer = await askInvoices('october', '2026-09-01', '2026-10-31', ['customer:acme']);
    expect(answer).toMatchObject({ status: 202, body: { books: 'invoices', accounts: ['customer:acme'] } });
    const [started] = workflows.commandCalls(StartExecutionCommand);
    expect(JSON.parse(started?.args[0].input.input ?? '')).toMatchObject({ books: 'invoices', runId: 'october' });
    expect((await askInvoices('october', '2026-09-01', '2026-10-31', ['customer:acme'])).status).toBe(200);
    const usage = await startReconciliation(deps, {
      ...{ query: undefined, params: {}, event: {} as ApiEvent, caller: { keyId: 'key', scopes: [] } },
      body: { id: 'october', startDate: '2026-09-01', endDate: '2026-10-31', accounts: ['customer:acme'] },
    });
    expect(usage).toMatchObject({ status: 422, body: { errors: [{ field: 'books' }] } });
  });

  it.each([
    ['a part of a month', '2026-10-01', '2026-10-30', undefined, 'endDate', 'must end whole months'],
    ['a month from its second day', '2026-10-02', '2026-10-31', undefined, 'endDate', 'must end whole months'],
    ['an account below a billed one', '2026-10-01', '2026-10-31', ['customer:a:b'], 'accounts.0', 'name "customer:a"'],
  ])('refuses %s', async (_, start, end, accounts, field, rule) => {
    const answer = await askInvoices('refused', start, end, accounts);
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ field, rule: expect.stringContaining(rule) }] } });
  });

  it('refuses a month that is not over, on its last day too', async () => {
    const lastDay = { ...deps, now: () => '2026-11-30T08:00:00.000Z' };
    const request = { query: undefined, params: {}, event: {} as ApiEvent, caller: { keyId: 'key', scopes: [] } };
    const body = { id: 'november', books: 'invoices', startDate: '2026-11-01', endDate: '2026-11-30' } as const;
    const answer = await startReconciliation(lastDay, { ...request, body });
    expect(answer).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'endDate', rule: expect.stringContaining('must be over') }] },
    });
  });
});

describe('asking for a run', () => {
  it('starts it once, however often it is asked for', async () => {
    expect((await ask('once')).status).toBe(202);
    await claimRun(tables, running('once'));
    const again = await ask('once');
    expect(again).toMatchObject({
      status: 200,
      body: { status: 'running' },
      headers: { 'idempotent-replayed': 'true' },
    });
    expect(startedNames()).toEqual(['once']);
  });

  it('that failed starts it again under its own name, and says so', async () => {
    await ask('failed');
    await fail('failed');
    nameIsTaken('failed');
    const again = await ask('failed');
    const progress = { slicesDone: 1, slicesTotal: 80 };
    expect(again).toMatchObject({ status: 202, body: { status: 'requested', progress } });
    expect(again.body).not.toHaveProperty('error');
    const [, , name] = startedNames();
    expect(name).toMatch(/^failed-\w{8}$/);
    expect((await claimRun(tables, { ...running('failed'), execution: 'second' })).kind).toBe('claimed');
  });

  it('for other days does not start a failed run again', async () => {
    await ask('other');
    await fail('other');
    expect(await ask('other', '2026-11-18')).toMatchObject({ status: 422, body: { errors: [{ field: 'startDate' }] } });
  });
});

describe('asking for a run of some accounts', () => {
  it('hands them on, and says them', async () => {
    expect(await ask('some', DAY, ['customer:acme'])).toMatchObject({ body: { accounts: ['customer:acme'] } });
    const [call] = workflows.commandCalls(StartExecutionCommand);
    expect(JSON.parse(call?.args[0].input.input ?? '')).toMatchObject({ accounts: ['customer:acme'] });
    expect(await ask('some', DAY, ['customer:acme'])).toMatchObject({ status: 200 });
  });

  it('refuses the id of a run of others', async () => {
    await ask('of-all');
    const refused = { status: 422, body: { errors: [{ field: 'accounts' }] } };
    expect(await ask('of-all', DAY, ['customer:acme'])).toMatchObject(refused);
  });

  it('refuses a name that scheduled runs have', async () => {
    expect(await ask('spot-2026-W47')).toMatchObject({ status: 400, body: { errors: [{ field: 'id' }] } });
  });
});

it('lists the runs of one schedule alone', async () => {
  await ask('other-run');
  const request: RunRequest = { id: 'spot-2026-W46', trigger: 'spot', startDate: DAY, endDate: DAY, requestedAt: NOW };
  await claimRun(tables, { ...request, execution: 'spot', startedAt: NOW, slices: 1 });
  const { body } = await listReconciliations(deps, { query: { schedule: 'spot' } });
  expect(body).toMatchObject({ reconciliations: [{ id: 'spot-2026-W46' }] });
});

it('lists runs with the slices that are done, while they run too', async () => {
  await ask('listed');
  await claimRun(tables, running('listed'));
  for (const id of ['usage-2026-11-19-00', 'usage-2026-11-19-04']) {
    await recordSlice(tables, { id: 'listed', execution: 'first' }, { id, findings: 0, doneAt: NOW });
  }
  const listed = { id: 'listed', status: 'running', progress: { slicesDone: 2, slicesTotal: 80 } };
  const { body } = await listReconciliations(deps, { query: {} });
  expect(body).toEqual({ reconciliations: expect.arrayContaining([expect.objectContaining(listed)]) });
});

/** A run breaks off after its first slice. */
async function fail(id: string): Promise<void> {
  await claimRun(tables, running(id));
  const ours = { id, execution: 'first' };
  await recordSlice(tables, ours, { id: 'usage-2026-11-19-00', findings: 0, doneAt: NOW });
  await failRun(tables, ours, { name: 'States.Timeout', cause: 'too slow' }, NOW);
}

function running(id: string) {
  const request: RunRequest = { id, trigger: 'request', startDate: DAY, endDate: DAY, requestedAt: NOW };
  return { ...request, execution: 'first', startedAt: NOW, slices: 80 };
}
