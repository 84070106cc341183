import Table from 'cli-table3';

/** Minor units for people: `-123456` of `USD/2` is `-1,234.56 USD`. Works on the text, so nothing is rounded. */
export function formatAmount(minorUnits: string, asset: string): string {
  const [code, scaleText = '0'] = asset.split('/');
  const scale = Number(scaleText);
  const negative = minorUnits.startsWith('-');
  const digits = (negative ? minorUnits.slice(1) : minorUnits).padStart(scale + 1, '0');
  const whole = groupThousands(digits.slice(0, digits.length - scale));
  const fraction = scale > 0 ? `.${digits.slice(-scale)}` : '';
  return `${negative ? '-' : ''}${whole}${fraction} ${code}`;
}

export function formatCount(count: number): string {
  return groupThousands(count.toString());
}

export function plural(count: number, singular: string, many = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : many}`;
}

/** A table with a header. Columns named in `right` are figures and stand flush right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const grid = new Table({
    head: [...head],
    colAligns: head.map((_, index) => (right.includes(index) ? 'right' : 'left')),
    // No colours of its own: the output is read in logs and tickets as often as in a terminal.
    style: { head: [], border: [] },
    // Lines between rows would double the length of a long list.
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
  grid.push(...rows.map((row) => row.map(printable)));
  return grid.toString();
}

/** Names and values, one to a line. */
export function listing(rows: readonly (readonly [name: string, value: string | undefined])[]): string {
  const present = rows.filter((row): row is readonly [string, string] => row[1] !== undefined);
  const width = Math.max(...present.map(([name]) => name.length));
  return present.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`).join('\n');
}

/** Text from elsewhere must not move the cursor or change colours. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}

function groupThousands(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ',');
}
