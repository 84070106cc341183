import { describe, expect, test } from 'vitest';
import { missingColumn, NO_MAPPING, readEvent } from '../../../../functions/events/import/mapping.ts';
import type { ImportMapping } from '../../../../store/imports.ts';

const LATEST = '2026-11-20T12:00:00.000Z';

const good = {
  requestId: 'req-1',
  account: 'customer:acme',
  operation: 'chat',
  occurredAt: '2026-11-20T08:00:00Z',
  source: '',
  'quantities.input_tokens': '4808',
  'quantities.output_tokens': '',
  note: 'nobody asked for this',
};

const read = (values: Record<string, unknown>, mapping: ImportMapping = NO_MAPPING) =>
  readEvent({ line: 7, values }, mapping, LATEST);

describe('readEvent', () => {
  test('reads columns with the names of the fields, and leaves out what is empty', () => {
    expect(read(good)).toEqual({
      ok: true,
      event: {
        requestId: 'req-1',
        account: 'customer:acme',
        operation: 'chat',
        occurredAt: '2026-11-20T08:00:00.000Z',
        quantities: { input_tokens: 4808n },
      },
    });
  });

  test('reads a nested JSON event as the API takes it', () => {
    const { 'quantities.input_tokens': _, 'quantities.output_tokens': __, note, source, ...fields } = good;
    const quantities = { input_tokens: 4808, output_tokens: '10' };
    expect(read({ ...fields, quantities, source: 'gateway' })).toMatchObject({
      ok: true,
      event: { quantities: { input_tokens: 4808n, output_tokens: 10n }, source: 'gateway' },
    });
  });

  test('maps a log export without ids or accounts', () => {
    const mapping: ImportMapping = {
      columns: { occurredAt: 'TIMESTAMP' },
      quantities: { input_tokens: 'ContextTokens', output_tokens: 'GeneratedTokens' },
      constants: { account: 'customer:acme', operation: 'code-completion', source: 'azure' },
      requestIdPrefix: 'azure-2023',
    };
    const row = { TIMESTAMP: '2023-11-16 18:17:03.9799600', ContextTokens: '4808', GeneratedTokens: '10' };
    expect(read(row, mapping)).toEqual({
      ok: true,
      event: {
        requestId: 'azure-2023-7',
        account: 'customer:acme',
        operation: 'code-completion',
        occurredAt: '2023-11-16T18:17:03.979Z',
        quantities: { input_tokens: 4808n, output_tokens: 10n },
        source: 'azure',
      },
    });
  });

  test('reads a column of nested JSON by its path', () => {
    const mapping: ImportMapping = {
      columns: { requestId: 'response.id' },
      quantities: { input_tokens: 'response.usage.in' },
      constants: {},
    };
    expect(read({ ...good, response: { id: 'r-9', usage: { in: 5 } } }, mapping)).toMatchObject({
      event: { requestId: 'r-9', quantities: { input_tokens: 5n } },
    });
  });

  test('prefers a mapped column to a constant, and a constant to a column of the same name', () => {
    const constants = { account: 'customer:constant' };
    expect(read(good, { columns: {}, constants })).toMatchObject({ event: { account: 'customer:constant' } });
    expect(read({ ...good, who: 'customer:mapped' }, { columns: { account: 'who' }, constants })).toMatchObject({
      event: { account: 'customer:mapped' },
    });
  });

  test.each([
    ['requestId', { requestId: 'a b' }, 'visible ASCII', 'a b'],
    ['requestId', { requestId: '' }, 'is missing', ''],
    ['account', { account: 'acme' }, 'account path', 'acme'],
    ['occurredAt', { occurredAt: '20.11.2026' }, 'taken as UTC', '20.11.2026'],
    ['occurredAt', { occurredAt: 1_700_000_000 }, 'must be text', '1700000000'],
    ['occurredAt', { occurredAt: '2026-11-20T12:00:00.001Z' }, 'in the future', '2026-11-20T12:00:00.001Z'],
    ['quantities.input_tokens', { 'quantities.input_tokens': '4,808' }, 'whole number', '4,808'],
    ['quantities.input_tokens', { 'quantities.input_tokens': '1.5' }, 'whole number', '1.5'],
    ['source', { source: 'x'.repeat(200) }, 'at most 128', 'x'.repeat(80)],
  ])('names the field, the rule and the value of a bad %s', (field, change, rule, value) => {
    const result = read({ ...good, ...change });
    expect(result).toEqual({ ok: false, errors: [{ field, rule: expect.stringContaining(rule), value }] });
  });

  test('names every field that breaks a rule', () => {
    const result = read({ ...good, requestId: 'a b', account: 'acme' });
    expect(result.ok ? [] : result.errors.map(({ field }) => field)).toEqual(['requestId', 'account']);
  });

  test('hands on why there is no row', () => {
    const error = { field: 'line', rule: 'must be a JSON object', value: '[]' };
    expect(readEvent({ line: 3, error }, NO_MAPPING, LATEST)).toEqual({ ok: false, errors: [error] });
  });
});

describe('missingColumn', () => {
  const columns = ['requestId', 'account', 'operation', 'occurredAt'];

  test('is content with all required columns', () => {
    expect(missingColumn(columns, NO_MAPPING)).toBeUndefined();
  });

  test('asks for no column where a constant or a prefix stands in', () => {
    const mapping = { columns: {}, constants: { account: 'customer:a', operation: 'chat' }, requestIdPrefix: 'p' };
    expect(missingColumn(['occurredAt'], mapping)).toBeUndefined();
  });

  test('names the missing column, its field, and the columns that are there', () => {
    expect(missingColumn(['TIMESTAMP', 'Tokens'], { columns: { occurredAt: 'Timestamp' }, constants: {} })).toBe(
      'There is no column "requestId", which "requestId" is read from. The columns are "TIMESTAMP", "Tokens".',
    );
    expect(missingColumn([...columns, 'Tokens'], { columns: {}, constants: {}, quantities: { input: 'tokens' } })).toBe(
      'There is no column "tokens", which "quantities.input" is read from. The columns are "requestId", "account", "operation", "occurredAt", "Tokens".',
    );
  });
});
