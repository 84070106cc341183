/** What a request needs: one action on one resource. */
export interface Permission {
  readonly action: string;
  readonly resourceArn: string;
}

/** The template has a policy whose meaning is not known here; booting it would allow or refuse the wrong calls. */
export class PolicyNotUnderstood extends Error {
  override name = 'PolicyNotUnderstood';
}

export type Decision = 'allowed' | 'not allowed' | 'explicitly denied';

/** An explicit deny wins over any allow, as IAM's evaluation logic has it. Notes which grants the call made use of. */
export function decide(
  statements: readonly Statement[],
  { action, resourceArn }: Permission,
  context: Readonly<Record<string, string>>,
): Decision {
  const used: Grant[] = [];
  for (const statement of statements) {
    const covering = statement.grants.filter(
      (grant) => grant.action.matches(action) && grant.resource.matches(resourceArn),
    );
    if (covering.length === 0) continue;
    const holds = conditionsHold(statement.conditions, context);
    if (statement.effect === 'Deny' && holds !== false) return 'explicitly denied';
    if (statement.effect === 'Allow' && holds === true) used.push(...covering);
  }
  for (const grant of used) grant.used = true;
  return used.length > 0 ? 'allowed' : 'not allowed';
}

/** A statement made ready for evaluation. */
export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  /** Every pair of an action pattern and a resource pattern that the statement speaks of. */
  readonly grants: readonly Grant[];
  readonly services: { includes(service: string): boolean };
  readonly conditions: Conditions;
  /** Whether the template's author wrote it, rather than AWS. */
  readonly ownersChoice: boolean;
}

export interface Grant {
  readonly action: Pattern;
  readonly resource: Pattern;
  used: boolean;
}

interface Pattern {
  readonly text: string;
  matches(value: string): boolean;
}

type OneOrMany<T> = T | readonly T[];
type Conditions = Readonly<Record<string, Readonly<Record<string, OneOrMany<string | boolean | number>>>>>;

/** A statement as a policy document has it. */
export interface PolicyStatement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: OneOrMany<string>;
  readonly NotAction?: OneOrMany<string>;
  readonly Resource?: OneOrMany<string>;
  readonly NotResource?: OneOrMany<string>;
  readonly Principal?: '*' | { readonly Service?: OneOrMany<string>; readonly AWS?: OneOrMany<string> };
  readonly NotPrincipal?: unknown;
  readonly Condition?: Conditions;
}

export interface PolicyDocument {
  readonly Statement: OneOrMany<PolicyStatement>;
}

export function readDocument(document: PolicyDocument, owner: string): Statement[] {
  return asList(document.Statement).map((statement) => readStatement(statement, owner));
}

/** @param owner the logical id that errors name. @throws PolicyNotUnderstood for `NotPrincipal`. */
export function readStatement(statement: PolicyStatement, owner: string): Statement {
  if (statement.NotPrincipal !== undefined) {
    throw new PolicyNotUnderstood(`The policy of ${owner} uses NotPrincipal; name the principals instead.`);
  }
  const { Effect, Action = [], NotAction, Resource = '*', NotResource, Principal = {}, Condition = {} } = statement;
  const actions = NotAction
    ? [noneOf(asList(NotAction).map(actionPattern), 'NotAction')]
    : asList(Action).map(actionPattern);
  const patterns = NotResource
    ? [noneOf(asList(NotResource).map(arnPattern), 'NotResource')]
    : asList(Resource).map(arnPattern);
  return {
    effect: Effect,
    grants: actions.flatMap((action) => patterns.map((resource) => ({ action, resource, used: false }))),
    services: isAnyone(Principal) ? { includes: () => true } : asList(Principal.Service ?? []),
    conditions: Condition,
    ownersChoice: true,
  };
}

function isAnyone(principal: NonNullable<PolicyStatement['Principal']>): principal is '*' {
  return principal === '*' || asList(principal.AWS ?? []).includes('*');
}

/** Whether every condition holds; undefined when an operator is not known here, which then never allows anything. */
function conditionsHold(conditions: Conditions, context: Readonly<Record<string, string>>): boolean | undefined {
  let known = true;
  for (const [operator, tests] of Object.entries(conditions)) {
    const [, kind = '', not, verb = '', ifExists] =
      /^(String|Arn|Bool)(Not)?(Equals|Like|)(IfExists)?$/.exec(operator) ?? [];
    const compare = comparisons[kind + verb];
    if (compare === undefined) {
      known = false;
      continue;
    }
    for (const [key, expected] of Object.entries(tests)) {
      const actual = context[key.toLowerCase()];
      const matches = actual !== undefined && asList(expected).some((value) => compare(String(value), actual));
      const holds = actual === undefined && ifExists !== undefined ? true : matches === (not === undefined);
      if (!holds) return false;
    }
  }
  return known ? true : undefined;
}

/** IAM treats `ArnEquals` and `ArnLike` alike. */
const comparisons: Readonly<Record<string, (expected: string, actual: string) => boolean>> = {
  StringEquals: (expected, actual) => expected === actual,
  StringLike: (expected, actual) => new RegExp(`^${wildcardSource(expected, '.')}$`, 's').test(actual),
  ArnEquals: (expected, actual) => arnPattern(expected).matches(actual),
  ArnLike: (expected, actual) => arnPattern(expected).matches(actual),
  Bool: (expected, actual) => expected.toLowerCase() === actual.toLowerCase(),
};

function actionPattern(text: string): Pattern {
  const expression = new RegExp(`^${wildcardSource(text, '.')}$`, 'is');
  return { text, matches: (action) => expression.test(action) };
}

/** In an ARN a wildcard does not reach across a colon, except in the last of the six parts; `*` alone is any ARN. */
function arnPattern(text: string): Pattern {
  const parts = text.split(':');
  const own = parts.slice(0, 5).map((part) => wildcardSource(part, '[^:]'));
  const last = wildcardSource(parts.slice(5).join(':'), '.');
  const expression = text === '*' ? /^/ : new RegExp(`^${[...own, last].join(':')}$`, 's');
  return { text, matches: (arn) => expression.test(arn) };
}

function noneOf(patterns: readonly Pattern[], label: string): Pattern {
  return {
    text: `${label} ${patterns.map(({ text }) => text).join(', ')}`,
    matches: (value) => !patterns.some((pattern) => pattern.matches(value)),
  };
}

/** The regular expression for a text in which `*` stands for any characters and `?` for one. */
function wildcardSource(text: string, anyCharacter: string): string {
  return text
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', `${anyCharacter}*`)
    .replaceAll('?', anyCharacter);
}

function asList<T>(value: OneOrMany<T>): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}
