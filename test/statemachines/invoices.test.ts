import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readCases, runCase } from '../../local/states/cases.ts';

const definition = readFileSync('statemachines/invoices.asl.json', 'utf8');
const cases = readCases(readFileSync('statemachines/invoices.cases.json', 'utf8'));

const substitutions = {
  PlanFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:plan',
  WorkFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:work',
  CloseFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:close',
  FailFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:fail',
  ArtifactsBucket: 'artifacts',
};

describe('the state machine of billing runs', () => {
  it.each(cases)('$name', async (testCase) => {
    const outcome = await runCase(definition, testCase, substitutions);
    expect(outcome.path).toEqual(testCase.path);
    expect(outcome.status).toBe(testCase.status);
    if (testCase.output !== undefined) expect(outcome.output).toEqual(testCase.output);
    if (testCase.error !== undefined) expect(outcome.error).toBe(testCase.error);
  });
});
