import jsonata from 'jsonata';
import type { Clock } from './clock.ts';
import { QUERY_ERROR, StateFailure } from './failure.ts';
import { isObject, plainJson } from './json.ts';
import { queryFunctions } from './query-functions.ts';

/** What an expression can see: `$states` and the variables by their names. */
export interface QueryScope {
  readonly states: {
    readonly input: unknown;
    readonly context: unknown;
    readonly result?: unknown;
    readonly errorOutput?: unknown;
  };
  readonly variables: Readonly<Record<string, unknown>>;
}

export interface Query {
  /**
   * The value of a field: every string in it that is wholly `{% ... %}` becomes what its expression gives.
   *
   * @param field the field's name, for the error
   * @throws StateFailure `States.QueryEvaluationError` when an expression fails or gives nothing
   */
  evaluate(template: unknown, field: string, scope: QueryScope): Promise<unknown>;
}

/** Evaluates the expressions of state machines; each expression is parsed once. */
export function createQuery(clock: Clock, random: () => number): Query {
  const functions = queryFunctions(clock, random);
  const compiled = new Map<string, jsonata.Expression>();

  function compile(expression: string): jsonata.Expression {
    const known = compiled.get(expression) ?? compileExpression(expression);
    compiled.set(expression, known);
    return known;
  }

  async function evaluateExpression(expression: string, field: string, scope: QueryScope): Promise<unknown> {
    const value = await compile(expression)
      .evaluate(undefined, { ...functions, ...scope.variables, states: scope.states })
      .then(plainUnlessNothing)
      .catch((error: unknown) => {
        throw queryFailure(expression, field, `threw an error during evaluation. ${describe(error)}`);
      });
    if (value === undefined) throw queryFailure(expression, field, 'returned nothing (undefined).');
    return value;
  }

  async function evaluate(template: unknown, field: string, scope: QueryScope): Promise<unknown> {
    const expression = expressionOf(template);
    if (expression !== undefined) return evaluateExpression(expression, field, scope);
    if (Array.isArray(template)) {
      const items: unknown[] = [];
      for (const [index, item] of template.entries()) items.push(await evaluate(item, `${field}[${index}]`, scope));
      return items;
    }
    if (!isObject(template)) return template;
    const fields: [string, unknown][] = [];
    for (const [key, value] of Object.entries(template)) {
      fields.push([key, await evaluate(value, `${field}/${key}`, scope)]);
    }
    return Object.fromEntries(fields);
  }

  return { evaluate };
}

/** The expression that a string is, or undefined when the value is an ordinary one. */
export function expressionOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || !value.startsWith('{%') || !value.endsWith('%}') || value.length < 4) {
    return undefined;
  }
  return value.slice(2, -2).trim();
}

/**
 * Parses an expression.
 *
 * @throws Error when its syntax is wrong, or when it uses `$eval`, which Step Functions does not have
 */
export function compileExpression(expression: string): jsonata.Expression {
  const parsed = jsonata(expression);
  if (mentionsEval(parsed.ast())) throw new Error('Step Functions does not have $eval; write the expression itself.');
  return parsed;
}

/** A field gave a value of a type that it cannot have. */
export function unexpectedType(field: string, expected: string, value: unknown): StateFailure {
  const actual = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
  const reason = `The field '${field}' gave an unexpected result type: expected '${expected}', but was '${actual}'.`;
  return new StateFailure(QUERY_ERROR, reason, field);
}

function queryFailure(expression: string, field: string, what: string): StateFailure {
  return new StateFailure(
    QUERY_ERROR,
    `The JSONata expression '${expression}' specified for the field '${field}' ${what}`,
    field,
  );
}

function plainUnlessNothing(value: unknown): unknown {
  return value === undefined ? undefined : plainJson(value);
}

/** JSONata throws objects with a code that are not always errors. */
function describe(error: unknown): string {
  if (!isObject(error)) return String(error);
  const message = error instanceof Error ? error.message : String(error.message ?? 'unknown error');
  return typeof error.code === 'string' ? `${error.code}: ${message}` : message;
}

function mentionsEval(node: unknown): boolean {
  if (Array.isArray(node)) return node.some(mentionsEval);
  if (!isObject(node)) return false;
  return (node.type === 'variable' && node.value === 'eval') || Object.values(node).some(mentionsEval);
}
