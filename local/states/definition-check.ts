import validate from 'asl-validator';
import { AwsError } from '../resources.ts';
import {
  type Catcher,
  type FailureHandling,
  type Flow,
  type ItemReader,
  innerFlows,
  isDistributed,
  type Machine,
  type MapState,
  type Retrier,
  type State,
  type TaskState,
} from './definition.ts';
import { isObject } from './json.ts';
import { compileExpression, expressionOf } from './query.ts';
import { readResource } from './resource.ts';

/** AWS's limit for the label of a Distributed Map, in characters. */
const MAX_LABEL_LENGTH = 40;
const READER_INPUT_TYPES = ['JSON', 'JSONL', 'CSV'];
const READER_FIELDS = ['InputType', 'CSVHeaderLocation', 'CSVHeaders', 'CSVDelimiter', 'MaxItems'];
const DISTRIBUTED_ONLY = [
  'ItemReader',
  'ItemBatcher',
  'ResultWriter',
  'Label',
  'ToleratedFailureCount',
  'ToleratedFailurePercentage',
] as const;

/** What was read and found right before: the validator compiles all its schemas anew each time, which takes half a second. */
const readBefore = new Map<string, Machine>();

/**
 * Reads a definition and refuses what AWS would refuse: by asl-validator, and by the rules that it does not know.
 *
 * @throws AwsError `InvalidDefinition` naming the state and the rule.
 */
export function readDefinition(text: string): Machine {
  const machine = readBefore.get(text) ?? checkDefinition(text);
  readBefore.set(text, machine);
  return machine;
}

function checkDefinition(text: string): Machine {
  const definition = parse(text);
  requireJsonata('QueryLanguage' in definition ? definition.QueryLanguage : 'JSONPath');
  checkExpressions(definition, 'definition');
  // The validator writes defaults into what it is given.
  const verdict = validate(structuredClone(definition), { checkPaths: true, checkArn: false });
  if (!verdict.isValid) throw invalid(verdict.errorsText('; '));
  checkFlow(definition, new Set());
  return definition;
}

function parse(text: string): Machine {
  try {
    const definition: unknown = JSON.parse(text);
    if (isObject(definition) && isObject(definition.States)) return definition as unknown as Machine;
  } catch {
    throw invalid('the definition is not JSON.');
  }
  throw invalid('the definition must be a JSON object with States.');
}

function requireJsonata(language: unknown): void {
  if (language === 'JSONata') return;
  throw invalid(
    'only JSONata machines run here: set "QueryLanguage": "JSONata" on the machine and on none of its states.',
  );
}

function checkExpressions(value: unknown, path: string): void {
  const expression = expressionOf(value);
  if (expression !== undefined) {
    try {
      compileExpression(expression);
    } catch (error) {
      const reason = isObject(error) && typeof error.message === 'string' ? error.message : String(error);
      throw invalid(`the expression '${expression}' at ${path} is not valid JSONata: ${reason}`);
    }
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) checkExpressions(item, `${path}[${index}]`);
  } else if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) checkExpressions(item, `${path}.${key}`);
  }
}

/** @param outer the variables that the flows around this one assign */
function checkFlow(flow: Flow, outer: ReadonlySet<string>): void {
  const assigned = new Set<string>();
  for (const [name, state] of Object.entries(flow.States)) {
    for (const variable of assignedBy(state)) {
      if (variable === 'states') throw invalid(`state "${name}" assigns "states", which is reserved.`);
      if (outer.has(variable)) {
        throw invalid(`state "${name}" assigns "${variable}", a variable of an outer scope: choose another name.`);
      }
      assigned.add(variable);
    }
  }
  for (const [name, state] of Object.entries(flow.States)) {
    checkState(name, state);
    // The children of a Distributed Map are executions of their own and see nothing of the outer variables.
    const visible = state.Type === 'Map' && isDistributed(state) ? new Set<string>() : outer.union(assigned);
    for (const inner of innerFlows(state)) checkFlow(inner, visible);
  }
}

function assignedBy(state: State): string[] {
  const leavings = [
    state,
    ...(state.Type === 'Choice' ? state.Choices : []),
    ...('Catch' in state ? (state.Catch ?? []) : []),
  ];
  return leavings.flatMap((leaving) => ('Assign' in leaving ? Object.keys(leaving.Assign ?? {}) : []));
}

function checkState(name: string, state: State): void {
  if ('QueryLanguage' in state) requireJsonata(state.QueryLanguage);
  if (state.Type === 'Task') checkTask(name, state);
  if (state.Type === 'Map') checkMap(name, state);
  if (state.Type === 'Task' || state.Type === 'Map' || state.Type === 'Parallel') checkFailureHandling(name, state);
}

function checkTask(name: string, state: TaskState): void {
  if (readResource(state.Resource) === undefined) {
    throw invalid(
      `state "${name}" has the Resource ${state.Resource}, which does not run here: use lambda:invoke, another ` +
        'request-response integration, or .waitForTaskToken.',
    );
  }
  if ('Credentials' in state) {
    throw invalid(`state "${name}" has Credentials: tasks run here in their machine's role only.`);
  }
  const { TimeoutSeconds: timeout, HeartbeatSeconds: heartbeat } = state;
  if (typeof timeout === 'number' && typeof heartbeat === 'number' && heartbeat >= timeout) {
    throw invalid(
      `state "${name}" has HeartbeatSeconds ${heartbeat}, which must be less than TimeoutSeconds ${timeout}.`,
    );
  }
}

function checkMap(name: string, state: MapState): void {
  if (state.ItemProcessor === undefined) throw invalid(`state "${name}" has no ItemProcessor.`);
  if (!isDistributed(state)) {
    const misplaced = DISTRIBUTED_ONLY.find((field) => state[field] !== undefined);
    if (misplaced !== undefined) throw invalid(`state "${name}" has ${misplaced}, which needs Mode DISTRIBUTED.`);
  }
  const label = state.Label ?? '';
  if (label.length > MAX_LABEL_LENGTH) {
    throw invalid(`state "${name}" has a Label of more than ${MAX_LABEL_LENGTH} characters.`);
  }
  if (state.ItemReader !== undefined) checkItemReader(name, state, state.ItemReader);
  const writes = state.ResultWriter?.Resource ?? 'arn:aws:states:::s3:putObject';
  if (writes !== 'arn:aws:states:::s3:putObject') {
    throw invalid(`state "${name}" has a ResultWriter that is not s3:putObject.`);
  }
}

function checkItemReader(name: string, state: MapState, reader: ItemReader): void {
  if (state.Items !== undefined) throw invalid(`state "${name}" has both Items and ItemReader: keep one.`);
  const reads = readResource(reader.Resource);
  if (reads?.service !== 's3' || !['getObject', 'listObjectsV2'].includes(reads.action)) {
    throw invalid(`state "${name}" has an ItemReader that is neither s3:getObject nor s3:listObjectsV2.`);
  }
  const config = reader.ReaderConfig ?? {};
  if (reads.action === 'getObject' && !READER_INPUT_TYPES.includes(config.InputType ?? '')) {
    throw invalid(`state "${name}" has an ItemReader whose InputType is not one of ${READER_INPUT_TYPES.join(', ')}.`);
  }
  const unknown = Object.keys(config).find((field) => !READER_FIELDS.includes(field));
  if (unknown !== undefined) {
    throw invalid(`state "${name}" has ${unknown} in its ReaderConfig, which does not run here.`);
  }
}

function checkFailureHandling(name: string, state: FailureHandling): void {
  for (const field of ['Retry', 'Catch'] as const) {
    const handlers: readonly (Retrier | Catcher)[] = state[field] ?? [];
    for (const [index, { ErrorEquals: names }] of handlers.entries()) {
      const last = index === handlers.length - 1;
      if (names.includes('States.ALL') && (names.length > 1 || !last)) {
        throw invalid(
          `state "${name}" must have States.ALL alone in its ErrorEquals and in the last entry of ${field}.`,
        );
      }
    }
  }
}

function invalid(reason: string): AwsError {
  return new AwsError('InvalidDefinition', `Invalid State Machine Definition: ${reason}`);
}
