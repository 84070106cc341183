import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { readNoticeTemplates } from '../../../../config/notices.ts';
import { fileNameOf } from '../../../../domain/invoices/invoice.ts';
import { type BillingWorld, MONTH, startBillingWorld } from '../../../support/billing-world.ts';

const [ACME, BOLT, SAME] = ['customer:acme', 'customer:bolt', 'customer:same'];
let world: BillingWorld;
let restore: () => Promise<void>;
/** Messages that tests before this one have sent. */
let sentBefore = 0;

/** Acme pays 80 of 861 too much and Bolt 9 of 100 too little before the month is made anew. */
beforeAll(async () => {
  world = await startBillingWorld();
  for (const account of [ACME, BOLT, SAME]) await world.opened(account, 10_000n);
  await world.charged(ACME, 'req-1', 861n);
  await world.charged(BOLT, 'req-2', 100n);
  await world.charged(SAME, 'req-3', 5n);
  await world.run({ id: 'october', kind: 'generate', month: MONTH });
  await giveBack('back', 80n);
  await world.charged(BOLT, 'late', 9n);
  await world.run({ id: 'anew', kind: 'regenerate', month: MONTH });
  restore = await world.remember();
});
beforeEach(async () => {
  await restore();
  sentBefore = world.topic.published().length;
  world.breakOff = async () => {};
  world.templates = readNoticeTemplates();
});
afterAll(() => world.stop());

const giveBack = (id: string, amount: bigint) =>
  world.posted({
    ...{ id, debit: 'platform:revenue', credit: ACME, amount, corrects: 'req-1', requestId: 'req-1' },
    ...{ operation: 'chat', effectiveAt: `${MONTH}-15T12:00:00.000Z` },
  });
const told = (id: string, fields: object = {}) => world.run({ id, kind: 'notices', of: 'anew', ...fields });
const noticesOf = async (id: string) => {
  const rows = parse(await world.file(id, 'notices.csv'), { columns: true }) as Record<string, string>[];
  return new Map(rows.map((row) => [row.account, row]));
};
const published = () => world.topic.published().slice(sentBefore);
const accountsTold = () => published().map(({ attributes }) => attributes.account);

test('whoever was charged too much or too little is told so once, with exact figures', async () => {
  const run = await told('tell', { goodwillPercent: 50 });
  expect(run.error).toBeUndefined();
  expect(run.outcome).toMatchObject({
    sentence: '2 notices of anew were sent.',
    counts: { 'over-charged': 1, 'under-charged': 1, sent: 2 },
    totals: [{ asset: 'TOKEN', before: '961', after: '885' }],
  });
  const rows = await noticesOf('tell');
  expect([...rows.keys()].sort()).toEqual([ACME, BOLT]);
  expect(rows.get(ACME)).toMatchObject({
    ...{ kind: 'over-charged', outcome: 'sent', charged: '861', correct: '781', difference: '80', absorbed: '0' },
    final_amount: '781',
  });
  // Half of 9 is rounded in the customer's favour.
  expect(rows.get(BOLT)).toMatchObject({
    ...{ kind: 'under-charged', charged: '100', correct: '109', difference: '9', absorbed_percent: '50' },
    ...{ absorbed: '5', final_amount: '104' },
  });
  const [message] = published().filter(({ attributes }) => attributes.account === ACME);
  expect(message).toMatchObject({
    subject: `Reckoner: we charged you too much for ${MONTH}`,
    attributes: { account: ACME, kind: 'over-charged', month: MONTH },
  });
  expect(message?.messageId).toBe(rows.get(ACME)?.message_id);
  expect(message?.message).toContain('Difference         80 TOKEN (9.29 %)');
  const text = await world.file('tell', `notices/${fileNameOf(ACME)}.txt`);
  expect(text).toBe(`Subject: ${message?.subject}\n\n${message?.message}\n`);
  expect(await world.file('tell', `notices/${fileNameOf(BOLT)}.txt`)).toContain(
    'we bear 50 % of the difference (5 TOKEN)',
  );

  // Again, by the same run and by another, nobody is told anything.
  expect(
    (
      await world.send('POST /v1/billing-runs', {
        body: { id: 'tell', kind: 'notices', of: 'anew', goodwillPercent: 50 },
      })
    ).status,
  ).toBe(200);
  const again = await told('tell-again');
  expect(again.outcome).toMatchObject({
    sentence: '0 notices of anew were sent; 2 were sent before.',
    counts: { 'sent-before': 2 },
  });
  expect(published()).toHaveLength(2);
});

test('a worker that breaks off after its work is done again without a second message, and leaves the same', async () => {
  let isBroken = false;
  world.breakOff = async (step, when) => {
    if (step !== 'work' || when !== 'after' || isBroken) return;
    isBroken = true;
    throw Object.assign(new Error('gone'), { name: 'Sandbox.Timedout' });
  };
  const run = await told('tell');
  expect([isBroken, run.outcome?.counts]).toEqual([true, { 'over-charged': 1, 'under-charged': 1, sent: 2 }]);
  expect(accountsTold().sort()).toEqual([ACME, BOLT]);
  expect(await world.file('tell', 'notices.ndjson')).toContain('"text":"Subject: ');
});

test('a message whose answer was lost is not sent again, and the run says that somebody has to look', async () => {
  world.topic.client.middlewareStack.add(
    (next) => async (args) => {
      const answer = await next(args);
      if (published().length === 1) throw Object.assign(new Error('reset'), { name: 'TimeoutError' });
      return answer;
    },
    { step: 'finalizeRequest', priority: 'high', name: 'loses' },
  );
  const run = await told('tell');
  expect(run.outcome?.counts).toEqual({ 'over-charged': 1, 'under-charged': 1, sent: 1, unknown: 1 });
  expect(run.outcome?.sentence).toMatch(/of 1 it is not known whether they went out: somebody looks\.$/);
  world.topic.client.middlewareStack.remove('loses');
  expect((await told('tell-again')).outcome?.counts).toMatchObject({ 'sent-before': 1, unknown: 1 });
  expect(accountsTold().sort()).toEqual([ACME, BOLT]);
});

test('a topic that takes nothing fails the run, and the same run tells everybody once it does', async () => {
  world.topic.client.middlewareStack.add(
    (next) => async (args) => {
      const input = args.input as { TopicArn: string };
      return next({ ...args, input: { ...input, TopicArn: `${input.TopicArn}-gone` } });
    },
    { step: 'initialize', name: 'refused' },
  );
  const failed = await told('tell');
  expect([failed.status, failed.outcome]).toEqual(['failed', undefined]);
  expect(published()).toEqual([]);
  world.topic.client.middlewareStack.remove('refused');
  expect((await told('tell')).outcome?.counts).toMatchObject({ sent: 2 });
  expect(accountsTold().sort()).toEqual([ACME, BOLT]);
});

test.each([
  ['an unknown placeholder', (text: string) => text.replace('{{contact}}', '{{contcat}}'), '{{contcat}}'],
  ['a missing one', (text: string) => text.replaceAll('{{finalAmount}}', 'less'), '{{finalAmount}}'],
])('%s in a template fails the plan by name, before anybody is told anything', async (_, edit, named) => {
  world.templates = { ...world.templates, 'under-charged': edit(world.templates['under-charged']) };
  const run = await told('tell');
  expect(run.error?.cause).toContain('NoticeTemplateError');
  expect(run.error?.cause).toContain(`config/notices/under-charged.txt`);
  expect(run.error?.cause).toContain(named);
  expect(published()).toEqual([]);
});

test('what changed once more, and what does not tie out, is left alone and said', async () => {
  await world.charged(BOLT, 'later-still', 1n);
  await world.run({ id: 'anew-2', kind: 'regenerate', month: MONTH });
  const run = await told('tell');
  expect(run.outcome?.counts).toMatchObject({ sent: 1, overtaken: 1 });
  expect(accountsTold()).toEqual([ACME]);
  expect((await noticesOf('tell')).get(BOLT)).toMatchObject({ outcome: 'overtaken', message_id: '' });
});

test('a correction of a final invoice is told by all that was sent of the month', async () => {
  const { outcome } = await world.run({ id: 'review', kind: 'review', month: MONTH });
  await world.approve(outcome?.approval ?? '', outcome?.hash ?? '');
  await world.run({ id: 'final', kind: 'finalize', review: 'review', hash: outcome?.hash });
  await giveBack('back-2', 10n);
  await world.run({ id: 'anew-2', kind: 'regenerate', month: MONTH });
  const run = await world.run({ id: 'tell-2', kind: 'notices', of: 'anew-2' });
  expect(run.outcome?.counts).toEqual({ 'over-charged': 1, sent: 1 });
  expect((await noticesOf('tell-2')).get(ACME)).toMatchObject({
    ...{ invoice_id: `${MONTH}:${ACME}~1`, charged: '781', correct: '771', difference: '10' },
  });
});

test('only a regeneration that is complete has notices', async () => {
  const ask = async (of: string) => {
    const { status, body } = await world.send('POST /v1/billing-runs', {
      body: { id: `tell-${of}`, kind: 'notices', of },
    });
    return [status, body.type];
  };
  expect(await ask('none')).toEqual([404, 'urn:reckoner:problem:not-found']);
  expect(await ask('october')).toEqual([404, 'urn:reckoner:problem:not-found']);
  const body = { id: 'tell', kind: 'notices', of: 'anew', goodwillPercent: 101 };
  expect((await world.send('POST /v1/billing-runs', { body })).body.errors).toEqual([
    { field: 'goodwillPercent', rule: 'must be at most 100' },
  ]);
});
