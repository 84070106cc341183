import { defineConfig } from 'vitest/config';

const common = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  // Functions write their metrics and logs to standard output; tests read answers, not logs.
  env: { POWERTOOLS_METRICS_DISABLED: 'true', POWERTOOLS_LOG_LEVEL: 'CRITICAL' },
};

/** Tests of the whole deployable. */
const whole = [
  'test/e2e/**/*.test.ts',
  'test/fuzz/http.test.ts',
  'test/security/keys.test.ts',
  'test/security/secrets.test.ts',
];

/** Tests of the templates. */
const stacks = ['test/lib/**/*.test.ts'];

export default defineConfig({
  test: {
    // Two at once: the suite is meant for two cores, and many files boot engines of their own.
    maxWorkers: 2,
    projects: [
      // The tables of the data stack are synthesized once, and made by each file that needs them.
      {
        test: {
          ...common,
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...whole, ...stacks],
          globalSetup: ['test/support/stack-tables.ts'],
        },
      },
      // Side by side in one process each: loading the CDK takes longer than the tests do.
      { test: { ...common, name: 'stacks', include: stacks, isolate: false } },
      // The stacks are synthesized once, functions bundled, and booted by each file of end-to-end tests.
      { test: { ...common, name: 'e2e', include: whole, globalSetup: ['test/e2e/assembly.ts'] } },
    ],
  },
});
