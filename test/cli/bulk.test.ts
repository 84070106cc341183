import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

let service: TestService;
let directory: string;
beforeAll(async () => {
  service = await startService();
  directory = await mkdtemp(join(tmpdir(), 'reckoner-bulk-'));
});
afterAll(async () => {
  await service.stop();
  await rm(directory, { recursive: true });
});

const file = async (name: string, content: string) => {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
};
const bulk = (...argv: string[]) => reckoner(['--url', service.url, 'bulk', ...argv]);

const state = (id: string, elements: number, done: number, counts: object = {}) => ({
  ...{
    id,
    status: done < elements ? 'processing' : 'done',
    acceptedAt: '2026-11-20T08:00:00.000Z',
    elements,
    done,
    counts,
  },
});
const created = (index: number) => ({ index, id: `c${index}`, status: 201, result: 'created' });
const refused = (index: number) => ({
  ...{ index, id: `c${index}`, status: 402, result: 'insufficient-funds', detail: '"customer:a" has less available.' },
});

/** Answers for one bulk of two elements; the second is as given. */
function script(id: string, last: object) {
  const counts = { created: 1 };
  service.answer({
    'POST /v1/bulk': { status: 202, json: state(id, 2, 0) },
    [`GET /v1/bulk/${id}?limit=1`]: [
      { json: { ...state(id, 2, 1), results: [] } },
      { json: { ...state(id, 2, 2), results: [] } },
    ],
    [`GET /v1/bulk/${id}?limit=1000`]: { json: { ...state(id, 2, 2, counts), results: [created(0), last] } },
  });
}
const sent = () => service.seen.filter(({ method }) => method === 'POST').map(({ json }) => json);

const NDJSON = `{"type":"charge","id":"c0","account":"customer:a","operation":"chat","quantities":{"tokens":12345678901234567890}}

{"type":"transfer","id":"c1","debit":"platform:a","credit":"customer:a","amount":0.99999999999999999,"asset":"TOKEN"}
`;

describe('reckoner bulk post', () => {
  test('hands in the lines of an NDJSON file, follows them and says what became of them', async () => {
    script('november', created(1));
    const { code, out, err } = await bulk('post', await file('n.ndjson', NDJSON), '--id', 'november');
    expect(code).toBe(0);
    expect(out).toContain('Done         2 of 2');
    expect(out).not.toContain('Why');
    expect(err).toContain('2 elements handed in as november.');
  });

  test('sends numbers as they are written: nothing is rounded on the way', async () => {
    script('november', created(1));
    await bulk('post', await file('n.ndjson', NDJSON), '--id', 'november');
    expect(sent()).toMatchObject([
      {
        id: 'november',
        elements: [{ quantities: { tokens: '12345678901234567890' } }, { amount: '0.99999999999999999' }],
      },
    ]);
  });

  test('lists what was refused by the line of the file, and says so by the exit code', async () => {
    script('november', refused(1));
    const { code, out } = await bulk('post', await file('n.ndjson', NDJSON), '--id', 'november');
    expect(code).toBe(1);
    expect(out).toMatch(/3 │ c1 │ insufficient-funds │ "customer:a" has less available\./);
  });

  test('reads CSV by the names of its columns, and leaves out empty cells', async () => {
    script('november', created(1));
    const csv = [
      'type,id,account,operation,quantities.in,quantities.out,debit,credit,amount,asset,group',
      ',c0,customer:a,chat,5,,,,,,',
      'transfer,c1,,,,,platform:a,customer:a,7,TOKEN,order 1',
    ];
    await bulk('post', await file('n.csv', csv.join('\n')), '--id', 'november');
    expect(sent()).toEqual([
      {
        id: 'november',
        elements: [
          { type: 'charge', id: 'c0', account: 'customer:a', operation: 'chat', quantities: { in: '5' } },
          {
            type: 'transfer',
            id: 'c1',
            debit: 'platform:a',
            credit: 'customer:a',
            amount: '7',
            asset: 'TOKEN',
            group: 'order 1',
          },
        ],
      },
    ]);
  });

  test('cuts a large file into bulks and keeps linked lines together', async () => {
    const lines = Array.from({ length: 1_500 }, (_, index) => JSON.stringify({ id: `c${index}` }));
    lines[998] = JSON.stringify({ id: 'first', group: 'pair' });
    lines[1_200] = JSON.stringify({ id: 'second', group: 'pair' });
    const done = (id: string, elements: number) => ({ json: { ...state(id, elements, elements), results: [] } });
    service.answer({
      'POST /v1/bulk': ({ json }) => {
        const { id, elements } = json as { id: string; elements: unknown[] };
        return { status: 202, json: state(id, elements.length, 0) };
      },
      'GET /v1/bulk/big-1?limit=1': done('big-1', 1_000),
      'GET /v1/bulk/big-2?limit=1': done('big-2', 500),
      'GET /v1/bulk/big-1?limit=1000': done('big-1', 1_000),
      'GET /v1/bulk/big-2?limit=1000': done('big-2', 500),
    });
    const { code, err } = await bulk('post', await file('big.jsonl', lines.join('\n')), '--id', 'big');
    expect(code).toBe(0);
    expect(err).toContain('1,500 elements handed in as big-1, big-2.');
    const [first, second] = sent() as { id: string; elements: { id: string }[] }[];
    expect([first?.elements.length, second?.elements.length]).toEqual([1_000, 500]);
    const ids = first?.elements.map(({ id }) => id) ?? [];
    expect(ids.indexOf('second')).toBe(ids.indexOf('first') + 1);
  });

  test('names the bulk itself, and says how to try again', async () => {
    script('bulk-01234567', created(1));
    const { err } = await bulk('post', await file('n.ndjson', NDJSON));
    expect(err).toContain('to try again, add --id bulk-01234567');
  });

  test('prints all results as JSON', async () => {
    script('november', refused(1));
    const { out } = await bulk('post', await file('n.ndjson', NDJSON), '--id', 'november', '--json');
    expect(JSON.parse(out)).toMatchObject({ id: 'november', results: [created(0), refused(1)] });
  });

  test.each([
    ['of another kind', 'n.txt', 'x', 'must end with .csv, .ndjson or .jsonl'],
    ['without lines', 'empty.ndjson', '\n', 'has no elements'],
    ['with a line that is no JSON', 'bad.ndjson', '{}\n{', 'line 2: it must be a JSON object, whole on one line'],
    ['with a line that is no object', 'list.ndjson', '[]', 'line 1: it must be a JSON object'],
    ['that is no CSV', 'bad.csv', 'id,account\n"a', 'cannot be read as CSV'],
  ])('sends nothing of a file %s', async (_, name, content, sentence) => {
    service.answer({});
    const { code, err } = await bulk('post', await file(name, content));
    expect([code, service.seen.length]).toEqual([2, 0]);
    expect(err).toContain(sentence);
  });

  test('says what the service refuses as a whole', async () => {
    service.answer({ 'POST /v1/bulk': problem('conflict', 422) });
    const { code, err } = await bulk('post', await file('n.ndjson', NDJSON), '--id', 'november');
    expect(code).toBe(2);
    expect(err).toContain('conflict, status 422');
  });
});

describe('reckoner bulk show', () => {
  test('shows a bulk that is under way, page by page, with refusals by their place', async () => {
    const pages = [
      { json: { ...state('b', 2_000, 1_001, { created: 1_000 }), results: [created(0)], next: '1000' } },
      { json: { ...state('b', 2_000, 1_001, { created: 1_000 }), results: [refused(1_000)] } },
    ] as const;
    service.answer({ 'GET /v1/bulk/b?limit=1000': pages[0], 'GET /v1/bulk/b?limit=1000&cursor=1000': pages[1] });
    const { code, out } = await bulk('show', 'b');
    expect(code).toBe(1);
    expect(out).toContain('Status       processing');
    expect(out).toMatch(/1000 │ c1000 │ insufficient-funds/);
  });

  test('that does not exist is said', async () => {
    service.answer({ 'GET /v1/bulk/none?limit=1000': problem('not-found', 404) });
    expect((await bulk('show', 'none')).code).toBe(2);
  });
});
