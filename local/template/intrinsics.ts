/** What the names in a template stand for, inside one stack. Every lookup throws a TemplateError when the name is unknown. */
export interface Scope {
  ref(name: string): unknown;
  attribute(logicalId: string, attribute: string): unknown;
  importValue(exportName: string): unknown;
  stackOutput(stack: string, output: string): unknown;
  condition(name: string): boolean;
  mapping(map: string, topLevelKey: string, secondLevelKey: string): unknown;
}

/** Something in a template that this cloud cannot give a value to; the message names the stack and the logical id. */
export class TemplateError extends Error {
  override name = 'TemplateError';
}

/** What `Ref: AWS::NoValue` gives: whatever holds it is left out. */
export const NO_VALUE = Symbol('AWS::NoValue');

type Intrinsic = (argument: unknown, context: Context) => unknown;

interface Context {
  readonly scope: Scope;
  /** Names the place in error sentences: `stack Service, resource Fn`. */
  readonly where: string;
}

/**
 * Replaces every intrinsic function inside a value by what it stands for.
 *
 * @param where names the place in error sentences
 * @throws TemplateError for functions that are not understood and names that do not exist
 */
export function resolveValue(value: unknown, scope: Scope, where: string): unknown {
  return resolve(value, { scope, where });
}

function resolve(value: unknown, context: Context): unknown {
  if (typeof value === 'string') return refuseDynamicReference(value, context);
  if (Array.isArray(value)) return value.map((item) => resolve(item, context)).filter((item) => item !== NO_VALUE);
  if (value === null || typeof value !== 'object') return value;

  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first !== undefined && isFunctionName(first[0])) {
    const intrinsic = INTRINSICS[first[0]];
    if (intrinsic === undefined) throw refusal(context, `${first[0]} is not understood by the local cloud`);
    return intrinsic(first[1], context);
  }
  const resolved: [string, unknown][] = entries.map(([key, item]) => [key, resolve(item, context)]);
  return Object.fromEntries(resolved.filter(([, item]) => item !== NO_VALUE));
}

/** `Condition` alone is no function: it is also an ordinary key of policy statements. It counts inside conditions only. */
function isFunctionName(key: string): boolean {
  return key === 'Ref' || key.startsWith('Fn::');
}

const INTRINSICS: Readonly<Record<string, Intrinsic>> = {
  Ref: (name, { scope }) => scope.ref(String(name)),
  'Fn::GetAtt': (argument, { scope }) => {
    const [logicalId, ...attribute] = typeof argument === 'string' ? argument.split('.') : listOf(argument).map(String);
    return scope.attribute(String(logicalId), attribute.join('.'));
  },
  'Fn::Sub': substitute,
  'Fn::Join': (argument, context) => {
    const [delimiter, parts] = listOf(argument);
    return listOf(resolve(parts, context))
      .map((part) => textOf(part, context, 'Fn::Join'))
      .join(String(delimiter));
  },
  'Fn::Select': (argument, context) => {
    const [index, list] = listOf(resolve(argument, context));
    const selected = listOf(list)[Number(index)];
    if (selected === undefined)
      throw refusal(context, `Fn::Select asks for item ${index}, which the list does not have`);
    return selected;
  },
  'Fn::Split': (argument, context) => {
    const [delimiter, text] = listOf(argument);
    return textOf(resolve(text, context), context, 'Fn::Split').split(String(delimiter));
  },
  'Fn::ImportValue': (argument, context) => context.scope.importValue(String(resolve(argument, context))),
  'Fn::GetStackOutput': (argument, context) => {
    const { StackName, OutputName } = resolve(argument, context) as Record<string, unknown>;
    return context.scope.stackOutput(String(StackName), String(OutputName));
  },
  'Fn::FindInMap': (argument, context) => {
    const [map, first, second] = listOf(resolve(argument, context)).map(String);
    return context.scope.mapping(map ?? '', first ?? '', second ?? '');
  },
  'Fn::ToJsonString': (argument, context) => JSON.stringify(resolve(argument, context)),
  'Fn::If': (argument, context) => {
    const [condition, whenTrue, whenFalse] = listOf(argument);
    return resolve(context.scope.condition(String(condition)) ? whenTrue : whenFalse, context);
  },
  'Fn::Equals': (argument, context) => {
    const [left, right] = listOf(resolve(argument, context));
    return String(left) === String(right);
  },
  'Fn::And': (argument, context) => listOf(argument).every((item) => evaluateCondition(item, context)),
  'Fn::Or': (argument, context) => listOf(argument).some((item) => evaluateCondition(item, context)),
  'Fn::Not': (argument, context) => !evaluateCondition(listOf(argument)[0], context),
};

function evaluateCondition(value: unknown, context: Context): boolean {
  if (value !== null && typeof value === 'object' && 'Condition' in value) {
    return context.scope.condition(String(value.Condition));
  }
  return resolve(value, context) === true;
}

/** `Fn::Sub`: `${Name}` and `${LogicalId.Attribute}`; `${!Literal}` stands for `${Literal}`. */
function substitute(argument: unknown, context: Context): string {
  const [text, variables] = typeof argument === 'string' ? [argument, {}] : listOf(argument);
  const values = resolve(variables ?? {}, context) as Record<string, unknown>;
  return String(text).replace(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
    if (literal !== '') return `\${${name}}`;
    if (Object.hasOwn(values, name)) return textOf(values[name], context, 'Fn::Sub');
    const [logicalId = '', ...attribute] = name.split('.');
    const value =
      attribute.length === 0 ? context.scope.ref(logicalId) : context.scope.attribute(logicalId, attribute.join('.'));
    return textOf(value, context, 'Fn::Sub');
  });
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [value];
}

function textOf(value: unknown, context: Context, intrinsic: string): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw refusal(context, `${intrinsic} was given ${JSON.stringify(value)} where it needs text`);
}

function refuseDynamicReference(text: string, context: Context): string {
  if (text.includes('{{resolve:')) {
    throw refusal(context, `the dynamic reference ${text} cannot be resolved by the local cloud`);
  }
  return text;
}

function refusal({ where }: Context, sentence: string): TemplateError {
  return new TemplateError(`In ${where}: ${sentence}.`);
}
