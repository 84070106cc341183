import { CsvError, parse } from 'csv-parse/sync';
import { ForbiddenKeyError, parseUnbent, TOO_DEEP_RULE, TooDeepError } from '../../runtime/json.ts';
import { printable } from '../../runtime/requests.ts';
import { LINE_BYTES_MAX, type Line } from './lines.ts';
import { type RowError, shown, UnreadableFileError } from './unreadable.ts';

/** A data row: values by column (CSV) or property (NDJSON), or why there are none. */
export type Row =
  | { readonly line: number; readonly values: Readonly<Record<string, unknown>> }
  | { readonly line: number; readonly error: RowError };

/** The objects of an NDJSON file. Blank lines are passed over. */
export async function* readNdjsonRows(lines: AsyncIterable<Line>): AsyncGenerator<Row> {
  for await (const line of lines) {
    if (line.fault !== undefined) yield refused(line, line.fault);
    else if (line.text.trim() !== '') yield objectOf(line);
  }
}

/**
 * The records of a CSV file with a header: RFC 4180, comma, strict quotes, space around fields passed over.
 * @param objection what speaks against these columns; then the whole file is refused.
 * @throws UnreadableFileError when there is no usable header.
 */
export async function* readCsvRows(
  lines: AsyncIterable<Line>,
  objection: (columns: readonly string[]) => string | undefined,
): AsyncGenerator<Row> {
  let columns: readonly string[] | undefined;
  for await (const record of csvRecords(lines)) {
    if (columns !== undefined) yield rowOf(columns, record);
    else if ('error' in record) {
      throw new UnreadableFileError(record.line, `The header cannot be read: it ${record.error.rule}.`);
    } else {
      columns = record.cells;
      const reason = repeatedColumn(columns) ?? objection(columns);
      if (reason !== undefined) throw new UnreadableFileError(record.line, reason);
    }
  }
  if (columns === undefined) throw new UnreadableFileError(1, 'The file is empty; a CSV file needs a header line.');
}

function objectOf(line: Line): Row {
  let value: unknown;
  try {
    value = parseUnbent(line.text);
  } catch (error) {
    if (error instanceof ForbiddenKeyError) return refused(line, 'must not have the key "__proto__"');
    return refused(line, error instanceof TooDeepError ? TOO_DEEP_RULE : 'must be a JSON object, whole on one line');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refused(line, 'must be a JSON object');
  return { line: line.number, values: { ...value } };
}

type CsvRecord =
  | { readonly line: number; readonly cells: readonly string[]; readonly text: string }
  | { readonly line: number; readonly error: RowError };

function rowOf(columns: readonly string[], record: CsvRecord): Row {
  if ('error' in record) return record;
  const { line, cells, text } = record;
  if (cells.length === columns.length) {
    return { line, values: Object.fromEntries(columns.map((column, index) => [column, cells[index]])) };
  }
  const rule = `must have ${columns.length} fields, as the header has, and has ${cells.length}`;
  return { line, error: { field: 'line', rule, value: shown(text) } };
}

function repeatedColumn(columns: readonly string[]): string | undefined {
  const seen = new Set<string>();
  const repeated = columns.find((column) => seen.size === seen.add(column).size);
  if (repeated === undefined) return undefined;
  return `The column "${printable(repeated)}" is there twice; give each column its own name.`;
}

/** Lines of one record: a quoted text may go over lines, but a thousand of them are a forgotten quote. */
const RECORD_LINES_MAX = 1_000;

/**
 * Puts lines together to records. A line whose quote stays open is joined by the next ones until it closes. When that
 * comes to nothing, that line alone is refused and the lines behind it are read afresh, so that a stray quote costs one
 * row and not the rest of the file.
 */
async function* csvRecords(source: AsyncIterable<Line>): AsyncGenerator<CsvRecord> {
  const lines = source[Symbol.asyncIterator]();
  const putBack: Line[] = [];
  const nextLine = async (): Promise<Line | undefined> => {
    if (putBack.length > 0) return putBack.shift();
    const next = await lines.next();
    return next.done === true ? undefined : next.value;
  };
  for (let first = await nextLine(); first !== undefined; first = await nextLine()) {
    if (first.fault !== undefined) {
      yield refused(first, first.fault);
      continue;
    }
    const attempt = parseRecord(first.text);
    if (attempt.kind !== 'open') {
      yield* recordsOf(first, first.text, attempt);
      continue;
    }
    const { text, joined, result } = await joinLines(first, nextLine);
    if (result.kind === 'record') yield* recordsOf(first, text, result);
    else {
      yield refused(first, 'opens a quote that is never closed');
      putBack.unshift(...joined);
    }
  }
}

/** Appends lines until the record is whole, is seen to be none, or is too long. */
async function joinLines(first: Line, nextLine: () => Promise<Line | undefined>) {
  const joined: Line[] = [];
  let text = first.text;
  let result: ParsedRecord = { kind: 'open' };
  while (result.kind === 'open' && joined.length < RECORD_LINES_MAX) {
    const line = await nextLine();
    if (line === undefined) break;
    joined.push(line);
    text = `${text}\n${line.text}`;
    if (line.fault !== undefined || text.length > LINE_BYTES_MAX) break;
    // Only a quote can close what a quote opened.
    if (line.text.includes('"')) result = parseRecord(text);
  }
  return { text, joined, result };
}

type ParsedRecord =
  | { readonly kind: 'record'; readonly cells: readonly string[] }
  | { readonly kind: 'blank' | 'open' }
  | { readonly kind: 'broken'; readonly rule: string };

function* recordsOf(first: Line, text: string, parsed: Exclude<ParsedRecord, { kind: 'open' }>): Generator<CsvRecord> {
  if (parsed.kind === 'record') yield { line: first.number, cells: parsed.cells, text };
  if (parsed.kind === 'broken') yield refused(first, parsed.rule);
}

function parseRecord(text: string): ParsedRecord {
  try {
    const records = parse(text, { trim: true, relax_column_count: true, record_delimiter: ['\n'] });
    const [cells] = records;
    return cells === undefined || (cells.length === 1 && cells[0] === '')
      ? { kind: 'blank' }
      : { kind: 'record', cells };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    if (error.code === 'CSV_QUOTE_NOT_CLOSED') return { kind: 'open' };
    return {
      kind: 'broken',
      rule: 'has a quote where none may stand: quote the whole field, and double the quotes inside',
    };
  }
}

function refused({ number, text }: Line, rule: string): { line: number; error: RowError } {
  return { line: number, error: { field: 'line', rule, value: shown(text) } };
}
