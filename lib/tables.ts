import { RemovalPolicy } from 'aws-cdk-lib';
import {
  type Attribute,
  AttributeType,
  Billing,
  type GlobalSecondaryIndexPropsV2,
  ProjectionType,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import type { Stage } from '../config/stages.ts';

/** The names of the ledger's indexes, which permissions name one by one. */
export const LEDGER_DAY_INDEXES = ['byDebit', 'byCredit'] as const;
/** That by which what expires is found. */
export const LEDGER_EXPIRY_INDEX = 'byCredit';
/** That by which accounts are listed. */
export const LEDGER_ACCOUNT_INDEX = 'byBucket';
export const LEDGER_INDEXES = [...LEDGER_DAY_INDEXES, LEDGER_ACCOUNT_INDEX] as const;

/**
 * One table per book, on demand, restorable to any second of the last 35 days. Evidence and ledger are separate tables
 * with separate writers: that is what makes comparing them mean something.
 */
export class Tables extends Construct {
  readonly ledger: TableV2;
  readonly usage: TableV2;
  readonly operations: TableV2;
  readonly billing: TableV2;

  constructor(scope: Construct, id: string, props: { readonly stage: Stage }) {
    super(scope, id);
    const { keepData, maxWriteUnitsPerSecond } = props.stage;

    this.ledger = this.table('Ledger', {
      keepData,
      maxWriteUnits: maxWriteUnitsPerSecond.ledger,
      partitionKey: text('pk'),
      indexes: [
        { indexName: 'byDebit', partitionKey: text('debitDay'), sortKey: text('debitAt') },
        { indexName: 'byCredit', partitionKey: text('creditDay'), sortKey: text('creditAt') },
        {
          indexName: LEDGER_ACCOUNT_INDEX,
          partitionKey: text('bucket'),
          sortKey: text('account'),
          // Its keys never change and it holds nothing else, so an update of a balance costs nothing here.
          projectionType: ProjectionType.KEYS_ONLY,
        },
      ],
    });
    this.usage = this.table('Usage', {
      keepData,
      maxWriteUnits: maxWriteUnitsPerSecond.usage,
      partitionKey: text('pk'),
      sortKey: text('sk'),
    });
    this.operations = this.table('Operations', {
      keepData,
      maxWriteUnits: maxWriteUnitsPerSecond.operations,
      partitionKey: text('pk'),
      sortKey: text('sk'),
    });
    this.billing = this.table('Billing', {
      keepData,
      maxWriteUnits: maxWriteUnitsPerSecond.billing,
      partitionKey: text('pk'),
      sortKey: text('sk'),
    });
  }

  private table(id: string, props: TableProps): TableV2 {
    return new TableV2(this, id, {
      partitionKey: props.partitionKey,
      ...(props.sortKey === undefined ? {} : { sortKey: props.sortKey }),
      // Without a limit of their own, indexes would throttle only with the account's.
      globalSecondaryIndexes: (props.indexes ?? []).map((index) => ({
        ...index,
        maxWriteRequestUnits: props.maxWriteUnits,
      })),
      billing: Billing.onDemand({ maxWriteRequestUnits: props.maxWriteUnits }),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: props.keepData,
      removalPolicy: props.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }
}

interface TableProps {
  readonly keepData: boolean;
  readonly maxWriteUnits: number;
  readonly partitionKey: Attribute;
  readonly sortKey?: Attribute;
  readonly indexes?: readonly GlobalSecondaryIndexPropsV2[];
}

function text(name: string): Attribute {
  return { name, type: AttributeType.STRING };
}
