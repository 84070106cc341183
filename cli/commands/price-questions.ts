import type { Command } from 'commander';
import type * as z from 'zod';
import type { pricePreview, rateCardEffect } from '../../contract/schemas/price-questions.ts';
import type { Context } from '../context.ts';
import { expectOk } from '../failure.ts';
import { formatAmount, formatCount, listing, table } from '../format.ts';
import { pair } from '../import-file.ts';
import { print } from '../io.ts';
import { readCard, unitPrice } from '../prices.ts';

type Preview = z.output<typeof pricePreview>;
type Effect = z.output<typeof rateCardEffect>;

interface PreviewOptions {
  readonly operation: string;
  readonly quantity?: Readonly<Record<string, string>>;
  readonly account?: string;
  readonly rateCard?: string;
  readonly file?: string;
  readonly at?: string;
  readonly json?: true;
}

interface EffectOptions {
  readonly file: string;
  readonly startDate: string;
  readonly endDate: string;
  readonly account: string[];
  readonly json?: true;
}

/** `reckoner rate-cards preview|effect`: questions that change nothing. */
export function addPriceQuestions(rateCards: Command, { io, connect }: Context): void {
  rateCards
    .command('preview')
    .description('Says what a request would cost, by the rate card in force or by a version that is not published yet.')
    .requiredOption('--operation <operation>', 'what the request does')
    .option('--quantity <dimension=number>', 'what it uses; repeatable', pair)
    .option('--account <account>', 'whose price, by the rate card that the chart of accounts gives it')
    .option('--rate-card <name>', 'or the rate card, for accounts without prices of their own')
    .option('--file <file>', 'or a version as JSON, priced by as if it were in force; goes with --account')
    .option('--at <time>', 'when the request happens (default: now)')
    .option('--json', 'print JSON')
    .action(async ({ json, quantity, file, ...fields }: PreviewOptions, command: Command) => {
      const client = connect(command);
      const body = {
        ...fields,
        ...(quantity !== undefined && { quantities: quantity }),
        ...(file !== undefined && { proposal: await readCard(file) }),
      };
      const preview = expectOk(await client.previewPrice({ body, signal: io.signal }));
      print(io, json === true ? JSON.stringify(preview, undefined, 2) : previewText(preview));
    });
  rateCards
    .command('effect')
    .description(
      'Says what a version that is not published yet would have changed in past usage, over whole days (UTC).',
    )
    .requiredOption('--file <file>', 'the version as JSON, in the form that PUT /v1/rate-cards takes')
    .requiredOption('--start-date <day>', 'first day, such as 2026-11-01')
    .requiredOption('--end-date <day>', 'last day, inclusive')
    .requiredOption('--account <account...>', 'whose usage; one or more')
    .option('--json', 'print JSON')
    .action(async ({ json, file, startDate, endDate, account }: EffectOptions, command: Command) => {
      const client = connect(command);
      const body = { proposal: await readCard(file), startDate, endDate, accounts: account };
      const effect = expectOk(await client.rateCardEffect({ body, signal: io.signal }));
      print(io, json === true ? JSON.stringify(effect, undefined, 2) : effectText(effect));
    });
}

function previewText({ asset, breakdown, ...preview }: Preview): string {
  const details = listing([
    ['Amount', formatAmount(preview.amount, asset)],
    ['Rate card', `${preview.rateCard}${preview.isProposal ? ' (not published)' : ''}`],
    ['Prices', preview.isOverride ? "the account's own" : "the card's"],
    ['Before rounding', `${preview.cost} minor units`],
    ['Rounding', preview.rounding],
    ['Minimum', formatAmount(preview.minimum, asset)],
  ]);
  if (breakdown.length === 0) return details;
  const rows = breakdown.map((line) => [
    line.dimension,
    tierOf(line),
    line.quantity,
    unitPrice(line, line.dimension, asset),
    line.cost,
  ]);
  return `${details}\n${table(['Dimension', 'Tier', 'Quantity', 'Price', 'Minor units'], rows, [2, 4])}`;
}

function tierOf({ mode, above, upTo }: Preview['breakdown'][number]): string {
  if (above === undefined) return mode;
  return `${mode}: above ${above}${upTo === undefined || upTo === null ? '' : `, up to ${upTo}`}`;
}

function effectText({ rateCard, asset, startDate, endDate, accounts, total, reasons }: Effect): string {
  const row = (name: string, figures: Effect['total']) => [
    name,
    formatCount(figures.events),
    formatCount(figures.unpriced),
    formatAmount(figures.published, asset),
    formatAmount(figures.proposed, asset),
    formatAmount(figures.difference, asset),
    `${figures.percent} %`,
  ];
  const head = ['Account', 'Events', 'Without price', 'Published', 'Proposed', 'Difference', 'Percent'];
  const rows = [...accounts.map(({ account, ...figures }) => row(account, figures)), row('Total', total)];
  const why = reasons.map(({ by, rule, events }) => [by, rule, formatCount(events)]);
  return [
    `Effect of ${rateCard}: ${startDate} to ${endDate}`,
    table(head, rows, [1, 2, 3, 4, 5, 6]),
    ...(why.length === 0 ? [] : [table(['No price by', 'Why', 'Events'], why, [2])]),
  ].join('\n');
}
