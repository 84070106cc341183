import type { MiddlewareObj } from '@middy/core';
import { logger } from './logger.ts';
import { publishMetrics } from './metrics.ts';

/** For every handler: its log lines name the invocation, and what it counted is published however it ends. */
export const observed = {
  before: ({ context }) => logger.begin(context),
  after: publishMetrics,
  onError: publishMetrics,
} satisfies MiddlewareObj;
