import type { NoticeKind } from './notice.ts';

/**
 * Templates of notices: text whose first line is the subject, with `{{names}}` for what differs from customer to
 * customer. A template is checked whole before anything is sent.
 */

/** What any notice may say. */
const COMMON = [
  'account',
  'invoice',
  'number',
  'month',
  'periodStart',
  'periodEnd',
  'charged',
  'correct',
  'difference',
  'percent',
  'seller',
  'contact',
] as const;

/** What only a notice of too little may say. */
const OF_GOODWILL = ['absorbedPercent', 'absorbed', 'finalAmount'] as const;

export type Placeholder = (typeof COMMON)[number] | (typeof OF_GOODWILL)[number];

const KNOWN: Readonly<Record<NoticeKind, readonly Placeholder[]>> = {
  'over-charged': COMMON,
  'under-charged': [...COMMON, ...OF_GOODWILL],
};

/** What a notice must say, so that nobody edits the amount away that it is about. */
const REQUIRED: Readonly<Record<NoticeKind, readonly Placeholder[]>> = {
  'over-charged': ['charged', 'correct', 'difference', 'percent'],
  'under-charged': ['charged', 'correct', 'difference', 'absorbedPercent', 'finalAmount'],
};

export type NoticeTemplates = Readonly<Record<NoticeKind, string>>;

const SUBJECT_START = 'Subject: ';
const PLACEHOLDER = /\{\{(.*?)\}\}/g;

/** What is wrong with a template, in sentences that name each placeholder; none where it can be filled in. */
export function templateFaults(kind: NoticeKind, template: string): string[] {
  const file = `config/notices/${kind}.txt`;
  const used = [...template.matchAll(PLACEHOLDER)].map(([, name = '']) => name.trim());
  const known: readonly string[] = KNOWN[kind];
  const unknown = [...new Set(used)].filter((name) => !known.includes(name));
  const missing = REQUIRED[kind].filter((name) => !used.includes(name));
  const { subject, body } = partsOf(template);
  return [
    ...unknown.map((name) => `${file} has {{${name}}}, which nothing stands for: use ${known.join(', ')}.`),
    ...missing.map((name) => `${file} does not say {{${name}}}, which the customer must be told.`),
    ...(/\{\{|\}\}/.test(template.replaceAll(PLACEHOLDER, ''))
      ? [`${file} has a pair of braces without its other.`]
      : []),
    ...(subject === '' ? [`${file} must begin with a line "${SUBJECT_START}..." that says what it is about.`] : []),
    ...(body === '' ? [`${file} has nothing below its subject.`] : []),
  ];
}

/** A filled-in notice: its text, and the two parts of it. */
export interface NoticeText {
  readonly text: string;
  readonly subject: string;
  readonly body: string;
}

/** Fills a template in that has no faults. What stands for a placeholder is not read for placeholders again. */
export function fillTemplate(template: string, values: Readonly<Partial<Record<Placeholder, string>>>): NoticeText {
  const text = template.replaceAll(PLACEHOLDER, (_, name: string) => values[name.trim() as Placeholder] ?? '');
  return noticeText(text);
}

/** Reads a filled-in notice back. */
export function noticeText(text: string): NoticeText {
  return { text, ...partsOf(text) };
}

function partsOf(text: string): { subject: string; body: string } {
  const [first = '', ...rest] = text.replace(/\r\n?/g, '\n').split('\n');
  const subject = first.startsWith(SUBJECT_START) ? first.slice(SUBJECT_START.length).trim() : '';
  return { subject, body: rest.join('\n').trim() };
}
