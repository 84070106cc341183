import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import {
  type Operand,
  type Path,
  parsePath,
  parseValue,
  resolveName,
  type Scope,
  type Used,
  valueAt,
} from './operands.ts';
import { readTokens, type Tokens } from './tokens.ts';
import { InvalidRequestError, type Item, numberOf, numberValue } from './values.ts';

export interface Update {
  /** What the item becomes. All that is read is read from the item as it was. */
  readonly apply: (scope: Scope) => Item;
  readonly used: ReadonlySet<string>;
}

/** What is written at a path; left out, what is there is removed. */
interface Action {
  readonly path: Path;
  readonly value?: Operand;
}

const parsed = new Map<string, Update>();

export function updateOf(expression: string): Update {
  let update = parsed.get(expression);
  if (update === undefined) {
    const tokens = readTokens(expression);
    const used: Used = new Set();
    const actions: Action[] = [];
    while (tokens.peek() !== undefined) actions.push(...parseSection(tokens, used));
    update = { apply: (scope) => applyAll(actions, scope), used };
    parsed.set(expression, update);
  }
  return update;
}

function parseSection(tokens: Tokens, used: Used): Action[] {
  const section = tokens.next().toUpperCase();
  const parse = SECTIONS[section];
  if (parse === undefined) throw new InvalidRequestError(`"${section}" is no part of an update.`);
  const actions = [parse(tokens, used)];
  while (tokens.take(',')) actions.push(parse(tokens, used));
  return actions;
}

const SECTIONS: Readonly<Record<string, (tokens: Tokens, used: Used) => Action>> = {
  SET(tokens, used) {
    const path = parsePath(tokens, used);
    tokens.expect('=');
    return { path, value: parseSum(tokens, used) };
  },
  REMOVE: (tokens, used) => ({ path: parsePath(tokens, used) }),
  ADD(tokens, used) {
    const path = parsePath(tokens, used);
    const operand = parseValue(tokens, used);
    return { path, value: (scope) => added(valueAt(path, scope), given(operand, scope)) };
  },
};

function added(before: AttributeValue | undefined, more: AttributeValue): AttributeValue {
  if (before === undefined) return more;
  if (more.N !== undefined) return numberValue(numberOf(before) + numberOf(more));
  if (more.SS === undefined || before.SS === undefined) throw new InvalidRequestError('ADD takes numbers and sets.');
  return { SS: [...new Set([...before.SS, ...more.SS])] };
}

function parseSum(tokens: Tokens, used: Used): Operand {
  const left = parseTerm(tokens, used);
  const sign = tokens.take('+') ? 1n : tokens.take('-') ? -1n : undefined;
  if (sign === undefined) return left;
  const right = parseTerm(tokens, used);
  return (scope) => numberValue(numberOf(given(left, scope)) + sign * numberOf(given(right, scope)));
}

function parseTerm(tokens: Tokens, used: Used): Operand {
  if (tokens.peek()?.startsWith(':')) return parseValue(tokens, used);
  const path = parsePath(tokens, used);
  const called = path.length === 1 && tokens.take('(') ? path[0] : undefined;
  if (called === undefined) return (scope) => valueAt(path, scope);
  if (called === 'if_not_exists') {
    const asked = parsePath(tokens, used);
    tokens.expect(',');
    const otherwise = parseTerm(tokens, used);
    tokens.expect(')');
    return (scope) => valueAt(asked, scope) ?? otherwise(scope);
  }
  if (called !== 'list_append') throw new InvalidRequestError(`There is no function ${called}.`);
  const first = parseTerm(tokens, used);
  tokens.expect(',');
  const second = parseTerm(tokens, used);
  tokens.expect(')');
  return (scope) => ({ L: [...(given(first, scope).L ?? []), ...(given(second, scope).L ?? [])] });
}

function given(operand: Operand, scope: Scope): AttributeValue {
  const value = operand(scope);
  if (value !== undefined) return value;
  throw new InvalidRequestError('The provided expression refers to an attribute that does not exist in the item');
}

function applyAll(actions: readonly Action[], scope: Scope): Item {
  const item: Record<string, AttributeValue> = { ...scope.item };
  for (const { path, value } of actions) {
    const name = resolveName(String(path[0]), scope.names);
    const written = value && given(value, scope);
    const changed = path.length === 1 ? written : changedAt(item[name], path.slice(1), written, scope.names);
    if (changed === undefined) delete item[name];
    else item[name] = changed;
  }
  return item;
}

/** A copy of a map in which what is at a path is changed. Maps on the way must be there. */
function changedAt(
  parent: AttributeValue | undefined,
  [step, ...rest]: Path,
  value: AttributeValue | undefined,
  names: Scope['names'],
): AttributeValue {
  if (parent?.M === undefined || typeof step !== 'string') {
    throw new InvalidRequestError('The document path provided in the update expression is invalid for update');
  }
  const name = resolveName(step, names);
  const map = { ...parent.M };
  const changed = rest.length === 0 ? value : changedAt(map[name], rest, value, names);
  if (changed === undefined) delete map[name];
  else map[name] = changed;
  return { M: map };
}
