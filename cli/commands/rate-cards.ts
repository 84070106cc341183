import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type * as z from 'zod';
import type { rateCard, rateCardRequest } from '../../contract/schemas/rate-cards.ts';
import type { Context } from '../context.ts';
import { CommandFailedError, expectOk } from '../failure.ts';
import { formatAmount, table } from '../format.ts';
import { print } from '../io.ts';

type RateCard = z.output<typeof rateCard>;

/** `reckoner rate-cards list|publish`. */
export function addRateCards(program: Command, { io, connect }: Context): void {
  const group = program
    .command('rate-cards')
    .summary('list and publish versions of rate cards')
    .description('Lists and publishes versions of rate cards.');
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
}

async function readCard(file: string): Promise<z.input<typeof rateCardRequest>> {
  try {
    // The service checks it and names what breaks a rule.
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new CommandFailedError(`${file} cannot be read as JSON: ${(error as Error).message}.`, { cause: error });
  }
}

function rateCardsTable(cards: readonly RateCard[]): string {
  if (cards.length === 0) return 'There are no rate cards yet. Publish one: reckoner rate-cards publish --file FILE';
  const rows = cards.flatMap((card) =>
    Object.entries(card.operations).map(([operation, rule]) => [
      card.name,
      card.effectiveFrom,
      operation,
      pricesOf(rule, card.asset),
      formatAmount(rule.minimum, card.asset),
      rule.rounding,
    ]),
  );
  return table(['Rate card', 'In force from', 'Operation', 'Prices', 'Minimum', 'Rounding'], rows, [4]);
}

function pricesOf({ prices }: RateCard['operations'][string], asset: string): string {
  return Object.entries(prices)
    .map(
      ([dimension, { amount, per }]) =>
        `${formatAmount(amount, asset)} per ${per === '1' ? '' : `${per} `}${dimension}`,
    )
    .join('; ');
}
