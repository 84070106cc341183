import { BATCH_ELEMENTS_MAX } from '../../contract/limits.ts';
import { batchOf, type Charge, chargesOf, STRICT_ACCOUNTS } from '../charges.ts';
import type { Figure } from '../figures.ts';
import { apiMessage, ratePerSecond, send } from '../load.ts';
import type { Setting } from '../setting.ts';

const CALLERS = [1, 2, 4, 8, 16, 32, 64];
const CHARGES = 400;

/** Batches need few callers: each already holds a hundred charges. */
const BATCH_CALLERS = [1, 2, 4, 8];
const BATCHES = 16;

/** How many charges a second one strict account takes, as more and more callers charge it at once. */
export async function measure(setting: Setting): Promise<Figure[]> {
  const [account] = STRICT_ACCOUNTS;
  const single: Record<string, number> = {};
  for (const callers of CALLERS) {
    const messages = chargesOf(setting, `hot-${callers}`, CHARGES, account).map((charge) =>
      apiMessage(setting, charge),
    );
    single[`${callers} callers`] = await ratePerSecond(messages, callers, send);
  }
  const batched: Record<string, number> = {};
  for (const callers of BATCH_CALLERS) {
    const batches = Array.from({ length: BATCHES }, (_, index) =>
      chargesOf(setting, `hot-batch-${callers}-${index}`, BATCH_ELEMENTS_MAX, account),
    );
    const batchesPerSecond = await ratePerSecond(batches, callers, (charges) => sendBatch(setting, charges));
    batched[`${callers} callers`] = batchesPerSecond * BATCH_ELEMENTS_MAX;
  }
  return [
    {
      name: 'charges of one strict account through HTTP, at best',
      measured: Math.max(...Object.values(single)),
      unit: 'per second',
      note: 'the embedded engine does one write after the other and never reports a conflict; on AWS one account takes about 500 a second, and conflicts are tried again',
      details: single,
    },
    {
      name: `the same in batches of ${BATCH_ELEMENTS_MAX}`,
      measured: Math.max(...Object.values(batched)),
      unit: 'per second',
      note: 'charges, not batches; each batch updates the balance twice, whatever its size',
      details: batched,
    },
  ];
}

/** @throws Error unless every charge of the batch was created: each element has a result of its own. */
async function sendBatch({ apiUrl, key }: Setting, charges: readonly Charge[]): Promise<void> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const body = JSON.stringify(batchOf(charges));
  const answer = await fetch(`${apiUrl}/v1/batches`, { method: 'POST', headers, body });
  const { counts } = (await answer.json()) as { readonly counts?: Readonly<Record<string, number>> };
  if (counts?.created !== charges.length) {
    throw new Error(`A batch was answered ${answer.status} and came to ${JSON.stringify(counts)}.`);
  }
}
