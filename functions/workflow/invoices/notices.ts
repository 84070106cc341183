import { fileNameOf, parseInvoiceId } from '../../../domain/invoices/invoice.ts';
import { noticeText } from '../../../domain/invoices/notice-template.ts';
import { billingRunKey, getText, putText, readLines, type Written } from '../../../store/artifacts.ts';
import { sha256 } from '../../../store/audit.ts';
import { getInvoice } from '../../../store/invoices.ts';
import { beginNotice, endNotice, getNotice, type NoticeNote } from '../../../store/notices.ts';
import { StoreUnavailableError } from '../../../store/retry.ts';
import type { BillingDeps, BillingJob, Row, RunOf } from './job.ts';
import { type Candidate, planNotices } from './notices-plan.ts';
import { closeNotices } from './notices-report.ts';
import { publish } from './notifier.ts';

/**
 * What became of a notice. `sent`; `sent-before`: another run has sent it; `unknown`: it was being handed over when
 * something broke off, so a person has to look; `overtaken`: the invoice says something else by now; `blocked`: it does
 * not tie out, so nobody can say what is right.
 */
export type NoticeOutcome = 'sent' | 'sent-before' | 'unknown' | 'overtaken' | 'blocked';

/** One notice. Amounts are decimal strings of minor units. */
export interface NoticeRow extends Row, Omit<Candidate, 'text' | 'isBlocked' | 'digest'> {
  readonly outcome: NoticeOutcome;
  readonly messageId?: string;
  /** Of what was handed over. */
  readonly text?: string;
  readonly file?: Written & { readonly name: string };
}

/** Notices under way at once, times the slices below: a topic takes hundreds a second. */
const SLICES_AT_ONCE = 2;

/** Tells customers what a regeneration changed: each once, whatever breaks off. */
export const noticesJob: BillingJob<'notices', NoticeRow> = {
  passes: ['tell'],
  concurrency: SLICES_AT_ONCE,
  plan: planNotices,
  async *work(deps, run, { key = '' }) {
    for await (const line of readLines(deps.artifacts, key)) yield await tell(deps, run, JSON.parse(line) as Candidate);
  },
  close: closeNotices,
};

/** The topic did not take a notice, and would not take it again: a permission is missing, or the topic is gone. */
export class NoticeRefusedError extends Error {
  override name = 'NoticeRefusedError';
}

async function tell(deps: BillingDeps, run: RunOf<'notices'>, candidate: Candidate): Promise<NoticeRow> {
  const { of } = run.spec;
  const { account } = candidate;
  const before = await getNotice(deps.invoices, of, account);
  if (before !== undefined && before.state !== 'refused') return rowOf(deps, run, candidate, before);
  if (candidate.isBlocked) return row(candidate, 'blocked');
  if (await isOvertaken(deps, candidate)) return row(candidate, 'overtaken');
  await putText(deps.artifacts, billingRunKey(run.id, fileName(account)), 'text/plain; charset=utf-8', candidate.text);
  const begun = { of, account, run: run.id, attempt: deps.newId(), at: deps.now() };
  const isBegun = await beginNotice(deps.invoices, begun);
  if (isBegun) await handOver(deps, run, candidate, begun);
  const after = await getNotice(deps.invoices, of, account);
  return rowOf(deps, run, candidate, after ?? { ...begun, state: 'sending' });
}

async function handOver(
  deps: BillingDeps,
  { spec }: RunOf<'notices'>,
  { account, kind, month, text }: Candidate,
  begun: Omit<NoticeNote, 'state'>,
): Promise<void> {
  const { subject, body } = noticeText(text);
  const published = await publish(deps.notifier(), { subject, body, attributes: { account, kind, month } });
  switch (published.kind) {
    case 'sent':
      await endNotice(deps.invoices, { ...begun, state: 'sent', messageId: published.messageId });
      return;
    case 'unclear':
      // The note stays as it is: nobody sends it again, and the run says that a person has to look.
      return;
    case 'refused': {
      await endNotice(deps.invoices, { ...begun, state: 'refused' });
      const { error: cause, isPassing } = published;
      const message = `The notice of ${spec.of} to ${account} was not taken: ${cause.name}: ${cause.message}`;
      throw isPassing ? new StoreUnavailableError(message, { cause }) : new NoticeRefusedError(message, { cause });
    }
  }
}

/** The invoice changed once more since the run that the notice is about, so its figures are no longer right. */
async function isOvertaken({ invoices }: BillingDeps, { invoice, digest }: Candidate): Promise<boolean> {
  const name = parseInvoiceId(invoice);
  const current = name && (await getInvoice(invoices, name));
  return current === undefined || current.status === 'void' || current.digest !== digest;
}

/** The row that the note tells: the same whether this attempt sent the notice or one before it. */
async function rowOf(
  { artifacts }: BillingDeps,
  run: RunOf<'notices'>,
  candidate: Candidate,
  note: NoticeNote,
): Promise<NoticeRow> {
  if (note.run !== run.id) return row(candidate, note.state === 'sent' ? 'sent-before' : 'unknown');
  const name = fileName(candidate.account);
  const text = await getText(artifacts, billingRunKey(run.id, name));
  const file = { name, bytes: Buffer.byteLength(text), sha256: sha256(text) };
  const { messageId } = note;
  const outcome = note.state === 'sent' ? 'sent' : 'unknown';
  return { ...row(candidate, outcome), text, file, ...(messageId !== undefined && { messageId }) };
}

function row(candidate: Candidate, outcome: NoticeOutcome): NoticeRow {
  const { text: _text, isBlocked: _isBlocked, digest: _digest, ...said } = candidate;
  return { counts: [candidate.kind, outcome], ...said, outcome };
}

function fileName(account: string): string {
  return `notices/${fileNameOf(account)}.txt`;
}
