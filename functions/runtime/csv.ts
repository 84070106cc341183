/**
 * What a spreadsheet would take for the start of a formula; an apostrophe before it makes it text (OWASP, "CSV
 * Injection"). Apostrophes may stand before it already: whoever reads a cell back takes one away and must find the rest.
 */
const FORMULA_START = /^'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** Text from wherever, or a number that this code made: a whole one, or the digits of a decimal. */
export type CsvCell = string | bigint | { readonly decimal: string };

const DECIMAL = /^-?[0-9]+(\.[0-9]+)?$/;

/**
 * A line of CSV (RFC 4180) whose cells no spreadsheet takes for formulas. All CSV that is written here is made by it.
 * Numbers are given as such: they are none, though one below zero begins like one.
 */
export function csvLine(cells: readonly CsvCell[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(cell: CsvCell): string {
  if (typeof cell === 'bigint') return cell.toString();
  const text = typeof cell === 'string' ? cell : cell.decimal;
  if (typeof cell !== 'string' && DECIMAL.test(text)) return text;
  const safe = FORMULA_START.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** What a cell means that was written by `csvLine`, or by somebody who keeps formulas out in the same way. */
export function meaningOf(cell: string): string {
  return cell.startsWith("'") && FORMULA_START.test(cell) ? cell.slice(1) : cell;
}
