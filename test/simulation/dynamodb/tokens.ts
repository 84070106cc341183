import { InvalidRequestError } from './values.ts';

/** Words, placeholders, numbers and signs of an expression. */
const TOKEN = /\s*(?:([:#]?[A-Za-z_][A-Za-z0-9_]*|[:#][0-9A-Za-z_]+|[0-9]+)|(<>|<=|>=|[=<>()[\].,+-]))/y;

/** The tokens of an expression, read one after the other. */
export interface Tokens {
  readonly peek: () => string | undefined;
  readonly next: () => string;
  /** Takes the next token if it is this one; keywords in any case. */
  readonly take: (token: string) => boolean;
  readonly expect: (token: string) => void;
}

export function readTokens(expression: string): Tokens {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < expression.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(expression);
    if (match === null) throw new InvalidRequestError(`Syntax error at ${at} of: ${expression}`);
    tokens.push(match[1] ?? match[2] ?? '');
  }
  let index = 0;
  const is = (token: string) => tokens[index]?.toUpperCase() === token.toUpperCase();
  return {
    peek: () => tokens[index],
    next() {
      const token = tokens[index];
      if (token === undefined) throw new InvalidRequestError(`The expression ends too early: ${expression}`);
      index += 1;
      return token;
    },
    take(token) {
      if (!is(token)) return false;
      index += 1;
      return true;
    },
    expect(token) {
      if (!is(token)) throw new InvalidRequestError(`"${token}" is missing in: ${expression}`);
      index += 1;
    },
  };
}
