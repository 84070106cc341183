import type { MapState, ResultWriter } from './definition.ts';
import type { Execution, ExecutionStatus, MapRun } from './executions.ts';
import { StateFailure } from './failure.ts';
import { isObject } from './json.ts';
import { callForMap } from './map-call.ts';
import { unexpectedType } from './query.ts';
import { evaluateField, type Step } from './step.ts';

type Transformation = 'NONE' | 'COMPACT' | 'FLATTEN';

/**
 * The result of a Distributed Map without an export: its children's outputs, in order. A child that failed (within
 * what is tolerated) stands there with its error instead.
 */
export function childResults(children: readonly Execution[], transformation: Transformation = 'COMPACT'): unknown[] {
  const results = children.map((child) => {
    if (transformation === 'NONE' || child.output === undefined) return describeChild(child);
    return JSON.parse(child.output) as unknown;
  });
  return transformation === 'FLATTEN' ? results.flat() : results;
}

/**
 * Writes the children's results to S3 as ResultWriter says, one file for each status and a manifest, and gives the
 * state's result: where the manifest is.
 *
 * @throws StateFailure `States.ResultWriterFailed` when S3 refuses a file.
 */
export async function writeResults(step: Step<MapState>, writer: ResultWriter, mapRun: MapRun): Promise<unknown> {
  const target = await evaluateField(step, writer.Arguments, 'ResultWriter/Arguments');
  if (!isObject(target)) throw unexpectedType('ResultWriter/Arguments', 'object', target);
  const { Bucket: bucket, Prefix: prefix = '' } = target;
  if (typeof bucket !== 'string') throw unexpectedType('ResultWriter/Arguments/Bucket', 'string', bucket);
  const runId = mapRun.arn.slice(mapRun.arn.lastIndexOf(':') + 1);
  const folder = prefix === '' ? runId : `${prefix}/${runId}`;
  const put = (key: string, body: string) =>
    callForMap(step, ['s3', 'putObject'], { Bucket: bucket, Key: key, Body: body }, writerFailure);

  const { Transformation: transformation = 'NONE', OutputType: outputType = 'JSON' } = writer.WriterConfig ?? {};
  const files: Record<string, { Key: string; Size: number }[]> = { FAILED: [], PENDING: [], SUCCEEDED: [] };
  for (const [group, statuses] of FILE_GROUPS) {
    const children = mapRun.children.filter(({ status }) => statuses.includes(status));
    if (children.length === 0) continue;
    const body = resultText(childResults(children, transformation), outputType);
    const key = `${folder}/${group}_0.${outputType.toLowerCase()}`;
    await put(key, body);
    files[group]?.push({ Key: key, Size: Buffer.byteLength(body) });
  }
  const manifestKey = `${folder}/manifest.json`;
  await put(manifestKey, JSON.stringify({ DestinationBucket: bucket, MapRunArn: mapRun.arn, ResultFiles: files }));
  mapRun.resultsWritten = true;
  return { MapRunArn: mapRun.arn, ResultWriterDetails: { Bucket: bucket, Key: manifestKey } };
}

const FILE_GROUPS: readonly (readonly [string, readonly ExecutionStatus[]])[] = [
  ['SUCCEEDED', ['SUCCEEDED']],
  ['FAILED', ['FAILED', 'TIMED_OUT', 'ABORTED']],
];

function resultText(results: readonly unknown[], outputType: 'JSON' | 'JSONL'): string {
  return outputType === 'JSON' ? JSON.stringify(results) : results.map((result) => JSON.stringify(result)).join('\n');
}

/** A child execution as AWS exports it; Input and Output are JSON text. */
function describeChild(child: Execution): Record<string, unknown> {
  return {
    ExecutionArn: child.arn,
    Input: JSON.stringify(child.input),
    InputDetails: { Included: true },
    Name: child.name,
    ...(child.output === undefined ? {} : { Output: child.output, OutputDetails: { Included: true } }),
    ...(child.error === undefined ? {} : { Error: child.error }),
    ...(child.cause === undefined ? {} : { Cause: child.cause }),
    StartDate: child.startedAt.toISOString(),
    StateMachineArn: child.stateMachineArn,
    Status: child.status,
    ...(child.stoppedAt === undefined ? {} : { StopDate: child.stoppedAt.toISOString() }),
  };
}

function writerFailure({ message }: StateFailure): StateFailure {
  return new StateFailure('States.ResultWriterFailed', message);
}
