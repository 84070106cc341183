import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import * as z from 'zod';
import { chart } from '../../config/chart.ts';
import { systemClock } from '../../store/retry.ts';
import { dynamoDb, s3 } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { countMetric, metrics } from '../runtime/metrics.ts';
import { type Attempt, ImportBusyError, type ImportDeps, ImportInterrupted, importFile } from './import/import-file.ts';

/**
 * Reads usage files from the drop zone. Each SQS message tells of one object. A message whose file could not be read
 * to its end is reported as failed, so that SQS delivers it again; a file that is wrong in itself is not, because its
 * import record and error file say so.
 */
export const makeHandler = (deps: ImportDeps) =>
  middy<SQSEvent, SQSBatchResponse, Error, Context>()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .use(logMetrics(metrics))
    .handler(async (event, context) => {
      const attempt: Attempt = { id: context.awsRequestId, remainingMs: () => context.getRemainingTimeInMillis() };
      const batchItemFailures: SQSBatchResponse['batchItemFailures'] = [];
      for (const message of event.Records) {
        const isDone = await importMessage(deps, message, attempt);
        if (!isDone) batchItemFailures.push({ itemIdentifier: message.messageId });
      }
      return { batchItemFailures };
    });

export const handler = lazily(() => makeHandler(productionDeps()));

/** An S3 event notification, as far as it is read; the test message that S3 sends at set-up has no records. */
const notification = z.looseObject({
  Records: z
    .array(
      z.looseObject({
        s3: z.object({ bucket: z.object({ name: z.string() }), object: z.object({ key: z.string() }) }),
      }),
    )
    .default([]),
});

async function importMessage(deps: ImportDeps, message: SQSRecord, attempt: Attempt): Promise<boolean> {
  try {
    for (const { s3: place } of notification.parse(JSON.parse(message.body)).Records) {
      // In notifications keys are encoded as in a query string.
      const key = decodeURIComponent(place.object.key.replaceAll('+', ' '));
      const outcome = await importFile(deps, { bucket: place.bucket.name, key }, attempt);
      logger.info('An import file was handled', { key, ...outcome });
      if (outcome.kind !== 'read') continue;
      countMetric('usage_recorded', outcome.counts.recorded);
      countMetric('usage_duplicates', outcome.counts.duplicates);
      countMetric('import_lines_refused', outcome.counts.refused);
      if (outcome.record.status === 'failed') countMetric('import_failed');
    }
    return true;
  } catch (error) {
    // Both are how long files and repeated deliveries go; anything else is for a person to look at.
    const isUsual = error instanceof ImportInterrupted || error instanceof ImportBusyError;
    logger[isUsual ? 'info' : 'error']('An import message will be delivered again', {
      messageId: message.messageId,
      error: error instanceof Error ? error : String(error),
    });
    return false;
  }
}

function productionDeps(): ImportDeps {
  const { USAGE_TABLE, OPERATIONS_TABLE, ARTIFACTS_BUCKET } = environment(
    'USAGE_TABLE',
    'OPERATIONS_TABLE',
    'ARTIFACTS_BUCKET',
  );
  return {
    s3: s3(),
    imports: { client: dynamoDb(), operationsTable: OPERATIONS_TABLE },
    usage: { client: dynamoDb(), usageTable: USAGE_TABLE, clock: systemClock, seenAccounts: new Set() },
    artifactsBucket: ARTIFACTS_BUCKET,
    chart,
    now: () => new Date().toISOString(),
  };
}
