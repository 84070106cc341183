import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Resource } from './resources.ts';
import type { Assembly } from './template/assembly.ts';
import { TemplateError } from './template/intrinsics.ts';
import { createStack, type Neighbours, type PlacedResource, type Stack, type StackOptions } from './template/stack.ts';

export interface Template {
  /** In the order of the stacks' dependencies. */
  readonly resources: readonly Resource[];
  /** By output name; outputs that exist only to tie stacks together are left out. */
  readonly outputs: Readonly<Record<string, string>>;
}

/**
 * Gives every resource of an assembly its physical id and ARN, and every intrinsic function its value.
 *
 * Assets become what they hold: a function's `Code` is `{ Directory }`, the absolute path of its bundle, and a state
 * machine always has its definition, substitutions made, in `DefinitionString`.
 *
 * @throws TemplateError naming the stack and the logical id of what cannot be resolved or is not supported here
 */
export function resolveTemplate(assembly: Assembly, options: StackOptions): Template {
  const stacks: Stack[] = [];
  const neighbours: Neighbours = {
    output: (stack, output) => stacks.find(({ name }) => name === stack)?.output(output),
    exported: (name) => stacks.map((stack) => stack.exported(name)).find((value) => value !== undefined),
  };
  stacks.push(...assembly.stacks.map((stack) => createStack(stack, neighbours, options)));

  const resources = stacks.flatMap((stack) => stack.resources().map((placed) => inlineAssets(placed, assembly)));
  const outputs = Object.assign({}, ...stacks.map((stack) => stack.publicOutputs())) as Record<string, string>;
  return { resources, outputs };
}

function inlineAssets(placed: PlacedResource, assembly: Assembly): Resource {
  const { resource } = placed;
  const { properties } = resource;
  if (resource.type === 'AWS::Lambda::Function') {
    return { ...resource, properties: { ...properties, Code: inlineCode(placed, assembly) } };
  }
  if (resource.type === 'AWS::StepFunctions::StateMachine') {
    return { ...resource, properties: { ...properties, DefinitionString: inlineDefinition(placed, assembly) } };
  }
  return resource;
}

function inlineCode(placed: PlacedResource, assembly: Assembly): unknown {
  const code = placed.resource.properties.Code as { readonly S3Key?: string };
  const assetPath = placed.raw.Metadata?.['aws:asset:path'];
  if (typeof assetPath === 'string') return { Directory: resolve(placed.directory, assetPath) };
  return code.S3Key === undefined ? code : { Directory: assetOf(placed, code.S3Key, assembly) };
}

/** CloudFormation puts substitutions into the text of a definition wherever `${name}` stands. */
function inlineDefinition(placed: PlacedResource, assembly: Assembly): string {
  const { Definition, DefinitionString, DefinitionS3Location, DefinitionSubstitutions } = placed.resource
    .properties as {
    readonly Definition?: unknown;
    readonly DefinitionString?: string;
    readonly DefinitionS3Location?: { readonly Key: string };
    readonly DefinitionSubstitutions?: Readonly<Record<string, unknown>>;
  };
  const text =
    DefinitionS3Location === undefined
      ? (DefinitionString ?? JSON.stringify(Definition))
      : readFileSync(assetOf(placed, DefinitionS3Location.Key, assembly), 'utf8');
  return text.replace(/\$\{([A-Za-z0-9_]+)\}/g, (whole, name: string) =>
    DefinitionSubstitutions !== undefined && Object.hasOwn(DefinitionSubstitutions, name)
      ? String(DefinitionSubstitutions[name])
      : whole,
  );
}

function assetOf({ resource }: PlacedResource, key: string, assembly: Assembly): string {
  const path = assembly.assets.get(key);
  if (path !== undefined) return path;
  throw new TemplateError(
    `In stack ${resource.stack}, resource ${resource.logicalId}: the assembly holds no asset for the S3 key ${key}.`,
  );
}
