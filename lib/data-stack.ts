import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Stage } from '../config/stages.ts';
import { Buckets } from './buckets.ts';
import { BulkQueue } from './bulk-queue.ts';
import { ImportQueue } from './import-queue.ts';
import { Tables } from './tables.ts';

export interface DataStackProps extends StackProps {
  readonly stage: Stage;
}

/** What must outlive every deployment: the books, the reports, the files dropped in, the queues of what is accepted, and the topic of notices. */
export class DataStack extends Stack {
  readonly tables: Tables;
  readonly buckets: Buckets;
  readonly importQueue: ImportQueue;
  readonly bulkQueue: BulkQueue;
  /**
   * Carries notices to customers to whoever sends them on. Here, because those who subscribe must not have to do so again
   * whenever the service is deployed anew.
   */
  readonly notices: Topic;

  constructor(scope: Construct, id: string, props: DataStackProps) {
    super(scope, id, {
      description: `Reckoner ${props.stage.name}: tables, buckets, queues and notices`,
      terminationProtection: props.stage.keepData,
    });

    this.tables = new Tables(this, 'Tables', props);
    this.importQueue = new ImportQueue(this, 'ImportQueue');
    this.bulkQueue = new BulkQueue(this, 'BulkQueue');
    this.buckets = new Buckets(this, 'Buckets', { ...props, importQueue: this.importQueue.queue });

    this.notices = new Topic(this, 'Notices', { enforceSSL: true });

    new CfnOutput(this, 'LedgerTableName', { value: this.tables.ledger.tableName });
    new CfnOutput(this, 'UsageTableName', { value: this.tables.usage.tableName });
    new CfnOutput(this, 'OperationsTableName', { value: this.tables.operations.tableName });
    new CfnOutput(this, 'BillingTableName', { value: this.tables.billing.tableName });
    new CfnOutput(this, 'ArtifactsBucketName', { value: this.buckets.artifacts.bucketName });
    new CfnOutput(this, 'SealsBucketName', { value: this.buckets.seals.bucketName });
    new CfnOutput(this, 'ImportBucketName', { value: this.buckets.imports.bucketName });
    new CfnOutput(this, 'NoticesTopicArn', { value: this.notices.topicArn });
  }
}
