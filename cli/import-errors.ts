import { downloadLines, downloadTo } from './download.ts';
import { type Io, note } from './io.ts';

/** Refused rows that are shown at once: most files go wrong in one way only. */
const ERRORS_SHOWN = 5;

/** Tells of the refused rows of an import: where they were saved to, or the first of them. */
export async function tellErrors(io: Io, link: string, output: string | undefined): Promise<void> {
  if (output !== undefined) {
    await downloadTo(io, link, output);
    note(io, `The refused rows are listed in ${output}.`);
    return;
  }
  let shown = 0;
  for await (const error of downloadLines(io, link)) {
    if (shown === ERRORS_SHOWN) {
      note(io, 'There are more; --errors-output FILE saves them all.');
      return;
    }
    note(io, describeError(error));
    shown += 1;
  }
}

function describeError(error: unknown): string {
  const { line, field, rule, value } = Object(error) as Readonly<Record<string, unknown>>;
  const found = typeof value === 'string' && value !== '' ? ` (found: ${value})` : '';
  return `line ${String(line)}, ${String(field)}: ${String(rule)}${found}`;
}
