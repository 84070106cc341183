import type { Call } from './histories.ts';
import { type Ledger, type Operation, perform, performGroup } from './model.ts';

/** What a call was answered: one word for each of its operations. */
export interface Answered {
  readonly call: Call;
  readonly answers: readonly string[];
}

/** What happens at one moment: an operation, or the linked postings of a group. */
interface Unit {
  readonly operations: readonly Operation[];
  readonly linked: boolean;
  readonly answers: readonly string[];
  /** Units of its batch that come before, because they have an id in common. */
  readonly after: readonly Unit[];
}

/**
 * The ledgers in which calls that were sent at once may have left a ledger, by the answers that they got: for each of
 * them some order of the calls gives these very answers. None when the answers cannot be explained.
 */
export function explain(ledgers: readonly Ledger[], answered: readonly Answered[]): Ledger[] {
  const units = answered.flatMap(unitsOf);
  const found = new Map<string, Ledger>();
  for (const ledger of ledgers) search(ledger, units, (end) => found.set(nameOf(end), end));
  return [...found.values()];
}

function search(ledger: Ledger, units: readonly Unit[], found: (end: Ledger) => void): void {
  if (units.length === 0) found(ledger);
  for (const unit of units) {
    if (unit.after.some((earlier) => units.includes(earlier))) continue;
    const [after, right] = performUnit(ledger, unit);
    if (!right.some((answers) => answers.join() === unit.answers.join())) continue;
    search(
      after,
      units.filter((other) => other !== unit),
      found,
    );
  }
}

function performUnit(ledger: Ledger, { operations, linked }: Unit): ReturnType<typeof performGroup> {
  if (linked) return performGroup(ledger, operations);
  const [after, answer] = perform(ledger, operations[0] as Operation);
  return [after, [[answer]]];
}

function unitsOf({ call, answers }: Answered): Unit[] {
  if ('single' in call) return [{ operations: [call.single], linked: false, answers, after: [] }];
  const units: Unit[] = [];
  const groups = Map.groupBy(call.batch.entries(), ([index, { group }]) => group ?? index);
  for (const [name, elements] of groups) {
    const operations = elements.map(([, { posting }]) => posting);
    const ids = new Set(operations.map(({ id }) => id));
    units.push({
      operations,
      linked: typeof name === 'string',
      answers: elements.map(([index]) => answers[index] ?? ''),
      after: units.filter((unit) => unit.operations.some((other) => 'id' in other && ids.has(other.id))),
    });
  }
  return units;
}

/** Equal for equal ledgers, whatever order their maps were filled in. */
function nameOf({ accounts, transfers, holds }: Ledger): string {
  const parts = [accounts, transfers, holds].map((map) => [...map].sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify(parts, (_, value) => (typeof value === 'bigint' ? value.toString() : value));
}
