import type * as z from 'zod';
import type { usageImport } from '../../contract/schemas/imports.ts';
import type { Instant } from '../../domain/time.ts';
import { type Artifacts, linkTo, uploadLinkTo } from '../../store/artifacts.ts';
import * as imports from '../../store/imports.ts';
import { type Answer, ok, problem, replayed } from '../runtime/answers.ts';
import type { ApiRequest, BodyOf } from '../runtime/pipeline.ts';
import { printable } from '../runtime/requests.ts';

export interface ImportDeps {
  readonly imports: imports.ImportStore;
  readonly artifacts: Artifacts;
  /** The drop zone that upload links lead to. */
  readonly dropZone: Artifacts;
  readonly now: () => Instant;
  readonly newId: () => string;
}

/** Announces a usage file; the answer has the link to upload it to. */
export async function createImport(deps: ImportDeps, { body }: ApiRequest<BodyOf<'createImport'>>): Promise<Answer> {
  const announcement = { ...body, id: body.id ?? `import-${deps.newId()}` };
  const result = await imports.createImport(deps.imports, announcement, deps.now());
  if (result.kind === 'conflict') {
    const { field } = result;
    const rule = 'differs from the import that has this id; choose another id';
    return problem('conflict', `The id "${announcement.id}" belongs to an import with another "${field}".`, [
      { field, rule },
    ]);
  }
  const answer = await render(deps, result.record);
  return result.kind === 'created' ? ok(201, answer) : replayed(answer);
}

export async function getImport(deps: ImportDeps, { params }: ApiRequest<undefined>): Promise<Answer> {
  const id = params.importId ?? '';
  const record = id.length > 0 && id.length <= 200 ? await imports.getImport(deps.imports, id) : undefined;
  if (record === undefined) return problem('not-found', `There is no import "${printable(id)}".`);
  return ok(200, await render(deps, record));
}

async function render(deps: ImportDeps, record: imports.ImportRecord): Promise<z.infer<typeof usageImport>> {
  const { id, status, requestedAt, finishedAt, linesRead, recorded, duplicates, refused, failure, errorsKey } = record;
  return {
    id,
    status,
    requestedAt,
    ...(finishedAt !== undefined && { finishedAt }),
    linesRead,
    recorded,
    duplicates,
    refused,
    ...(failure !== undefined && { failure }),
    ...(status === 'waiting' && {
      upload: await uploadLinkTo(deps.dropZone, imports.importObjectKey(record), deps.now()),
    }),
    ...(errorsKey !== undefined && { errors: await linkTo(deps.artifacts, errorsKey) }),
  };
}
