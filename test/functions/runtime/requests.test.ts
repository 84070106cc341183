import { expect, test } from 'vitest';
import { maySee } from '../../../functions/runtime/requests.ts';

const bound = { keyId: 'k', scopes: [], account: 'customer:acme' };

test('a key that is bound to no account may see every account', () => {
  expect(maySee({ keyId: 'k', scopes: [] }, 'platform:revenue')).toBe(true);
});

test.each(['customer:acme', 'customer:acme:team-1', 'customer:acme:team-1:batch'])(
  'a bound key may see %s',
  (account) => {
    expect(maySee(bound, account)).toBe(true);
  },
);

test.each(['customer:acmecorp', 'customer:acmecorp:team-1', 'customer', 'customer:acm', 'customer:other', ''])(
  'to a bound key, "%s" does not exist',
  (account) => {
    expect(maySee(bound, account)).toBe(false);
  },
);

test('a key that is bound to an account below another may not see that one', () => {
  expect(maySee({ ...bound, account: 'customer:acme:team-1' }, 'customer:acme')).toBe(false);
});
