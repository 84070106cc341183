import type { Command } from 'commander';
import type * as z from 'zod';
import type { rateCard } from '../../contract/schemas/rate-cards.ts';
import type { Context } from '../context.ts';
import { expectOk } from '../failure.ts';
import { formatAmount, table } from '../format.ts';
import { print } from '../io.ts';
import { pricesOf, readCard } from '../prices.ts';
import { addPriceQuestions } from './price-questions.ts';

type RateCard = z.output<typeof rateCard>;

/** `reckoner rate-cards list|publish|preview|effect`. */
export function addRateCards(program: Command, context: Context): void {
  const { io, connect } = context;
  const group = program
    .command('rate-cards')
    .summary('list, try and publish versions of rate cards')
    .description('Lists and publishes versions of rate cards, and says what they cost.');
  group
    .command('list')
    .description('Lists the versions of all rate cards with their prices.')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: true }, command: Command) => {
      const body = expectOk(await connect(command).listRateCards({ signal: io.signal }));
      print(io, json === true ? JSON.stringify(body, undefined, 2) : rateCardsTable(body.rateCards));
    });
  group
    .command('publish')
    .description('Publishes a version of a rate card. A published version never changes; publish a later one instead.')
    .requiredOption('--file <file>', 'the version as JSON, in the form that PUT /v1/rate-cards takes')
    .action(async ({ file }: { file: string }, command: Command) => {
      const answer = await connect(command).publishRateCard({ body: await readCard(file), signal: io.signal });
      const card = expectOk(answer);
      const done = answer.status === 201 ? 'is published' : 'was published before, with the same content';
      print(io, `Rate card ${card.name} of ${card.effectiveFrom} ${done}.`);
    });
  addPriceQuestions(group, context);
}

function rateCardsTable(cards: readonly RateCard[]): string {
  if (cards.length === 0) return 'There are no rate cards yet. Publish one: reckoner rate-cards publish --file FILE';
  const rows = cards.flatMap((card) => [
    ...rowsOf(card, '', card.operations),
    ...Object.entries(card.overrides ?? {}).flatMap(([account, rules]) => rowsOf(card, account, rules)),
  ]);
  return table(['Rate card', 'In force from', 'Only for', 'Operation', 'Prices', 'Minimum', 'Rounding'], rows, [5]);
}

function rowsOf({ name, effectiveFrom, asset }: RateCard, account: string, rules: RateCard['operations']): string[][] {
  return Object.entries(rules).map(([operation, rule]) => [
    name,
    effectiveFrom,
    account,
    operation,
    pricesOf(rule, asset),
    formatAmount(rule.minimum, asset),
    rule.rounding,
  ]);
}
