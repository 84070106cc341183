import type { DynamoDBClient, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type { ChartEntry } from '../domain/chart.ts';
import type { GrantEffect, GrantState } from '../domain/grants.ts';
import type { Refusal, Transfer, TransferClaims } from '../domain/transfers.ts';
import type { Item } from './items.ts';
import type { RetryClock } from './retry.ts';

/** The ledger book: transfers and accounts. Nothing in it is ever deleted, and no transfer is ever updated. */
export interface LedgerStore {
  readonly client: DynamoDBClient;
  readonly ledgerTable: string;
  readonly clock: RetryClock;
  readonly newId: () => string;
  /** Derived accounts, with the month, that this process knows to be listed, so that transfers of theirs are a single put. */
  readonly listed: Set<string>;
  /** What accounts were last seen to have of grants, so that burning them takes one round trip; left out, it is asked. */
  readonly grants?: Map<string, GrantState>;
}

/** The ledger book for those who read it or write single items. */
export type LedgerTable = Pick<LedgerStore, 'client' | 'ledgerTable'> & Partial<Pick<LedgerStore, 'clock'>>;

/** A transfer to post: what it will be, what its caller claimed in so many words, and what its two accounts are. */
export interface Posting {
  readonly transfer: Transfer;
  readonly claims: TransferClaims;
  readonly debitEntry: ChartEntry;
  readonly creditEntry: ChartEntry;
  /** Minor units held of the debit account that are held no more when this is posted. */
  readonly frees?: bigint;
  /** What it does to the grants of its accounts, besides burning those of the debit account in order. */
  readonly effects?: { readonly debit?: GrantEffect; readonly credit?: GrantEffect };
  readonly guard?: Guard;
  /** Further items that are put with it, whatever has their keys. Postings that put the same key put the same item. */
  readonly puts?: readonly Item[];
}

/** One more item that is written in the same transaction, and the refusal when its condition fails. */
export interface Guard {
  /** The key of the item: no two writes of one transaction may have one item (AWS rule). */
  readonly pk: string;
  /** Returns the old item when its condition fails. */
  readonly write: Pick<TransactWriteItem, 'Put' | 'Update'>;
  readonly refusalOf: (item: Item) => Refusal | undefined;
}
