import { readFileSync } from 'node:fs';
import type { NoticeTemplates } from '../domain/invoices/notice-template.ts';

/**
 * The texts of notices to customers, from the files of `config/notices/`: whoever may edit them needs no code. They are
 * deployed beside the functions that read them (lib/bundle.ts).
 */
export function readNoticeTemplates(): NoticeTemplates {
  return { 'over-charged': read('over-charged.txt'), 'under-charged': read('under-charged.txt') };
}

function read(file: string): string {
  return readFileSync(new URL(`./notices/${file}`, import.meta.url), 'utf8');
}
