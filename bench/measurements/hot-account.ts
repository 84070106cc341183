import { chargesOf, STRICT_ACCOUNTS } from '../charges.ts';
import type { Figure } from '../figures.ts';
import { apiMessage, ratePerSecond, send } from '../load.ts';
import type { Setting } from '../setting.ts';

const CALLERS = [1, 2, 4, 8, 16, 32, 64];
const CHARGES = 400;

/** How many charges a second one strict account takes, as more and more callers charge it at once. */
export async function measure(setting: Setting): Promise<Figure[]> {
  const [account] = STRICT_ACCOUNTS;
  const curve: Record<string, number> = {};
  for (const callers of CALLERS) {
    const messages = chargesOf(setting, `hot-${callers}`, CHARGES, account).map((charge) =>
      apiMessage(setting, charge),
    );
    curve[`${callers} callers`] = await ratePerSecond(messages, callers, send);
  }
  return [
    {
      name: 'charges of one strict account through HTTP, at best',
      measured: Math.max(...Object.values(curve)),
      unit: 'per second',
      note: 'the embedded engine does one write after the other and never reports a conflict; on AWS one account takes about 500 a second, and conflicts are tried again',
      details: curve,
    },
  ];
}
