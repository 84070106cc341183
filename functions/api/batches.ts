import { type batchAnswer, batchEnvelope } from '../../contract/schemas/batches.ts';
import type { OutputOf } from '../../contract/schemas/deferred.ts';
import type { Problem } from '../../contract/schemas/problems.ts';
import type { transfer } from '../../contract/schemas/transfers.ts';
import { type Answer, ok } from '../runtime/answers.ts';
import type { ApiRequest } from '../runtime/pipeline.ts';
import { readBody, readJson } from '../runtime/requests.ts';
import { countResults, type ElementAnswer, postElements, readElements, resultOf } from './elements.ts';
import type { LedgerDeps } from './ledger-deps.ts';
import { timesOf } from './posting.ts';

/** Posts charges and transfers together, and answers each by itself. */
export async function postBatch(deps: LedgerDeps, { caller, event }: ApiRequest<unknown>): Promise<Answer> {
  const json = readJson(event);
  if (!json.ok) return json.answer;
  const batch = readBody(batchEnvelope(), json.value);
  if (!batch.ok) return batch.answer;
  const elements = readElements(batch.value.elements);
  if (!elements.ok) return elements.answer;
  const results = (await postElements(deps, caller, elements.value, timesOf(deps))).map(render);
  const answer: OutputOf<typeof batchAnswer> = { counts: countResults(results), results };
  return ok(200, answer);
}

function render({ element, answer }: ElementAnswer): OutputOf<typeof batchAnswer>['results'][number] {
  const { index, id } = element;
  const told = { index, ...(id !== undefined && { id }), status: answer.status, result: resultOf(answer) };
  return answer.status < 400
    ? { ...told, transfer: answer.body as OutputOf<typeof transfer> }
    : { ...told, problem: answer.body as Problem };
}
