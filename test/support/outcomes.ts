import { readFileSync } from 'node:fs';
import { GRANTS_MAX } from '../../domain/grants.ts';
import type { TestAnswer, TestCall } from './api.ts';
import type { TestLedger } from './ledger.ts';

/** A row of docs/outcomes.md. */
export interface Row {
  readonly route: string;
  readonly result: string;
  readonly status: number;
  /** Its name among the results of the route: `conflict`, and `conflict again` for a second row of the same result. */
  readonly name: string;
}

/** The heading of what is the same for every operation. */
export const COMMON = 'Before any operation';

/** The rows of all tables, in their order. */
export const rows = rowsOf(readFileSync(new URL('../../docs/outcomes.md', import.meta.url), 'utf8'));

function rowsOf(page: string): Row[] {
  return page.split(/^## /m).flatMap((section) => {
    const route = (section.split('\n')[0] ?? '').replaceAll('`', '');
    const results = [...section.matchAll(/^\| `([a-z-]+)` \| (\d{3}) \|/gm)].map(([, result = '', status]) => ({
      result,
      status: Number(status),
    }));
    return results.map(({ result, status }, index) => {
      const isSecond = results.slice(0, index).some((earlier) => earlier.result === result);
      return { route, result, status, name: isSecond ? `${result} again` : result };
    });
  });
}

/** The result that an answer tells, in the words of the page. */
export function resultOf({ status, headers, body }: TestAnswer): string {
  if (status >= 400) return String(body.type).replace('urn:reckoner:problem:', '');
  // A replay and a change that was made before look the same from outside.
  if (headers['idempotent-replayed'] === 'true') return 'replayed';
  if (status === 202) return 'accepted';
  if ('results' in body) return 'answered';
  return status === 201 ? 'created' : 'changed';
}

export const CHARGE = 'POST /v1/charges';
export const TRANSFER = 'POST /v1/transfers';
export const REVERSAL = 'POST /v1/transfers/{transferId}/reversals';
export const GRANT = 'POST /v1/grants';
export const HOLD = 'POST /v1/holds';
export const CAPTURE = 'POST /v1/holds/{holdId}/capture';
export const RELEASE = 'POST /v1/holds/{holdId}/release';
export const BATCH = 'POST /v1/batches';
/** The heading of what an element of a batch can come to. */
export const ELEMENT = 'An element of a batch or a bulk';
export const OPEN = 'POST /v1/accounts';
export const FREEZE = 'POST /v1/accounts/{accountId}/freeze';
export const UNFREEZE = 'POST /v1/accounts/{accountId}/unfreeze';
export const CLOSE = 'POST /v1/accounts/{accountId}/close';
export const LIMIT = 'PUT /v1/accounts/{accountId}/credit-limit';

export const TOMORROW = '2026-11-21T08:00:00Z';
export const DAY_BEFORE = '2026-11-19T08:00:00Z';
export const YESTERYEAR = '2025-11-20T08:00:00Z';

/** What tests of outcomes do to a ledger, each time with names of its own. The time there is 2026-11-20T08:00:00Z. */
export function scenesOf(ledger: () => TestLedger) {
  let count = 0;
  /** A name that no other provocation has. */
  const fresh = () => `n${count++}`;

  const charge = (account: string, fields: object = {}, rest: TestCall = {}) =>
    ledger().send(CHARGE, {
      body: { id: fresh(), account, operation: 'completion', quantities: { tokens: 5 }, ...fields },
      ...rest,
    });
  const transfer = (fields: object) =>
    ledger().send(TRANSFER, { body: { id: fresh(), credit: 'platform:sink', amount: 5, asset: 'TOKEN', ...fields } });
  const reverse = (transferId: string, fields: object = {}) =>
    ledger().send(REVERSAL, { params: { transferId }, body: { id: fresh(), ...fields } });
  const grant = (account: string, fields: object = {}) =>
    ledger().send(GRANT, { body: { id: fresh(), account, source: 'platform:promotions', amount: 1, ...fields } });
  /** Gives as many grants of 1 as an account may have. */
  const fillUp = async (account: string) => {
    for (let index = 0; index < GRANTS_MAX; index += 1) await grant(account);
  };
  const hold = (account: string, fields: object = {}, rest: TestCall = {}) =>
    ledger().send(HOLD, {
      body: { id: fresh(), account, operation: 'completion', quantities: { tokens: 5 }, ...fields },
      ...rest,
    });
  const capture = (holdId: string, fields: object = {}, rest: TestCall = {}) =>
    ledger().send(CAPTURE, { params: { holdId }, body: { id: fresh(), ...fields }, ...rest });
  const release = (holdId: string) => ledger().send(RELEASE, { params: { holdId }, body: {} });
  const freeze = (accountId: string) =>
    ledger().send(FREEZE, { params: { accountId }, body: { reason: 'Looks like fraud.' } });
  const unfreeze = (accountId: string) =>
    ledger().send(UNFREEZE, { params: { accountId }, body: { reason: 'It was not.' } });
  const close = (accountId: string) => ledger().send(CLOSE, { params: { accountId }, body: { reason: 'They left.' } });
  const limit = (accountId: string, creditLimit: number) =>
    ledger().send(LIMIT, { params: { accountId }, body: { creditLimit } });

  const funded = () => ledger().openCustomer(fresh(), 5);
  const empty = () => ledger().openCustomer(fresh());
  const closed = async () => {
    const account = await empty();
    await close(account);
    return account;
  };
  const frozen = async (funds: number) => {
    const account = await ledger().openCustomer(fresh(), funds);
    await freeze(account);
    return account;
  };
  /** Has 5, from the day it is opened on. */
  const opened = (openedOn: string) => ledger().openCustomer(fresh(), 5, { openedOn });
  /** A charge of 5 that can be reversed. */
  const charged = async () => {
    const [id, account] = [fresh(), await funded()];
    await charge(account, { id });
    return { id, account };
  };
  /** All of the 5 that an account has, held for an amount. */
  const held = async (credit = 'platform:sink') => {
    const [id, account] = [fresh(), await funded()];
    await ledger().send(HOLD, { body: { id, account, amount: 5, credit } });
    return { id, account };
  };
  /** The same, after its time. */
  const expired = async () => {
    const { id, account } = await held();
    const late = { now: () => '2026-11-20T09:00:00.000Z' };
    return {
      id,
      account,
      capture: (fields: object = {}) =>
        ledger().sendWith(late, CAPTURE, { params: { holdId: id }, body: { id: fresh(), ...fields } }),
      release: () => ledger().sendWith(late, RELEASE, { params: { holdId: id }, body: {} }),
    };
  };
  /** Captures where the chart lets no excess be charged. */
  const captureStrictly = (holdId: string, fields: object) => {
    const chart = ledger().deps.chart.map((entry) => ({ ...entry, overCapture: 'refuse' as const }));
    return ledger().sendWith({ chart }, CAPTURE, { params: { holdId }, body: { id: fresh(), ...fields } });
  };
  const derived = async () => {
    const account = `merchant:${fresh()}`;
    await ledger().send(OPEN, { body: { id: account } });
    return account;
  };
  const twice = async (send: () => Promise<TestAnswer>) => {
    await send();
    return send();
  };

  return {
    fresh,
    charge,
    transfer,
    reverse,
    grant,
    fillUp,
    hold,
    capture,
    captureStrictly,
    release,
    held,
    expired,
    freeze,
    unfreeze,
    close,
    limit,
    funded,
    empty,
    closed,
    frozen,
    opened,
    charged,
    derived,
    twice,
  };
}
