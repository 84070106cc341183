import { createHash } from 'node:crypto';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fileNameOf, type Invoice, invoiceId } from '../../../../domain/invoices/invoice.ts';
import { type InvoiceLine, inLineOrder, totalsOf } from '../../../../domain/invoices/lines.ts';
import { decimalAmount } from '../../../../domain/money.ts';
import type { ExportedDocument, ExportRow } from '../../../../functions/workflow/invoices/export.ts';
import { INVOICE_COLUMNS, LINE_COLUMNS, linesCsv } from '../../../../functions/workflow/invoices/export-csv.ts';
import { renderPage } from '../../../../functions/workflow/invoices/export-page.ts';
import { getText, invoicesKey } from '../../../../store/artifacts.ts';
import { toItem } from '../../../../store/items.ts';
import { accountKey } from '../../../../store/tables.ts';
import { type BillingWorld, MONTH, startBillingWorld } from '../../../support/billing-world.ts';

const ACME = 'customer:acme';
const HOSTILE = 'customer:<b>"&\'=x';

/** The tests stand in the order of a month's life: each goes on with what the one before has left. */
describe('an export', () => {
  let world: BillingWorld;
  beforeAll(async () => {
    world = await startBillingWorld();
    await world.opened(ACME, 10_000n);
    await world.opened(`${ACME}:team-1`);
    await world.opened(HOSTILE, 500n);
    await world.charged(ACME, 'req-1', 861n);
    await world.charged(HOSTILE, 'req-2', 7n, { operation: '=HYPERLINK("http://x")<script>alert(1)</script>' });
    await world.posted({
      ...{
        id: 'out',
        debit: HOSTILE,
        credit: 'platform:sink',
        amount: 3n,
        description: '<img src=x onerror=alert(1)>',
      },
      effectiveAt: `${MONTH}-20T00:00:00.000Z`,
    });
    await world.run({ id: 'october', kind: 'generate', month: MONTH });
  });
  afterAll(() => world.stop());

  const file = (name: string) => getText(world.artifacts, invoicesKey(MONTH, name));
  const pageOf = (account: string) => file(`pages/${fileNameOf(`${MONTH}:${account}`)}.html`);
  const exported = (id: string) => world.run({ id, kind: 'export', month: MONTH });
  const rowsOf = async (name: string) =>
    parse(await file(name), { columns: true, record_delimiter: '\r\n' }) as Record<string, string>[];
  const dueOf = async () => new Map((await rowsOf('invoices.csv')).map((row) => [row.InvoiceId, row.BilledCost]));

  test('writes a row for each document and each line, in decimals, and their sums are what is due', async () => {
    expect(await world.invoice(ACME)).not.toHaveProperty('artifacts');
    const run = await exported('out-1');
    expect(run.error).toBeUndefined();
    expect(run.outcome).toMatchObject({
      sentence: `2 documents of ${MONTH} with 5 lines are written out, 0 of them final.`,
      counts: { documents: 2, draft: 2, lines: 5 },
    });
    const [header = ''] = (await file('invoices.csv')).split('\r\n');
    expect(header).toBe(INVOICE_COLUMNS.join(','));
    expect((await file('lines.csv')).split('\r\n')[0]).toBe(LINE_COLUMNS.join(','));
    const acme = (await rowsOf('invoices.csv')).find(({ BillingAccountId }) => BillingAccountId === ACME);
    expect(acme).toMatchObject({
      ...{ InvoiceId: `${MONTH}:${ACME}`, BillingCurrency: 'TOKEN', BilledCost: '861', x_Status: 'draft' },
      ...{ BillingPeriodStart: '2026-10-01T00:00:00Z', BillingPeriodEnd: '2026-11-01T00:00:00Z', x_LineCount: '2' },
      ...{ x_OpeningBalance: '0', x_ClosingBalance: '9139', x_LedgerTotal: '-9139', x_BlockedBecause: '' },
    });
    const lines = await rowsOf('lines.csv');
    expect(lines.filter(({ BillingAccountId }) => BillingAccountId === ACME)).toMatchObject([
      {
        ChargeCategory: 'Credit',
        ChargeDescription: 'top-up',
        BilledCost: '0',
        x_Amount: '-10000',
        ConsumedQuantity: '',
      },
      { ChargeCategory: 'Usage', ChargeDescription: 'chat', BilledCost: '861', ConsumedQuantity: '1', ChargeClass: '' },
    ]);
    for (const [id, due] of await dueOf()) {
      const own = lines.filter(({ InvoiceId }) => InvoiceId === id).map(({ BilledCost = '' }) => BigInt(BilledCost));
      expect([id, `${own.reduce((sum, cost) => sum + cost, 0n)}`]).toEqual([id, due]);
    }
  });

  test('no cell is a formula, and no page has markup of others', async () => {
    for (const name of ['invoices.csv', 'lines.csv']) {
      const cells = (parse(await file(name), { record_delimiter: '\r\n' }) as string[][]).flat();
      expect(cells.filter((cell) => /^[=+@\t\r]|^-(?![0-9]+(\.[0-9]+)?$)/.test(cell))).toEqual([]);
    }
    const page = await pageOf(HOSTILE);
    expect(page).not.toMatch(/<script|<img|<b>/);
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(page).toContain('customer:&lt;b&gt;&quot;&amp;&#39;=x');
  });

  test('the same books give the same bytes, whichever run writes them and wherever one breaks off', async () => {
    const names = ['invoices.csv', 'lines.csv', `pages/${fileNameOf(`${MONTH}:${ACME}`)}.html`];
    const first = await Promise.all(names.map(file));
    let isBroken = false;
    world.breakOff = async (step, when) => {
      if (step !== 'work' || when !== 'after' || isBroken) return;
      isBroken = true;
      throw Object.assign(new Error('gone'), { name: 'Sandbox.Timedout' });
    };
    await exported('out-2');
    expect(isBroken).toBe(true);
    expect(await Promise.all(names.map(file))).toEqual(first);
  });

  test('the manifest names every file with its digest, and the run links the files of the month', async () => {
    const listed = async (name: string) =>
      (JSON.parse(await file(name)) as { files: { name: string; sha256: string }[] }).files;
    const [own, pages] = [await listed('manifest.json'), await listed('pages.json')];
    expect(own.map(({ name }) => name)).toEqual(['invoices.csv', 'lines.csv', 'pages.json']);
    expect(pages.map(({ name }) => name).sort()).toEqual(
      [ACME, HOSTILE].map((id) => `pages/${fileNameOf(`${MONTH}:${id}`)}.html`).sort(),
    );
    for (const { name, sha256 } of [...own, ...pages]) {
      expect([
        name,
        createHash('sha256')
          .update(await file(name))
          .digest('hex'),
      ]).toEqual([name, sha256]);
    }
    const { body } = await world.send('GET /v1/billing-runs/{runId}', { params: { runId: 'out-2' } });
    const links = body.artifacts as Record<string, string>;
    expect(Object.keys(links)).toEqual(['invoices.csv', 'lines.csv', 'pages.json', 'manifest.json']);
    const answer = await fetch(links['invoices.csv'] ?? '');
    expect(await answer.text()).toBe(await file('invoices.csv'));
    expect(body.outcome).not.toHaveProperty('folder');
  });

  test('an invoice links its page while the page shows it as it stands', async () => {
    const name = `pages/${fileNameOf(`${MONTH}:${ACME}`)}.html`;
    const { artifacts } = await world.invoice(ACME);
    const link = (artifacts as Record<string, string>)[name] ?? '';
    expect(await (await fetch(link)).text()).toBe(await file(name));
    await world.charged(ACME, 'late', 9n);
    await world.run({ id: 'again', kind: 'regenerate', month: MONTH });
    expect(await world.invoice(ACME)).not.toHaveProperty('artifacts');
    await exported('out-3');
    expect((await world.invoice(ACME)).artifacts).toHaveProperty([name]);
  });

  test('what is void is left out, and what is blocked says why', async () => {
    await world.send('POST /v1/invoices/{invoiceId}/void', { params: { invoiceId: `${MONTH}:${HOSTILE}` } });
    const moveDebits = (by: bigint) =>
      world.tables.client.send(
        new UpdateItemCommand({
          TableName: world.tables.ledgerTable,
          Key: toItem({ pk: accountKey(ACME) }),
          UpdateExpression: 'SET debits = debits + :by',
          ExpressionAttributeValues: toItem({ ':by': by }),
        }),
      );
    await moveDebits(-445n);
    await world.run({ id: 'edited', kind: 'regenerate', month: MONTH });
    const run = await exported('out-blocked');
    expect(run.outcome?.counts).toEqual({ documents: 1, draft: 1, blocked: 1, lines: 2 });
    const [row] = await rowsOf('invoices.csv');
    expect(row?.x_BlockedBecause).toContain('The balance of customer:acme moved by 9,575 TOKEN');
    const page = await pageOf(ACME);
    expect(page).toContain('<div class="watermark">BLOCKED</div>');
    expect(page).toContain('moved by 9,575 TOKEN and its transfers come to 9,130 TOKEN');
    expect(page).toContain('do not agree');
    await moveDebits(445n);
    await world.run({ id: 'mended', kind: 'regenerate', month: MONTH });
  });

  test('a final invoice and its credit note have pages with number, original and no watermark', async () => {
    const finalize = async (id: string) => {
      const { outcome } = await world.run({ id: `${id}-review`, kind: 'review', month: MONTH });
      await world.approve(outcome?.approval ?? '', outcome?.hash ?? '');
      await world.run({ id, kind: 'finalize', review: `${id}-review`, hash: outcome?.hash });
    };
    await finalize('final');
    await world.posted({
      ...{ id: 'back', debit: 'platform:revenue', credit: ACME, amount: 80n, corrects: 'req-1', requestId: 'req-1' },
      ...{ operation: 'chat', effectiveAt: `${MONTH}-15T12:00:00.000Z` },
    });
    await world.run({ id: 'given-back', kind: 'regenerate', month: MONTH });
    await exported('out-4');
    expect(await pageOf(`${ACME}~1`)).toContain('<div class="watermark">DRAFT</div>');
    await finalize('final-late');
    await exported('out-5');
    const page = await pageOf(`${ACME}~1`);
    expect(page).toContain('<h1>Credit note CN-2026-000001</h1>');
    expect(page).toContain(`<dt>Corrects</dt><dd>${MONTH}:${ACME}</dd>`);
    expect(page).toContain('-80 TOKEN');
    expect(page).not.toContain('class="watermark"');
    const lines = await rowsOf('lines.csv');
    expect(lines.find(({ InvoiceId }) => InvoiceId === `${MONTH}:${ACME}~1`)).toMatchObject({
      ...{ ChargeClass: 'Correction', ChargeCategory: 'Usage', BilledCost: '-80', x_LineType: 'correction' },
    });
  });

  test('a month that goes on cannot be written out', async () => {
    const body = { id: 'early', kind: 'export', month: '2026-11' };
    expect((await world.send('POST /v1/billing-runs', { body })).status).toBe(400);
  });
});

describe('a page', () => {
  const lines: InvoiceLine[] = [
    { unit: ACME, type: 'credit', description: 'payment', quantity: 1n, amount: -100_00n },
    { unit: `${ACME}:a`, type: 'usage', description: 'chat', quantity: 3n, amount: 1_234_56n },
  ];
  const invoice = (over: Partial<Invoice> = {}): Invoice => ({
    ...{ id: `${MONTH}:${ACME}`, account: ACME, month: MONTH, kind: 'invoice', asset: 'USD/2' },
    ...{ opening: 5_000_00n, closing: 3_865_44n, due: 1_234_56n, ledgerTotal: 1_134_56n, lineCount: 2 },
    ...{ status: 'final', revision: 3, version: 2, digest: 'd'.repeat(64), faults: [], number: 'INV-2026-000007' },
    ...{ madeBy: 'r', madeAt: '2026-11-01T00:00:00.000Z', lastRun: 'r', lastOutcome: 'finalized' },
    ...{ finalizedAt: '2026-11-03T08:00:00.000Z' },
    ...over,
  });
  const seller = { name: 'A & B <Ltd>', address: ['1 <i>Lane</i>'], contact: 'a@example.com' };

  test('has the seller, the facts, lines by whether they are due, both balances and the tie-out', async () => {
    const page = await renderPage(invoice(), lines, seller);
    const text = page
      .replace(/<style>.*<\/style>/s, '')
      .replace(/<[^>]+>/g, ' ')
      .replace(/\s+/g, ' ')
      .trim();
    expect(text).toBe(
      [
        'Invoice INV-2026-000007 A &amp; B &lt;Ltd&gt; 1 &lt;i&gt;Lane&lt;/i&gt; a@example.com Invoice INV-2026-000007',
        'Billed to customer:acme Period 2026-10-01 to 2026-10-31 (UTC) Number INV-2026-000007 Date 2026-11-03',
        'Document 2026-10:customer:acme, version 2',
        'Charges Description Account Type Quantity Amount chat customer:acme:a usage 3 1,234.56 USD',
        'Amount due 1,234.56 USD',
        'Not asked for here Description Account Type Quantity Amount payment customer:acme credit 1 -100.00 USD',
        'In all -100.00 USD Balance Opening 5,000.00 USD Closing 3,865.44 USD',
        'Its lines from the ledger come to 1,134.56 USD, and the balance fell by 1,134.56 USD from opening to closing.',
        'Lines, transfers of the period and change of the balance were compared and agree.',
        `SHA-256 of what this document says: ${'d'.repeat(64)}`,
      ].join(' '),
    );
  });

  test.each([
    ['draft', 'DRAFT'],
    ['pending', 'IN REVIEW'],
    ['pending_regeneration', 'OUT OF DATE'],
  ] as const)('of an invoice that is %s has %s across it', async (status, mark) => {
    expect(await renderPage(invoice({ status }), lines, seller)).toContain(`<div class="watermark">${mark}</div>`);
  });
});

test('lines of a file come to what is due of each document, whatever its scale', async () => {
  const line = fc.record({
    unit: fc.constantFrom(ACME, `${ACME}:a`),
    type: fc.constantFrom('usage', 'correction', 'grant', 'credit', 'expiry', 'debit', 'fee', 'tax', 'other'),
    description: fc.string({ maxLength: 12 }),
    quantity: fc.bigInt(0n, 10n ** 6n),
    amount: fc.bigInt(-(10n ** 30n), 10n ** 30n),
  });
  const asset = fc.constantFrom('TOKEN', 'USD/2', 'USD/6', 'ETH/18');
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 8 }), asset, async (made, of) => {
      const lines = inLineOrder(made);
      const { due } = totalsOf(lines);
      const text = (await Array.fromAsync(linesCsv(rowsFor(lines, of)))).join('');
      const read = parse(text, { columns: true, record_delimiter: '\r\n' }) as Record<string, string>[];
      const sum = read.reduce((total, { BilledCost = '' }) => total + minorUnits(BilledCost, of), 0n);
      expect(decimalAmount(sum, of)).toBe(decimalAmount(due, of));
    }),
  );
});

/** As another program would read them: digits after the point up to the scale. */
function minorUnits(decimal: string, asset: string): bigint {
  const scale = Number(asset.split('/')[1] ?? 0);
  expect(decimal).toMatch(scale === 0 ? /^-?\d+$/ : new RegExp(`^-?\\d+\\.\\d{${scale}}$`));
  return BigInt(decimal.replace('.', ''));
}

async function* rowsFor(lines: readonly InvoiceLine[], asset: string): AsyncGenerator<ExportRow> {
  const id = invoiceId({ month: MONTH, account: ACME, sequence: 0 });
  const figures = { opening: '0', closing: '0', due: '0', ledgerTotal: '0', lineCount: lines.length, blocked: [] };
  const document = {
    ...{ id, account: ACME, month: MONTH, kind: 'invoice', status: 'draft', version: 1, digest: '', asset },
    ...figures,
  } as ExportedDocument;
  yield { counts: [], document, page: { name: '', bytes: 0, sha256: '' } };
  for (const { quantity, amount, ...key } of lines) {
    yield { counts: [], line: { ...key, quantity: `${quantity}`, amount: `${amount}` } };
  }
}

test('names of files are one for each id, and hold nothing that a path or a shell reads', () => {
  const id = fc.stringMatching(/^2026-10:customer:[$-~]{1,20}$/);
  fc.assert(fc.property(id, (text) => /^[A-Za-z0-9.~=_-]+$/.test(fileNameOf(text))));
  fc.assert(fc.property(id, id, (a, b) => (fileNameOf(a) === fileNameOf(b)) === (a === b)));
});
