/**
 * Time. An instant is UTC text of fixed width, `2026-11-20T08:15:30.123Z`, so that order of text is order of time.
 * A day is `2026-11-20`. Periods are half-open: `[start, end)`.
 */
export type Instant = string;
export type Day = string;
/** `2026-11` */
export type Month = string;

export interface Period {
  readonly start: Day;
  /** The first day that is not in the period any more. */
  readonly end: Day;
}

const INSTANT_TEXT =
  /^(\d{4}-\d{2}-\d{2})([Tt ])((?:[01]\d|2[0-3]):\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|z|[+-]\d{2}:\d{2})?$/;
const DAY_TEXT = /^\d{4}-\d{2}-\d{2}$/;

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Ledgers start in 2000 at the earliest and end in 2999: dates outside are typing errors. */
const FIRST_YEAR = 2000;
const LAST_YEAR = 2999;

/**
 * Reads an RFC 3339 time and gives it in UTC with milliseconds; finer digits are cut off, which keeps the order.
 * @param zone `required`: a time without an offset is refused; `utc`: it is taken as UTC, as log exports mean it.
 */
export function parseInstant(text: string, zone: 'required' | 'utc' = 'required'): Instant | undefined {
  const parts = INSTANT_TEXT.exec(text);
  if (parts === null || parseDay(parts[1] ?? '') === undefined) return undefined;
  const [, day, separator, time, fraction = '', offset] = parts;
  if (zone === 'required' && (offset === undefined || separator === ' ')) return undefined;
  const milliseconds = fraction.slice(0, 3).padEnd(3, '0');
  const date = new Date(`${day}T${time}.${milliseconds}${(offset ?? 'Z').toUpperCase()}`);
  if (Number.isNaN(date.getTime())) return undefined;
  const year = date.getUTCFullYear();
  return year >= FIRST_YEAR && year <= LAST_YEAR ? date.toISOString() : undefined;
}

/** Reads a calendar day; `2026-02-30` is not one. */
export function parseDay(text: string): Day | undefined {
  if (!DAY_TEXT.test(text)) return undefined;
  const date = new Date(`${text}T00:00:00.000Z`);
  if (Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== text) return undefined;
  const year = date.getUTCFullYear();
  return year >= FIRST_YEAR && year <= LAST_YEAR ? text : undefined;
}

export function dayOf(instant: Instant): Day {
  return instant.slice(0, 10);
}

/** The ISO 8601 week of a day, which begins on a Monday and belongs to the year of its Thursday: `2026-W47`. */
export function weekOf(day: Day): string {
  const weekday = (new Date(`${day}T00:00:00.000Z`).getUTCDay() + 6) % 7;
  const thursday = addDays(day, 3 - weekday);
  const year = thursday.slice(0, 4);
  const daysBefore = (Date.parse(thursday) - Date.parse(`${year}-01-01`)) / DAY_MS;
  return `${year}-W${(Math.floor(daysBefore / 7) + 1).toString().padStart(2, '0')}`;
}

export function monthOf(day: Day): Month {
  return day.slice(0, 7);
}

const MONTH_TEXT = /^\d{4}-(0[1-9]|1[0-2])$/;

/** Reads a calendar month, `2026-11`. */
export function parseMonth(text: string): Month | undefined {
  return MONTH_TEXT.test(text) && parseDay(`${text}-01`) !== undefined ? text : undefined;
}

/** The days of a month. */
export function periodOfMonth(month: Month): Period {
  const start = `${month}-01`;
  // 31 days after the first lies in the next month, whatever the month.
  return { start, end: `${monthOf(addDays(start, 31))}-01` };
}

/** The last month that was over on a day. */
export function monthBefore(day: Day): Month {
  return monthOf(addDays(periodOfMonth(monthOf(day)).start, -1));
}

/** The months that a period is made of, in order; undefined where they are not whole. */
export function wholeMonths({ start, end }: Period): Month[] | undefined {
  const months: Month[] = [];
  for (let day = start; day < end; day = periodOfMonth(monthOf(day)).end) months.push(monthOf(day));
  const [first, last] = [months[0], months.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  return start === periodOfMonth(first).start && end === periodOfMonth(last).end ? months : undefined;
}

export function addDays(day: Day, days: number): Day {
  const date = new Date(`${day}T00:00:00.000Z`);
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}

export function addMilliseconds(instant: Instant, milliseconds: number): Instant {
  return new Date(Date.parse(instant) + milliseconds).toISOString();
}

/** The days of a period in order. */
export function daysOf(period: Period): Day[] {
  const days: Day[] = [];
  for (let day = period.start; day < period.end; day = addDays(day, 1)) days.push(day);
  return days;
}

export function contains(period: Period, day: Day): boolean {
  return day >= period.start && day < period.end;
}
