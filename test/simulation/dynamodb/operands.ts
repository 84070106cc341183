import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Tokens } from './tokens.ts';
import { InvalidRequestError, type Item, sizeOf } from './values.ts';

/** What an expression is evaluated with. */
export interface Scope {
  readonly item: Item;
  readonly names: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, AttributeValue>>;
}

/** Placeholders that an expression uses: DynamoDB refuses those that no expression of a request does. */
export type Used = Set<string>;

/** A name, a placeholder of one, or a place in a list. */
export type Path = readonly (string | number)[];

export type Operand = (scope: Scope) => AttributeValue | undefined;

export function parsePath(tokens: Tokens, used: Used): Path {
  const path: (string | number)[] = [nameOf(tokens.next(), used)];
  for (;;) {
    if (tokens.take('.')) path.push(nameOf(tokens.next(), used));
    else if (tokens.take('[')) {
      path.push(Number(tokens.next()));
      tokens.expect(']');
    } else return path;
  }
}

function nameOf(token: string, used: Used): string {
  if (token.startsWith('#')) used.add(token);
  else if (!/^[A-Za-z_]/.test(token)) throw new InvalidRequestError(`"${token}" is no name.`);
  return token;
}

export function resolveName(name: string, names: Scope['names']): string {
  if (!name.startsWith('#')) return name;
  const resolved = names[name];
  if (resolved === undefined) throw new InvalidRequestError(`An expression uses ${name}, which is not given.`);
  return resolved;
}

export function valueAt(path: Path, { item, names }: Pick<Scope, 'item' | 'names'>): AttributeValue | undefined {
  let value: AttributeValue | undefined = item[resolveName(String(path[0]), names)];
  for (let index = 1; index < path.length && value !== undefined; index += 1) {
    const step = path[index];
    value = typeof step === 'number' ? value.L?.[step] : value.M?.[resolveName(String(step), names)];
  }
  return value;
}

/** A path, a value, or the size of what is at a path. */
export function parseOperand(tokens: Tokens, used: Used): Operand {
  const token = tokens.peek() ?? '';
  if (token.startsWith(':')) return parseValue(tokens, used);
  const path = parsePath(tokens, used);
  if (path.length === 1 && path[0] === 'size' && tokens.take('(')) {
    const measured = parsePath(tokens, used);
    tokens.expect(')');
    return (scope) => {
      const value = valueAt(measured, scope);
      const size = value && sizeOf(value);
      return size === undefined ? undefined : { N: size.toString() };
    };
  }
  return (scope) => valueAt(path, scope);
}

export function parseValue(tokens: Tokens, used: Used): Operand {
  const token = tokens.next();
  if (!token.startsWith(':')) throw new InvalidRequestError(`"${token}" is no value.`);
  used.add(token);
  return ({ values }) => {
    const value = values[token];
    if (value === undefined) throw new InvalidRequestError(`An expression uses ${token}, which is not given.`);
    return value;
  };
}
