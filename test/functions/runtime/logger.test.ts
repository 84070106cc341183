import type { Context } from 'aws-lambda';
import { describe, expect, test } from 'vitest';
import { createLogger } from '../../../functions/runtime/logger.ts';

const CONTEXT = {
  invokedFunctionArn: 'arn:aws:lambda:eu-west-1:111122223333:function:ledger',
  memoryLimitInMB: '1024',
  functionName: 'ledger',
  awsRequestId: 'request-1',
} as Context;

function loggerIn(environment: Record<string, string> = {}) {
  const lines: Record<string, unknown>[] = [];
  return { logger: createLogger(environment, (line) => lines.push(JSON.parse(line))), lines };
}

describe('a log line', () => {
  test('is one JSON object with its level, time and service', () => {
    const { logger, lines } = loggerIn({ SERVICE_NAME: 'reckoner' });
    logger.warn('Something is odd', { account: 'customer:a\nb' });
    expect(lines).toEqual([
      {
        level: 'WARN',
        message: 'Something is odd',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        service: 'reckoner',
        account: 'customer:a\nb',
      },
    ]);
  });

  test('names the invocation and its trace, and says which invocation was the first', () => {
    const environment: Record<string, string> = { _X_AMZN_TRACE_ID: 'Root=1-abc;Parent=def;Sampled=1' };
    const { logger, lines } = loggerIn(environment);
    for (const awsRequestId of ['request-1', 'request-2']) {
      logger.begin({ ...CONTEXT, awsRequestId });
      logger.info('Answered');
    }
    expect(lines).toMatchObject([
      { cold_start: true, function_request_id: 'request-1', function_name: 'ledger', xray_trace_id: '1-abc' },
      { cold_start: false, function_request_id: 'request-2', function_memory_size: '1024' },
    ]);
  });

  test('carries what was appended until the next invocation begins', () => {
    const { logger, lines } = loggerIn();
    logger.begin(CONTEXT);
    logger.appendKeys({ transferId: 't-1' });
    logger.info('first');
    logger.begin(CONTEXT);
    logger.info('second');
    expect(lines[0]).toHaveProperty('transferId', 't-1');
    expect(lines[1]).not.toHaveProperty('transferId');
  });

  test('tells an error with its fields and its cause', () => {
    const { logger, lines } = loggerIn();
    const cause = Object.assign(new RangeError('too far'), { code: 7 });
    logger.error('It failed', { error: new Error('outside', { cause }) });
    expect(lines[0]?.error).toMatchObject({
      name: 'Error',
      message: 'outside',
      stack: expect.stringContaining('logger.test.ts'),
      cause: { name: 'RangeError', message: 'too far', code: 7 },
    });
  });

  test('is written whatever its fields hold', () => {
    const { logger, lines } = loggerIn();
    const itself: Record<string, unknown> = { amount: 10n };
    itself.again = itself;
    const shared = { a: 1 };
    const blamesItself = new Error('loop');
    blamesItself.cause = blamesItself;
    logger.error('It failed', { itself, error: blamesItself, one: shared, other: [shared] });
    expect(lines[0]).toMatchObject({ itself: { amount: '10' }, one: { a: 1 }, other: [{ a: 1 }] });
    expect(lines[0]?.itself).not.toHaveProperty('again');
    expect(lines[0]?.error).not.toHaveProperty('cause');
  });
});

describe('the log level', () => {
  test.each([
    ['ERROR', ['error']],
    ['warn', ['warn', 'error']],
    ['SILENT', []],
    ['nonsense', ['info', 'warn', 'error']],
  ])('%s lets through %j', (level, expected) => {
    const { logger, lines } = loggerIn({ LOG_LEVEL: level });
    logger.info('info');
    logger.warn('warn');
    logger.error('error');
    expect(lines.map(({ message }) => message)).toEqual(expected);
  });
});
