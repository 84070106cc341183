import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readCases, runCase } from '../../local/states/cases.ts';

const definition = readFileSync('statemachines/repair.asl.json', 'utf8');
const cases = readCases(readFileSync('statemachines/repair.cases.json', 'utf8'));

const names = ['Plan', 'Take', 'Part', 'Backup', 'Verify', 'Finish', 'Fail'];
const substitutions = Object.fromEntries(
  names.map((name) => [`${name}FunctionArn`, `arn:aws:lambda:us-east-1:000000000000:function:${name.toLowerCase()}`]),
);

describe('the state machine that repairs', () => {
  it.each(cases)('$name', async (testCase) => {
    const outcome = await runCase(definition, testCase, substitutions);
    expect(outcome.path).toEqual(testCase.path);
    expect(outcome.status).toBe(testCase.status);
    if (testCase.error !== undefined) expect(outcome.error).toBe(testCase.error);
  });
});
