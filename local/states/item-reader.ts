import { parse as parseCsv } from 'csv-parse/sync';
import type { ItemReader, MapState } from './definition.ts';
import { StateFailure } from './failure.ts';
import { isObject, type JsonObject } from './json.ts';
import { callForMap } from './map-call.ts';
import { unexpectedType } from './query.ts';
import { readResource } from './resource.ts';
import { evaluateField, evaluateNumber, type Step } from './step.ts';

type ReaderConfig = NonNullable<ItemReader['ReaderConfig']>;

export const CSV_DELIMITERS = { COMMA: ',', PIPE: '|', SEMICOLON: ';', SPACE: ' ', TAB: '\t' };

/**
 * The items that a Distributed Map's ItemReader reads from S3: what an object holds, or the objects under a prefix.
 *
 * @throws StateFailure `States.ItemReaderFailed` when it cannot be read.
 */
export async function readItems(step: Step<MapState>, reader: ItemReader): Promise<readonly unknown[]> {
  const where = await evaluateField(step, reader.Arguments, 'ItemReader/Arguments');
  if (!isObject(where)) throw unexpectedType('ItemReader/Arguments', 'object', where);
  const config = reader.ReaderConfig ?? {};
  const maxItems = await evaluateNumber(step, config.MaxItems, 'ItemReader/ReaderConfig/MaxItems');
  const call: S3Call = (action, input) =>
    callForMap(step, ['s3', action], input, ({ message }) => readerFailure(message));
  const lists = readResource(reader.Resource)?.action === 'listObjectsV2';
  const items = lists ? await listObjects(call, where) : await readObject(call, where, config);
  return maxItems === undefined ? items : items.slice(0, maxItems);
}

async function readObject(call: S3Call, where: JsonObject, config: ReaderConfig): Promise<unknown[]> {
  const answer = await call('getObject', where);
  const text = await bodyText(isObject(answer) ? answer.Body : undefined);
  try {
    return readText(text, config);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw readerFailure(`The object ${where.Bucket}/${where.Key} is not ${config.InputType}: ${reason}`);
  }
}

function readText(text: string, config: ReaderConfig): unknown[] {
  if (config.InputType === 'CSV') {
    const { CSVHeaders: given, CSVHeaderLocation: location, CSVDelimiter: delimiter = 'COMMA' } = config;
    return parseCsv(text, {
      bom: true,
      skip_empty_lines: true,
      delimiter: CSV_DELIMITERS[delimiter],
      columns: location === 'GIVEN' && given !== undefined ? [...given] : true,
    });
  }
  if (config.InputType === 'JSONL') {
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line): unknown => JSON.parse(line));
  }
  const items: unknown = JSON.parse(text);
  if (!Array.isArray(items)) throw new TypeError('it holds no array');
  return items;
}

async function listObjects(call: S3Call, where: JsonObject): Promise<unknown[]> {
  const objects: unknown[] = [];
  let page: JsonObject = where;
  for (;;) {
    const answer = await call('listObjectsV2', page);
    if (!isObject(answer)) throw readerFailure('S3 gave no list of objects.');
    if (Array.isArray(answer.Contents)) objects.push(...JSON.parse(JSON.stringify(answer.Contents)));
    if (answer.NextContinuationToken === undefined) return objects;
    page = { ...where, ContinuationToken: answer.NextContinuationToken };
  }
}

type S3Call = (action: string, input: JsonObject) => Promise<unknown>;

/** A Body as a string, as bytes, or as the stream of an SDK's answer. */
async function bodyText(body: unknown): Promise<string> {
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return Buffer.from(body).toString('utf8');
  if (isObject(body) && typeof body.transformToString === 'function') {
    const text: unknown = await body.transformToString();
    if (typeof text === 'string') return text;
  }
  throw readerFailure('S3 gave an object without a readable Body.');
}

function readerFailure(cause: string): StateFailure {
  return new StateFailure('States.ItemReaderFailed', cause);
}
