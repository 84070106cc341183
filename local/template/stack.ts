import type { Place, Resource } from '../resources.ts';
import type { RawResource, RawStack } from './assembly.ts';
import { type Identity, identify } from './identities.ts';
import { NO_VALUE, resolveValue, type Scope, TemplateError } from './intrinsics.ts';

/** One stack of an assembly, whose values are resolved as they are asked for. */
export interface Stack {
  readonly name: string;
  output(name: string): unknown;
  exported(exportName: string): unknown;
  /** Outputs for people: those by which the CDK ties stacks together are left out. */
  publicOutputs(): Readonly<Record<string, string>>;
  resources(): readonly PlacedResource[];
}

export interface PlacedResource {
  readonly resource: Resource;
  readonly raw: RawResource;
  /** The assembly's directory; asset paths are relative to it. */
  readonly directory: string;
}

/** What a stack may ask of the others. */
export interface Neighbours {
  output(stack: string, output: string): unknown;
  exported(exportName: string): unknown;
}

export interface StackOptions {
  readonly place: Place;
  /** Where this cloud's AWS endpoint listens, such as `http://127.0.0.1:4566`. */
  readonly endpointUrl: string;
  /** Where an HTTP API of the template listens. */
  readonly apiUrl: (stack: string, logicalId: string) => string;
}

/** How the CDK begins the names of outputs that it makes for references between stacks. */
const REFERENCE_PREFIX = 'ExportsOutput';

export function createStack(raw: RawStack, neighbours: Neighbours, options: StackOptions): Stack {
  const { name, template, directory } = raw;
  const scope = createScope(raw, neighbours, options);
  const outputs = Object.entries(template.Outputs ?? {});
  const isMade = ({ Condition }: { readonly Condition?: string }) =>
    Condition === undefined || scope.condition(Condition);

  function output(id: string): unknown {
    const found = template.Outputs?.[id];
    return found === undefined ? undefined : resolveValue(found.Value, scope, `stack ${name}, output ${id}`);
  }

  return {
    name,
    output,
    exported(exportName) {
      const found = outputs.find(
        ([id, { Export }]) =>
          Export !== undefined && resolveValue(Export.Name, scope, `stack ${name}, output ${id}`) === exportName,
      );
      return found === undefined ? undefined : output(found[0]);
    },
    publicOutputs() {
      const shown = outputs.filter(([id, one]) => !id.startsWith(REFERENCE_PREFIX) && isMade(one));
      return Object.fromEntries(shown.map(([id]) => [id, String(output(id))]));
    },
    resources() {
      const made = Object.entries(template.Resources ?? {}).filter(([, one]) => isMade(one));
      return made.map(([logicalId, one]) => {
        const { physicalId, arn } = scope.identityOf(logicalId);
        const properties = resolveValue(one.Properties ?? {}, scope, placeOf(name, logicalId));
        const resource = { stack: name, logicalId, type: one.Type, physicalId, arn };
        return { resource: { ...resource, properties: properties as Record<string, unknown> }, raw: one, directory };
      });
    },
  };
}

interface StackScope extends Scope {
  identityOf(logicalId: string): Identity;
}

function createScope({ name, template }: RawStack, neighbours: Neighbours, options: StackOptions): StackScope {
  const pseudo = pseudoParameters(name, options.place);
  const identityOf = createIdentities({ name, template }, options, () => scope);
  const scope: StackScope = {
    identityOf,
    ref(id) {
      if (Object.hasOwn(pseudo, id)) return pseudo[id];
      const parameter = template.Parameters?.[id];
      if (parameter === undefined) return identityOf(id).physicalId;
      if (parameter.Default !== undefined) return parameter.Default;
      throw new TemplateError(`In stack ${name}: parameter ${id} has no default, and the local cloud asks for none.`);
    },
    attribute(logicalId, attribute) {
      const value = identityOf(logicalId).attributes[attribute];
      if (value !== undefined) return value;
      const what = `the attribute ${attribute} of ${template.Resources?.[logicalId]?.Type}`;
      throw new TemplateError(`In ${placeOf(name, logicalId)}: the local cloud does not know ${what}.`);
    },
    importValue(exportName) {
      const value = neighbours.exported(exportName);
      if (value !== undefined) return value;
      throw new TemplateError(`Stack ${name} imports ${exportName}, which no stack exports.`);
    },
    stackOutput(stack, output) {
      const value = neighbours.output(stack, output);
      if (value !== undefined) return value;
      throw new TemplateError(`Stack ${name} reads output ${output} of ${stack}, which does not exist.`);
    },
    condition(id) {
      const condition = template.Conditions?.[id];
      if (condition === undefined) throw new TemplateError(`Stack ${name} has no condition ${id}.`);
      return resolveValue(condition, scope, `stack ${name}, condition ${id}`) === true;
    },
    mapping(map, first, second) {
      const value = template.Mappings?.[map]?.[first]?.[second];
      if (value !== undefined) return value;
      throw new TemplateError(`Stack ${name} has no mapping ${map}.${first}.${second}.`);
    },
  };
  return scope;
}

/** Identities are made when they are first asked for: a name in the template may itself refer to other resources. */
function createIdentities(
  { name, template }: Pick<RawStack, 'name' | 'template'>,
  options: StackOptions,
  scope: () => Scope,
): (logicalId: string) => Identity {
  const known = new Map<string, Identity | 'in the making'>();
  return (logicalId) => {
    const made = known.get(logicalId);
    const where = placeOf(name, logicalId);
    if (made === 'in the making') throw new TemplateError(`In ${where}: its own name depends on itself.`);
    if (made !== undefined) return made;

    const raw = template.Resources?.[logicalId];
    if (raw === undefined) throw new TemplateError(`Stack ${name} refers to ${logicalId}, which it does not define.`);
    known.set(logicalId, 'in the making');
    const property = (key: string) => {
      const value = raw.Properties?.[key] === undefined ? NO_VALUE : resolveValue(raw.Properties[key], scope(), where);
      return value === NO_VALUE ? undefined : String(value);
    };
    const identity = identify({ ...options, type: raw.Type, stack: name, logicalId, property });
    if (identity === undefined) {
      throw new TemplateError(`In ${where}: the local cloud does not know the resource type ${raw.Type}.`);
    }
    known.set(logicalId, identity);
    return identity;
  };
}

function placeOf(stack: string, logicalId: string): string {
  return `stack ${stack}, resource ${logicalId}`;
}

function pseudoParameters(stack: string, { accountId, region }: Place): Record<string, unknown> {
  return {
    'AWS::AccountId': accountId,
    'AWS::Region': region,
    'AWS::Partition': 'aws',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': stack,
    'AWS::StackId': `arn:aws:cloudformation:${region}:${accountId}:stack/${stack}/local`,
    'AWS::NotificationARNs': [],
    'AWS::NoValue': NO_VALUE,
  };
}
