import fc from 'fast-check';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { boot, type Installation } from '../../bin/boot.ts';
import { routes } from '../../contract/routes.ts';
import { fuzz } from './fuzz.ts';
import { faultsOf, routeOf } from './oracle.ts';
import { requests } from './requests.ts';
import type { Received } from './send.ts';
import { surroundings } from './world.ts';

/** A few here, any number by `npm run fuzz`. */
const REQUESTS = 100;

let installation: Installation;
beforeAll(async () => {
  installation = await boot({ assemblyDirectory: inject('assemblyDirectory'), log: () => undefined });
});
afterAll(() => installation?.stop());

test('whatever is sent, answers are those of the contract, tell nothing of the inside, and refusals change nothing', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const { faults } = await fuzz(installation, { seed, requests: REQUESTS });
  expect(faults, `npm run fuzz -- --seed ${seed} --requests ${REQUESTS}`).toEqual([]);
}, 240_000);

test('every operation of the contract is asked', () => {
  const sample = fc.sample(requests(surroundings('2026-11-20', ['key'])), { seed: 1, numRuns: 900 });
  const asked = new Set(sample.map((sent) => routeOf(sent)?.id));
  expect(routes.map(({ id }) => id).filter((id) => !asked.has(id))).toEqual([]);
});

test('an answer that breaks the contract or tells of the inside is noticed', () => {
  const sent = { method: 'GET', path: '/v1/transfers/t-1', headers: {} };
  const answer = (status: number, body: object): Received => {
    const type = status < 400 ? 'application/json' : 'application/problem+json';
    return { status, headers: { 'content-type': type }, text: JSON.stringify(body) };
  };
  const refusal = (kind: string, status: number, detail = 'A detail.') =>
    answer(status, { type: `urn:reckoner:problem:${kind}`, title: 'A title', status, detail, requestId: 'r' });
  expect(faultsOf(sent, refusal('not-found', 404))).toEqual([]);
  for (const wrong of [
    refusal('internal-error', 500),
    refusal('account-frozen', 409),
    refusal('not-found', 403),
    refusal('not-found', 404, 'TypeError: x is not a function'),
    refusal('not-found', 404, 'in arn:aws:dynamodb:eu-west-1:0:table/x'),
    refusal('not-found', 404, 'There is no transfer "undefined".'),
    refusal('not-found', 404, 'at handler (file:///var/task/index.mjs:1:2)'),
    answer(200, { id: 't-1' }),
    answer(201, {}),
    answer(302, {}),
    answer(404, { message: 'No' }),
    { status: 0, headers: {}, text: 'No answer: it took too long' },
  ]) {
    expect(faultsOf(sent, wrong), wrong.text).not.toEqual([]);
  }
});
