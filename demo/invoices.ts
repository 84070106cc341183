import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exitCodes } from '../cli/exit-codes.ts';
import { command, type Operator } from './operator.ts';
import { expectOk } from './play.ts';
import type { People } from './repair.ts';

type Say = (line: string) => void;

/** Makes the invoices of a month as the books stand. @returns whether the command came to what was expected of it */
export async function generateInvoices(operator: Operator, month: string): Promise<boolean> {
  const code = await command(operator, ['invoices', 'generate', '--month', month, '--run-id', 'demo-invoices']);
  // The balance that somebody edited does not tie with its transfers, so its invoice is blocked.
  return code === exitCodes.attention;
}

/**
 * Bills the month again from the repaired ledger: rebuilt with the difference line by line, reviewed, approved by a second
 * person and numbered.
 * @returns whether all invoices tied out and became final.
 */
export async function billAgain(people: People, month: string, account: string, say: Say): Promise<boolean> {
  const { operator, second } = people;
  say('\nThe invoices are rebuilt from the repaired ledger:');
  const rebuilt = await command(operator, ['invoices', 'regenerate', '--month', month, '--run-id', 'demo-rebilled']);
  say('\nOne of them, line by line against what it said before:');
  await command(operator, ['invoices', 'diff', `${month}:${account}`]);
  say('\nThe month is reviewed, approved by somebody else, and numbered:');
  await command(operator, ['invoices', 'review', '--month', month, '--run-id', 'demo-review']);
  const review = await operator.installation.client.getBillingRun({ params: { runId: 'demo-review' } });
  const { approval = '', hash = '' } = expectOk(review).body.outcome ?? {};
  await command(second, ['approve', approval, '--hash', hash]);
  const finalized = await command(operator, [
    'invoices',
    'finalize',
    '--review',
    'demo-review',
    '--run-id',
    'demo-final',
  ]);
  say('\nThe invoice as it stands:');
  await command(operator, ['invoices', 'show', `${month}:${account}`]);
  say('\nThe books are compared once more, invoices with ledger:');
  const compared = await command(operator, [
    'reconcile',
    '--books',
    'invoices',
    '--month',
    month,
    '--id',
    'demo-billed',
  ]);
  return [rebuilt, finalized, compared].every((code) => code === exitCodes.clean);
}

/**
 * Writes the month out, and tells the customers whose invoices the repair changed.
 * @returns whether the files are in the bucket and every notice went out.
 */
export async function sendOut({ operator }: People, month: string, directory: string, say: Say): Promise<boolean> {
  const { cloud } = operator.installation;
  say('\nThe month is written out:');
  const files = ['--output', join(directory, 'invoices.csv'), '--lines', join(directory, 'lines.csv')];
  const exported = await command(operator, [
    'invoices',
    'export',
    '--month',
    month,
    '--run-id',
    'demo-export',
    ...files,
  ]);
  say(`In the bucket ${cloud.outputs.ArtifactsBucketName}, under invoices/${month}/. The first lines of invoices.csv:`);
  const lines = (await readFile(join(directory, 'invoices.csv'), 'utf8')).split('\r\n').slice(0, LINES_SHOWN);
  for (const line of lines) say(line);
  say('\nCustomers are told of what changed, each once. One of the notices:');
  const told = await command(operator, ['invoices', 'notices', '--of', 'demo-rebilled', '--run-id', 'demo-notices']);
  const [notice] = cloud.published(cloud.outputs.NoticesTopicArn ?? '');
  say(notice?.message ?? 'Nobody was told anything.');
  return exported === exitCodes.clean && told === exitCodes.clean && notice !== undefined;
}

/** Lines of a file that the demo shows. */
const LINES_SHOWN = 4;
