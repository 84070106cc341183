import { GROUP_ELEMENTS_MAX } from '../../contract/limits.ts';
import { batchElement, group as groupSchema } from '../../contract/schemas/batches.ts';
import { id as idSchema } from '../../contract/schemas/common.ts';
import type { OutputOf } from '../../contract/schemas/deferred.ts';
import type { Problem } from '../../contract/schemas/problems.ts';
import type { TransferResult } from '../../domain/transfers.ts';
import type { EntryResult } from '../../store/entries.ts';
import { postTransfers, replaysOf } from '../../store/ledger.ts';
import type { Posting } from '../../store/posting.ts';
import { type Answer, type FieldError, invalid, problem } from '../runtime/answers.ts';
import { answerOfFault } from '../runtime/faults.ts';
import { countMetric } from '../runtime/metrics.ts';
import { type Caller, fieldErrors, printable, type Read } from '../runtime/requests.ts';
import type { SettingsCache } from '../runtime/settings.ts';
import { prepareCharge } from './charges.ts';
import type { PostingDeps } from './ledger-deps.ts';
import { answerOf } from './outcomes.ts';
import type { Prepared, Times } from './posting.ts';
import { prepareTransfer } from './transfers.ts';

/** An element of a batch or a bulk as it was read, or what is wrong with it. */
export interface Element {
  /** Where it stands in the request. */
  readonly index: number;
  /** Also of a bad element, as far as it can be read. */
  readonly id?: string;
  readonly group?: string;
  readonly read:
    | { readonly ok: true; readonly body: OutputOf<typeof batchElement> }
    | { readonly ok: false; readonly errors: readonly FieldError[] };
}

export interface ElementAnswer {
  readonly element: Element;
  /** What a single request would have been answered. */
  readonly answer: Answer;
}

/** Errors of groups that are told: enough to find the mistake that made them all. */
const GROUP_ERRORS_MAX = 20;

/** Reads the elements one by one: a bad one is an element with errors. Groups that nobody could post refuse them all. */
export function readElements(values: readonly unknown[]): Read<Element[]> {
  const elements = values.map(readElement);
  const groups = Map.groupBy(elements, ({ group }) => group);
  groups.delete(undefined);
  const errors = [...groups].flatMap(([name, members]) => groupErrors(name ?? '', members));
  if (errors.length === 0) return { ok: true, value: elements };
  return { ok: false, answer: invalid(errors.slice(0, GROUP_ERRORS_MAX)) };
}

export function readElement(value: unknown, index: number): Element {
  const parsed = batchElement().safeParse(value);
  const { id, group } = Object(value) as { readonly id?: unknown; readonly group?: unknown };
  const [known, linked] = [idSchema.safeParse(id), groupSchema().safeParse(group)];
  return {
    index,
    ...(known.success && { id: known.data }),
    ...(linked.success && { group: linked.data }),
    read: parsed.success ? { ok: true, body: parsed.data } : { ok: false, errors: fieldErrors(parsed.error) },
  };
}

function groupErrors(name: string, members: readonly Element[]): FieldError[] {
  const tooMany = members[GROUP_ELEMENTS_MAX];
  const again = members.find(
    ({ id }, place) => id !== undefined && members.slice(0, place).some((other) => other.id === id),
  );
  const told = `the group "${printable(name)}"`;
  return [
    ...(tooMany === undefined
      ? []
      : [{ field: `elements.${tooMany.index}.group`, rule: `must not link more than ${GROUP_ELEMENTS_MAX} elements` }]),
    ...(again === undefined
      ? []
      : [{ field: `elements.${again.index}.id`, rule: `must not be the id of another element of ${told}` }]),
  ];
}

/**
 * Posts elements, each exactly once and linked ones all or none. Every element is answered by itself, as a single
 * request would have been; ids that come twice are posted in their order.
 * @throws StoreUnavailableError when nothing could be begun, because the settings cannot be read.
 */
export async function postElements(
  deps: PostingDeps,
  caller: Caller,
  elements: readonly Element[],
  times: Times,
): Promise<ElementAnswer[]> {
  const settings = refreshedOnce(deps.settings);
  const { paused, reason } = (await settings.get()).ledgerControl;
  const wanted: Wanted[] = [];
  for (const element of elements) {
    wanted.push({ element, prepared: await prepare({ ...deps, settings }, caller, element, times) });
  }
  const groups = [...Map.groupBy(wanted, ({ element }) => element.group ?? element).values()];
  const ready = paused ? [] : groups.filter((group) => group.every(({ prepared }) => prepared.kind === 'posting'));
  const results = await postTransfers(deps.store, ready.map(postingsOf));

  const tell = teller(caller);
  const answers = new Map<Element, Answer>();
  for (const [place, group] of ready.entries()) {
    for (const [within, { element, prepared }] of group.entries()) {
      const result = results[place]?.[within];
      if (result !== undefined) answers.set(element, tell(result, prepared));
    }
  }
  const left = wanted.filter(({ element }) => !answers.has(element));
  const why: EntryResult<TransferResult> = paused ? { kind: 'ledger-paused', reason } : { kind: 'group-failed' };
  const replays = await lookUp(deps, left);
  for (const { element, prepared } of left) {
    const replay = replays.get(element);
    if (replay !== undefined) answers.set(element, tell(replay, prepared));
    else if (prepared.kind === 'posting') answers.set(element, tell(why, prepared));
    else answers.set(element, prepared.kind === 'refused' ? prepared.refuse() : prepared.answer);
  }
  return elements.map((element) => {
    const answer = answers.get(element);
    if (answer === undefined) throw new Error(`The element ${element.index} was left without an answer.`);
    return { element, answer };
  });
}

/** An element and what it comes to before the ledger is asked. */
interface Wanted {
  readonly element: Element;
  readonly prepared: Prepared;
}

/** However many elements have no price, the settings are read again once. */
function refreshedOnce({ get, refresh }: SettingsCache): SettingsCache {
  let refreshed: ReturnType<typeof refresh> | undefined;
  return {
    get,
    refresh: () => {
      refreshed ??= refresh();
      return refreshed;
    },
  };
}

/** A fault that one element meets, such as a card that does not fit the chart, is not that of the others. */
async function prepare(deps: PostingDeps, caller: Caller, { read }: Element, times: Times): Promise<Prepared> {
  if (!read.ok) return { kind: 'answered', answer: invalid(read.errors) };
  const { body } = read;
  try {
    return body.type === 'charge' ? await prepareCharge(deps, caller, body, times) : prepareTransfer(deps, body, times);
  } catch (error) {
    countMetric('ledger_write_errors');
    return { kind: 'answered', answer: answerOfFault(error, { element: body.id }) };
  }
}

function postingsOf(group: readonly Wanted[]): Posting[] {
  return group.flatMap(({ prepared }) => (prepared.kind === 'posting' ? [prepared.posting] : []));
}

/** What of elements that are not to be posted was posted before. Where that cannot be read, nothing is known of them. */
async function lookUp(
  { store }: PostingDeps,
  left: readonly Wanted[],
): Promise<ReadonlyMap<Element, EntryResult<TransferResult>>> {
  const asked = left.flatMap(({ element, prepared }) => {
    if (prepared.kind === 'answered') return [];
    const { id, claims } =
      prepared.kind === 'refused' ? prepared : { ...prepared.posting, id: prepared.posting.transfer.id };
    return [{ element, id, claims }];
  });
  try {
    const found = await replaysOf(store, asked);
    return new Map(asked.flatMap(({ element }, place) => (found[place] ? [[element, found[place]] as const] : [])));
  } catch (error) {
    return new Map(asked.map(({ element }) => [element, { kind: 'unavailable', error }]));
  }
}

/** Tells results as HTTP says them; the same fault of many elements is logged once. */
function teller(caller: Caller) {
  const faults = new Map<unknown, Answer>();
  return (result: EntryResult<TransferResult>, prepared: Prepared): Answer => {
    if (result.kind === 'unavailable') {
      countMetric('ledger_write_errors');
      const known = faults.get(result.error) ?? answerOfFault(result.error, { operation: 'postElements' });
      faults.set(result.error, known);
      return known;
    }
    if (result.kind === 'group-failed') {
      countMetric('transfers_refused');
      const rule = 'links this element to one that was not posted, so neither was this one';
      return problem('group-failed', `"group" ${rule}. Its own answer says why.`, [{ field: 'group', rule }]);
    }
    if (prepared.kind === 'answered') return prepared.answer;
    return answerOf(result, caller, prepared.kind === 'refused' ? prepared.asked : prepared.posting.transfer);
  };
}

/** `created`, `replayed`, or the kind of problem. */
export function resultOf({ status, body, headers }: Answer): string {
  if (status >= 400) return (body as Problem).type.replace('urn:reckoner:problem:', '');
  return headers?.['idempotent-replayed'] === 'true' ? 'replayed' : 'created';
}

export function countResults(results: readonly { readonly result: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { result } of results) counts[result] = (counts[result] ?? 0) + 1;
  return counts;
}
