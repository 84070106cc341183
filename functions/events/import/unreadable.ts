/** A file whose content cannot be read beyond some point. The message says why, for whoever sent it. */
export class UnreadableFileError extends Error {
  override name = 'UnreadableFileError';
  /** The first line that could not be read; 1 is the file's first. */
  readonly line: number;

  constructor(line: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.line = line;
  }
}

/** Why a row was refused. */
export interface RowError {
  readonly field: string;
  readonly rule: string;
  /** What stood there, cut to VALUE_CHARACTERS_MAX. */
  readonly value: string;
}

/** Enough to recognise a value in the file; the file has the rest. */
export const VALUE_CHARACTERS_MAX = 80;

/** A value as it is shown in an error line. */
export function shown(value: unknown): string {
  // What parseUnbent makes of it; as JSON it would be shown as null, which was not there.
  if (Number.isNaN(value)) return 'a number with a fraction or an exponent';
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.slice(0, VALUE_CHARACTERS_MAX);
}
