import type { ChartEntry } from '../domain/chart.ts';
import { instantOf, requestOf } from '../domain/reconciliation/rows.ts';
import type { RequestBooks } from '../domain/repairs/facts.ts';
import { dayOf, type Instant } from '../domain/time.ts';
import { accountBooks, type Books, evidenceQuery, evidenceRows, gather, queryPages, SIDES } from './books.ts';
import { text, toItem } from './items.ts';
import { getTransfer } from './ledger.ts';
import { getReversals } from './reversals.ts';
import { dayPartition, momentKey } from './tables.ts';

/** Both books of one request of an account, as repairs are planned from them and tried against them. */
export function requestBooks(
  books: Books,
  account: string,
  requestId: string,
  entry: Pick<ChartEntry, 'shards'>,
): RequestBooks {
  const partitionOf = (at: Instant) => dayPartition(account, dayOf(at), entry, requestId);
  return {
    transfer: (id) => getTransfer(books, id),
    reversals: (transfer) => getReversals(books, transfer),
    async idsAt(at) {
      const sides = SIDES.map((side) => {
        const query = {
          TableName: books.ledgerTable,
          IndexName: side.index,
          KeyConditionExpression: `${side.day} = :partition AND ${side.at} = :moment`,
          ExpressionAttributeValues: toItem({ ':partition': partitionOf(at), ':moment': momentKey(at, requestId) }),
        };
        return gather(queryPages(books, query, (items) => items.map((item) => text(item, 'id'))));
      });
      return (await Promise.all(sides)).flat();
    },
    evidenceAt(at) {
      const values = { ':partition': partitionOf(at), ':moment': `${momentKey(at, requestId)}#` };
      const query = evidenceQuery(books, 'pk = :partition AND begins_with(sk, :moment)', values);
      return gather(queryPages(books, { ...query, ConsistentRead: true }, evidenceRows));
    },
    async momentsOn(day) {
      const { evidence, ledger } = accountBooks(books, account, entry).day(day);
      const moments = new Set<Instant>();
      for (const book of [evidence, ledger]) {
        for await (const page of book) {
          for (const { key } of page) if (requestOf(key) === requestId) moments.add(instantOf(key));
        }
      }
      return [...moments];
    },
  };
}
