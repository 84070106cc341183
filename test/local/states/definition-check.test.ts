import { describe, expect, it } from 'vitest';
import { readDefinition } from '../../../local/states/definition-check.ts';
import { machine, single, task } from './harness.ts';

const read = (definition: object | string) =>
  readDefinition(typeof definition === 'string' ? definition : JSON.stringify(definition));

describe('a definition', () => {
  it('is given back as it was written when it is valid', () => {
    const definition = single(task({ Retry: [{ ErrorEquals: ['States.ALL'] }] }));
    expect(read(definition)).toEqual(definition);
  });

  it('is refused in one sentence when it is a JSONPath machine', () => {
    const refusal = /^Invalid State Machine Definition: only JSONata machines run here: set "QueryLanguage": "JSONata"/;
    expect(() => read({ StartAt: 'A', States: { A: { Type: 'Pass', End: true } } })).toThrow(refusal);
    expect(() => read(single({ Type: 'Pass', QueryLanguage: 'JSONPath' }))).toThrow(refusal);
    const inner = { StartAt: 'B', States: { B: { Type: 'Pass', QueryLanguage: 'JSONPath', End: true } } };
    expect(() => read(single({ Type: 'Parallel', Branches: [inner] }))).toThrow(refusal);
  });

  it.each<[string, object | string, RegExp]>([
    ['is not JSON', '{', /not JSON/],
    ['has no states', '{}', /JSON object with States/],
    ['goes to a state that is missing', machine({ A: { Type: 'Pass', Next: 'B' } }), /MISSING_TRANSITION_TARGET/],
    ['has a field of JSONPath', single({ Type: 'Pass', InputPath: '$.a' }), /SCHEMA_VALIDATION_FAILED/],
    [
      'has an expression that cannot be parsed',
      single({ Type: 'Pass', Output: '{% 1 + %}' }),
      /the expression '1 \+' at definition.States.Only.Output is not valid JSONata: Unexpected end/,
    ],
    ['uses $eval', single({ Type: 'Pass', Output: { a: '{% $map([1], $eval) %}' } }), /does not have \$eval/],
    [
      'has States.ALL beside another error',
      single(task({ Retry: [{ ErrorEquals: ['A', 'States.ALL'] }] })),
      /"Only" must have States.ALL alone in its ErrorEquals and in the last entry of Retry/,
    ],
    [
      'has States.ALL before another retrier',
      single(task({ Retry: [{ ErrorEquals: ['States.ALL'] }, { ErrorEquals: ['A'] }] })),
      /last entry of Retry/,
    ],
    [
      'has a heartbeat as long as the timeout',
      single(task({ TimeoutSeconds: 5, HeartbeatSeconds: 5 })),
      /less than TimeoutSeconds 5/,
    ],
    [
      'runs another execution with .sync',
      single(task({ Resource: 'arn:aws:states:::states:startExecution.sync:2' })),
      /does not run here/,
    ],
    ['has a Parallel without branches', single({ Type: 'Parallel' }), /SCHEMA_VALIDATION_FAILED/],
    [
      'has a Map with an Iterator',
      single({ Type: 'Map', Iterator: { StartAt: 'B', States: { B: { Type: 'Pass', End: true } } } }),
      /"Only" has no ItemProcessor|SCHEMA/,
    ],
    ['runs a task in another role', single(task({ Credentials: { RoleArn: 'arn:aws:iam::1:role/r' } })), /Credentials/],
    ['assigns $states', single({ Type: 'Pass', Assign: { states: 1 } }), /reserved/],
    [
      'has a state name of more than 80 characters',
      machine({ ['n'.repeat(81)]: { Type: 'Succeed' } }),
      /States is invalid/,
    ],
  ])('is refused when it %s', (_, definition, reason) => {
    expect(() => read(definition)).toThrow(reason);
    expect(() => read(definition)).toThrow(expect.objectContaining({ name: 'InvalidDefinition' }));
  });

  it('is refused when an inner scope assigns a variable of an outer one', () => {
    const inner = { StartAt: 'B', States: { B: { Type: 'Pass', Assign: { n: 2 }, End: true } } };
    const around = (map: object) =>
      machine({ A: { Type: 'Pass', Assign: { n: 1 }, Next: 'M' }, M: { ...map, End: true } });
    expect(() => read(around({ Type: 'Map', ItemProcessor: inner }))).toThrow(
      /"B" assigns "n", a variable of an outer scope/,
    );
    const ProcessorConfig = { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' };
    expect(() => read(around({ Type: 'Map', ItemProcessor: { ...inner, ProcessorConfig } }))).not.toThrow();
  });

  it('is refused when an inline Map has what only a Distributed Map can do', () => {
    const ItemProcessor = { StartAt: 'B', States: { B: { Type: 'Pass', End: true } } };
    const batching = single({ Type: 'Map', ItemProcessor, ItemBatcher: { MaxItemsPerBatch: 2 } });
    expect(() => read(batching)).toThrow(/has ItemBatcher, which needs Mode DISTRIBUTED/);
  });

  it('is refused when an ItemReader reads what does not run here', () => {
    const ItemProcessor = {
      ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
      StartAt: 'B',
      States: { B: { Type: 'Pass', End: true } },
    };
    const reading = (InputType: string, more: object = {}) =>
      single({
        Type: 'Map',
        ItemProcessor,
        ItemReader: {
          Resource: 'arn:aws:states:::s3:getObject',
          ReaderConfig: { InputType, ...more },
          Arguments: { Bucket: 'b', Key: 'k' },
        },
      });
    expect(() => read(reading('MANIFEST'))).toThrow(/InputType is not one of JSON, JSONL, CSV/);
    expect(() => read(reading('JSON', { ItemsPointer: '/a' }))).toThrow(/ItemsPointer/);
    expect(() => read(reading('JSONL'))).not.toThrow();
  });
});
