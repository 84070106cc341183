import { expect, it } from 'vitest';
import { buildApp } from '../../lib/app.ts';
import { readAssembly } from '../../local/template/assembly.ts';
import { resolveTemplate } from '../../local/template.ts';

it("understands the project's own templates to the last value", () => {
  const withoutCode = { context: { 'aws:cdk:bundling-stacks': [] } };
  const { directory } = buildApp('dev', withoutCode).synth();
  const { resources, outputs } = resolveTemplate(readAssembly(directory), {
    place: { accountId: '000000000000', region: 'us-east-1' },
    endpointUrl: 'http://127.0.0.1:4566',
    apiUrl: () => 'http://127.0.0.1:9000',
  });
  expect(resources.map(({ type }) => type)).toContain('AWS::StepFunctions::StateMachine');
  expect(JSON.stringify(resources)).not.toMatch(/"(Ref|Fn::\w+)":/);
  expect(outputs.ApiUrl).toBe('http://127.0.0.1:9000');
});
