import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { TemplateError } from './intrinsics.ts';

/** A CloudFormation template as synthesis wrote it, with intrinsic functions unresolved. */
export interface RawTemplate {
  readonly Resources?: Readonly<Record<string, RawResource>>;
  readonly Outputs?: Readonly<Record<string, RawOutput>>;
  readonly Parameters?: Readonly<Record<string, { readonly Default?: unknown }>>;
  readonly Conditions?: Readonly<Record<string, unknown>>;
  readonly Mappings?: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
}

export interface RawResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly Metadata?: Readonly<Record<string, unknown>>;
  readonly Condition?: string;
}

export interface RawOutput {
  readonly Value: unknown;
  readonly Condition?: string;
  readonly Export?: { readonly Name: unknown };
}

export interface RawStack {
  readonly name: string;
  readonly template: RawTemplate;
  /** The directory that holds the template; asset paths are relative to it. */
  readonly directory: string;
}

/** What `cdk synth` wrote: stacks in the order in which they would be deployed, and where their assets lie. */
export interface Assembly {
  readonly stacks: readonly RawStack[];
  /** Absolute paths by the S3 key that the template would fetch the asset from. */
  readonly assets: ReadonlyMap<string, string>;
  /** Account and region that the stacks are bound to; undefined where they are left open. */
  readonly accountId: string | undefined;
  readonly region: string | undefined;
}

interface Manifest {
  readonly artifacts?: Readonly<Record<string, Artifact>>;
}

interface Artifact {
  readonly type: string;
  readonly environment?: string;
  readonly dependencies?: readonly string[];
  readonly properties?: {
    readonly templateFile?: string;
    readonly stackName?: string;
    readonly file?: string;
    readonly directoryName?: string;
  };
}

interface AssetManifest {
  readonly files?: Readonly<
    Record<
      string,
      {
        readonly source: { readonly path?: string };
        readonly destinations: Readonly<Record<string, { readonly objectKey: string }>>;
      }
    >
  >;
}

/**
 * Reads a cloud assembly (`cdk.out`), including those of the stages nested in it.
 *
 * @throws TemplateError when the directory holds no assembly
 */
export function readAssembly(directory: string): Assembly {
  const root = resolve(directory);
  if (!existsSync(join(root, 'manifest.json'))) {
    throw new TemplateError(
      `${root} holds no synthesized assembly (manifest.json is missing): run "npm run synth" first.`,
    );
  }
  const manifest = readJson<Manifest>(join(root, 'manifest.json'));
  const stacks: RawStack[] = [];
  const assets = new Map<string, string>();
  let environment: readonly string[] = [];

  for (const [id, artifact] of inDependencyOrder(manifest.artifacts ?? {})) {
    const { templateFile, stackName, file, directoryName } = artifact.properties ?? {};
    if (artifact.type === 'aws:cloudformation:stack' && templateFile !== undefined) {
      stacks.push({ name: stackName ?? id, template: readJson(join(root, templateFile)), directory: root });
      environment = artifact.environment?.replace('aws://', '').split('/') ?? environment;
    } else if (artifact.type === 'cdk:asset-manifest' && file !== undefined) {
      collectAssets(root, readJson(join(root, file)), assets);
    } else if (artifact.type === 'cdk:cloud-assembly' && directoryName !== undefined) {
      const nested = readAssembly(join(root, directoryName));
      stacks.push(...nested.stacks);
      for (const [key, path] of nested.assets) assets.set(key, path);
    }
  }
  const [accountId, region] = environment.map((part) => (part.startsWith('unknown-') ? undefined : part));
  return { stacks, assets, accountId, region };
}

function collectAssets(root: string, manifest: AssetManifest, assets: Map<string, string>): void {
  for (const { source, destinations } of Object.values(manifest.files ?? {})) {
    if (source.path === undefined) continue;
    for (const { objectKey } of Object.values(destinations)) assets.set(objectKey, resolve(root, source.path));
  }
}

function inDependencyOrder(artifacts: Readonly<Record<string, Artifact>>): [string, Artifact][] {
  const ordered = new Map<string, Artifact>();
  const visiting = new Set<string>();
  const visit = (id: string) => {
    const artifact = artifacts[id];
    if (artifact === undefined || visiting.has(id)) return;
    visiting.add(id);
    for (const dependency of artifact.dependencies ?? []) visit(dependency);
    ordered.set(id, artifact);
  };
  for (const id of Object.keys(artifacts)) visit(id);
  return [...ordered];
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}
