import { type Operand, parseOperand, parsePath, parseValue, type Scope, type Used, valueAt } from './operands.ts';
import { readTokens, type Tokens } from './tokens.ts';
import { compare, equals, InvalidRequestError, typeOf } from './values.ts';

export type Test = (scope: Scope) => boolean;

export interface Condition {
  readonly test: Test;
  readonly used: ReadonlySet<string>;
}

const parsed = new Map<string, Condition>();

/** A condition or filter, parsed once. */
export function conditionOf(expression: string): Condition {
  let condition = parsed.get(expression);
  if (condition === undefined) {
    const tokens = readTokens(expression);
    const used: Used = new Set();
    const test = parseOr(tokens, used);
    if (tokens.peek() !== undefined) throw new InvalidRequestError(`"${tokens.peek()}" is too much: ${expression}`);
    condition = { test, used };
    parsed.set(expression, condition);
  }
  return condition;
}

function parseOr(tokens: Tokens, used: Used): Test {
  const tests = [parseAnd(tokens, used)];
  while (tokens.take('OR')) tests.push(parseAnd(tokens, used));
  return tests.length === 1 ? (tests[0] as Test) : (scope) => tests.some((test) => test(scope));
}

function parseAnd(tokens: Tokens, used: Used): Test {
  const tests = [parseNot(tokens, used)];
  while (tokens.take('AND')) tests.push(parseNot(tokens, used));
  return tests.length === 1 ? (tests[0] as Test) : (scope) => tests.every((test) => test(scope));
}

function parseNot(tokens: Tokens, used: Used): Test {
  if (tokens.take('NOT')) {
    const test = parseNot(tokens, used);
    return (scope) => !test(scope);
  }
  if (tokens.take('(')) {
    const test = parseOr(tokens, used);
    tokens.expect(')');
    return test;
  }
  return parseFunction(tokens, used) ?? parseComparison(tokens, used);
}

function parseFunction(tokens: Tokens, used: Used): Test | undefined {
  const name = tokens.peek();
  if (name === undefined || !/^(attribute_(not_)?exists|attribute_type|begins_with|contains)$/.test(name)) {
    return undefined;
  }
  tokens.next();
  tokens.expect('(');
  const path = parsePath(tokens, used);
  const operand = tokens.take(',') ? parseOperand(tokens, used) : undefined;
  tokens.expect(')');
  if (name === 'attribute_exists') return (scope) => valueAt(path, scope) !== undefined;
  if (name === 'attribute_not_exists') return (scope) => valueAt(path, scope) === undefined;
  if (operand === undefined) throw new InvalidRequestError(`${name} takes two operands.`);
  return (scope) => {
    const value = valueAt(path, scope);
    const other = operand(scope);
    if (value === undefined || other === undefined) return false;
    if (name === 'attribute_type') return typeOf(value) === other.S;
    if (name === 'begins_with') return value.S !== undefined && other.S !== undefined && value.S.startsWith(other.S);
    if (value.S !== undefined) return other.S !== undefined && value.S.includes(other.S);
    if (value.SS !== undefined) return other.S !== undefined && value.SS.includes(other.S);
    return value.L?.some((each) => equals(each, other)) ?? false;
  };
}

const ORDERS: Readonly<Record<string, (order: number) => boolean>> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

function parseComparison(tokens: Tokens, used: Used): Test {
  const left = parseOperand(tokens, used);
  if (tokens.take('BETWEEN')) return parseBetween(left, tokens, used);
  if (tokens.take('IN')) return parseIn(left, tokens, used);
  const sign = tokens.next();
  const right = parseOperand(tokens, used);
  if (sign === '=' || sign === '<>') {
    const wanted = sign === '=';
    return (scope) => {
      const [a, b] = [left(scope), right(scope)];
      // What is not there equals nothing, and differs from everything.
      return (a !== undefined && b !== undefined && equals(a, b)) === wanted;
    };
  }
  const holds = ORDERS[sign];
  if (holds === undefined) throw new InvalidRequestError(`"${sign}" is no comparison.`);
  return (scope) => {
    const [a, b] = [left(scope), right(scope)];
    const order = a && b && compare(a, b);
    return order !== undefined && holds(order);
  };
}

function parseBetween(operand: Operand, tokens: Tokens, used: Used): Test {
  const low = parseOperand(tokens, used);
  tokens.expect('AND');
  const high = parseOperand(tokens, used);
  return (scope) => {
    const [value, from, to] = [operand(scope), low(scope), high(scope)];
    if (value === undefined || from === undefined || to === undefined) return false;
    const [above, below] = [compare(from, value), compare(value, to)];
    return above !== undefined && below !== undefined && above <= 0 && below <= 0;
  };
}

function parseIn(operand: Operand, tokens: Tokens, used: Used): Test {
  tokens.expect('(');
  const choices = [parseValue(tokens, used)];
  while (tokens.take(',')) choices.push(parseValue(tokens, used));
  tokens.expect(')');
  return (scope) => {
    const value = operand(scope);
    return value !== undefined && choices.some((choice) => equals(value, choice(scope) as typeof value));
  };
}
