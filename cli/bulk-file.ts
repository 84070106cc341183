import { readFile } from 'node:fs/promises';
import { CsvError, parse } from 'csv-parse/sync';
import { BULK_ELEMENTS_MAX } from '../contract/limits.ts';
import { CommandFailedError } from './failure.ts';

/** An element of a file, as it will be sent, and the line that it stands on. */
export interface FileElement {
  readonly line: number;
  readonly value: Readonly<Record<string, unknown>>;
}

/** Reads the charges and transfers of a CSV or NDJSON file. Their fields are checked by the service. @throws CommandFailedError */
export async function readElements(path: string): Promise<FileElement[]> {
  const [, extension] = /\.(csv|ndjson|jsonl)$/i.exec(path) ?? [];
  if (extension === undefined) throw new CommandFailedError(`${path}: the name must end with .csv, .ndjson or .jsonl.`);
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new CommandFailedError(`${path} cannot be read: ${error.message}.`, { cause: error });
  });
  const elements = extension.toLowerCase() === 'csv' ? readCsv(path, text) : readNdjson(path, text);
  if (elements.length === 0) throw new CommandFailedError(`${path} has no elements.`);
  return elements;
}

function readNdjson(path: string, text: string): FileElement[] {
  return text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [objectOf(path, line, index + 1)]));
}

function objectOf(path: string, text: string, line: number): FileElement {
  let value: unknown;
  try {
    // What JSON.parse would round stays as it is written: the service takes text too, and tells what is no whole number.
    value = JSON.parse(text, (_, part: unknown, context?: { readonly source?: string }) =>
      typeof part === 'number' && String(part) !== context?.source ? context?.source : part,
    );
  } catch {
    throw new CommandFailedError(`${path}, line ${line}: it must be a JSON object, whole on one line.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CommandFailedError(`${path}, line ${line}: it must be a JSON object.`);
  }
  return { line, value: { ...value } };
}

/** Columns are fields by their names and `quantities.<dimension>`; an empty cell is a field that is left out. */
function readCsv(path: string, text: string): FileElement[] {
  let records: { readonly record: Readonly<Record<string, string>>; readonly info: { readonly lines: number } }[];
  try {
    records = parse(text, { columns: true, bom: true, trim: true, info: true, skip_empty_lines: true });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new CommandFailedError(`${path} cannot be read as CSV: ${error.message}.`, { cause: error });
  }
  return records.map(({ record, info }) => ({ line: info.lines, value: elementOf(record) }));
}

const QUANTITY = 'quantities.';

function elementOf(record: Readonly<Record<string, string>>): Record<string, unknown> {
  const cells = Object.entries(record).filter(([, cell]) => cell !== '');
  const fields = Object.fromEntries(cells.filter(([column]) => !column.startsWith(QUANTITY)));
  const quantities = cells
    .filter(([column]) => column.startsWith(QUANTITY))
    .map(([column, cell]) => [column.slice(QUANTITY.length), cell]);
  const type = fields.type ?? 'charge';
  return { ...fields, type, ...(type === 'charge' && { quantities: Object.fromEntries(quantities) }) };
}

/** Bytes of a bulk's elements; the body that they are sent in may have 512 KB. */
const BULK_BYTES_MAX = 400_000;

/** Cuts elements into as few bulks as take them, in order; linked elements stay together. */
export function cutIntoBulks(elements: readonly FileElement[]): FileElement[][] {
  const units = Map.groupBy(elements, (element) => groupOf(element) ?? element).values();
  const bulks: FileElement[][] = [];
  let [bulk, bytes]: [FileElement[], number] = [[], 0];
  for (const unit of units) {
    const more = unit.reduce((sum, { value }) => sum + Buffer.byteLength(JSON.stringify(value)) + 1, 0);
    if (bulk.length > 0 && (bulk.length + unit.length > BULK_ELEMENTS_MAX || bytes + more > BULK_BYTES_MAX)) {
      bulks.push(bulk);
      [bulk, bytes] = [[], 0];
    }
    bulk.push(...unit);
    bytes += more;
  }
  return [...bulks, bulk];
}

function groupOf({ value: { group } }: FileElement): string | undefined {
  return typeof group === 'string' ? group : undefined;
}
