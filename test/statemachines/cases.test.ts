import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readCases, runCase } from '../../local/states/cases.ts';

const machines = readdirSync('statemachines')
  .filter((file) => file.endsWith('.asl.json'))
  .map((file) => file.replace('.asl.json', ''));

describe.each(machines)('the state machine %s', (name) => {
  const definition = readFileSync(`statemachines/${name}.asl.json`, 'utf8');
  const cases = readCases(readFileSync(`statemachines/${name}.cases.json`, 'utf8'));

  it.each(cases)('$name', async (testCase) => {
    const outcome = await runCase(definition, testCase, substitutionsOf(definition));
    expect(outcome.path).toEqual(testCase.path);
    expect(outcome.status).toBe(testCase.status);
    if (testCase.output !== undefined) expect(outcome.output).toEqual(testCase.output);
    if (testCase.error !== undefined) expect(outcome.error).toBe(testCase.error);
  });
});

function substitutionsOf(definition: string): Record<string, string> {
  const names = [...definition.matchAll(/\$\{(\w+)FunctionArn\}/g)].map(([, name = '']) => name);
  return {
    ...Object.fromEntries(
      names.map((name) => [`${name}FunctionArn`, `arn:aws:lambda:us-east-1:000000000000:function:${name}`]),
    ),
    ArtifactsBucket: 'artifacts',
  };
}
