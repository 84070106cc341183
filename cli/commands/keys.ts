import { type Command, Option } from 'commander';
import type * as z from 'zod';
import type { Client } from '../../contract/client.ts';
import { KEY_OVERLAP_SECONDS, KEY_OVERLAP_SECONDS_MAX, KEYS_LISTED_MAX } from '../../contract/limits.ts';
import type { apiKey, issuedKey, keyList } from '../../contract/schemas/keys.ts';
import { type Scope, scopes } from '../../contract/scopes.ts';
import { type Context, wholeNumber } from '../context.ts';
import { expectOk } from '../failure.ts';
import { listing, plural, printable, table } from '../format.ts';
import { type Io, note, print } from '../io.ts';

type Key = z.output<typeof apiKey>;
type KeyList = z.output<typeof keyList>;

interface CreateOptions {
  readonly id?: string;
  readonly name: string;
  readonly scope: Scope[];
  readonly account?: string;
  readonly person?: string;
  readonly expiresAt?: string;
  readonly json?: true;
}

interface RotateOptions {
  readonly overlap?: number;
  readonly expiresAt?: string;
  readonly json?: true;
}

/** `reckoner keys create|list|show|rotate|revoke`. */
export function addKeys(program: Command, context: Context): void {
  const group = program
    .command('keys')
    .summary('make, list, rotate and revoke API keys')
    .description('Makes, lists, rotates and revokes API keys.');
  addCreate(group, context);
  addReading(group, context);
  addRotate(group, context);
  addRevoke(group, context);
}

function addCreate(group: Command, { io, connect }: Context): void {
  group
    .command('create')
    .description('Makes an API key that may do no more than the one that makes it, and prints it once.')
    .requiredOption('--name <text>', 'who or what holds it')
    .addOption(new Option('--scope <scope...>', 'what it may do; one or more').choices(scopes).makeOptionMandatory())
    .option('--account <account>', 'binds it to this account: nothing else exists for it')
    .option('--person <person>', 'who holds it, such as an e-mail address; approvals tell people apart by it')
    .option('--expires-at <time>', 'such as 2027-01-31T00:00:00Z (default: never)')
    .option('--id <id>', '16 hexadecimal digits in lower case (default: made by the service)')
    .option('--json', 'print the key and what is known of it as JSON')
    .action(async ({ json, scope, ...fields }: CreateOptions, command: Command) => {
      const answer = await connect(command).createKey({ body: { ...fields, scopes: scope }, signal: io.signal });
      printIssued(io, expectOk(answer), json);
    });
}

function addReading(group: Command, { io, connect }: Context): void {
  group
    .command('list')
    .description('Lists API keys, never their secrets.')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: true }, command: Command) => {
      const body = await readKeys(io, connect(command));
      print(io, json === true ? JSON.stringify(body, undefined, 2) : keysTable(body.keys));
      if (body.next !== undefined) note(io, `There are more than ${plural(body.keys.length, 'key')}.`);
    });
  group
    .command('show')
    .description('Shows what is known of an API key.')
    .argument('<id>')
    .option('--json', 'print JSON')
    .action(async (keyId: string, { json }: { json?: true }, command: Command) => {
      const body = expectOk(await connect(command).getKey({ params: { keyId }, signal: io.signal }));
      print(io, json === true ? JSON.stringify(body, undefined, 2) : keyDetails(body));
    });
}

function addRotate(group: Command, { io, connect }: Context): void {
  group
    .command('rotate')
    .description(
      'Makes an API key that takes the place of another, and prints it once. The old one works on meanwhile.',
    )
    .argument('<id>', 'the key to replace')
    .option(
      '--overlap <seconds>',
      `how long the old key works on (default: ${KEY_OVERLAP_SECONDS})`,
      wholeNumber(0, KEY_OVERLAP_SECONDS_MAX),
    )
    .option('--expires-at <time>', 'when the new key expires (default: when the old one would have)')
    .option('--json', 'print the key and what is known of it as JSON')
    .action(async (keyId: string, { json, overlap, ...fields }: RotateOptions, command: Command) => {
      const body = { ...fields, ...(overlap !== undefined && { overlapSeconds: overlap }) };
      printIssued(io, expectOk(await connect(command).rotateKey({ params: { keyId }, body, signal: io.signal })), json);
      note(io, `Until when ${keyId} works: reckoner keys show ${keyId}`);
    });
}

function addRevoke(group: Command, { io, connect }: Context): void {
  group
    .command('revoke')
    .description('Revokes an API key for ever. Revoking it again changes nothing.')
    .argument('<id>')
    .option('--json', 'print JSON')
    .action(async (keyId: string, { json }: { json?: true }, command: Command) => {
      const body = expectOk(await connect(command).revokeKey({ params: { keyId }, signal: io.signal }));
      print(io, json === true ? JSON.stringify(body, undefined, 2) : keyDetails(body));
      note(io, 'A key that was just used may be let in for another 60 seconds.');
    });
}

/** The key alone on stdout, so that it can go straight to where secrets are kept. */
function printIssued(io: Io, body: z.output<typeof issuedKey>, json: true | undefined): void {
  print(io, json === true ? JSON.stringify(body, undefined, 2) : printable(body.key));
  note(io, `This is the key ${printable(body.id)}. Keep it now: it is never shown again.`);
}

/** Keys that are listed: more than any operator can look after. */
const LISTED_MAX = 10_000;

/** All pages as one, up to a limit; with `next` where more would follow. */
async function readKeys(io: Io, client: Client): Promise<KeyList> {
  const keys: Key[] = [];
  let cursor: string | undefined;
  for (;;) {
    const query = { limit: KEYS_LISTED_MAX.toString(), cursor };
    const page = expectOk(await client.listKeys({ query, signal: io.signal }));
    keys.push(...page.keys);
    if (page.next === undefined || keys.length >= LISTED_MAX) return { ...page, keys };
    cursor = page.next;
  }
}

function keysTable(keys: readonly Key[]): string {
  if (keys.length === 0) return 'There are no keys.';
  const rows = keys.map((key) => [
    key.id,
    key.name,
    key.status,
    key.scopes.join(', '),
    key.account ?? '',
    key.expiresAt ?? '',
    key.lastUsedOn ?? '',
  ]);
  return table(['Key', 'Name', 'Status', 'Scopes', 'Account', 'Expires', 'Last used'], rows);
}

function keyDetails(key: Key): string {
  return listing([
    ['Key', key.id],
    ['Name', key.name],
    ['Status', key.status],
    ['Scopes', key.scopes.join(', ')],
    ['Account', key.account],
    ['Person', key.person],
    ['Created', key.createdAt],
    ['Created by', key.createdBy],
    ['Expires', key.expiresAt],
    ['Replaces', key.replaces],
    ['Replaced by', key.replacedBy],
    ['Revoked', key.revokedAt],
    ['Revoked by', key.revokedBy],
    ['Last used', key.lastUsedOn],
  ]);
}
