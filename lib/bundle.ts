import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Stack, Stage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { buildSync } from 'esbuild';

/**
 * The code of functions, each bundled whole into one `index.mjs`. Where the context says not to bundle
 * (`aws:cdk:bundling-stacks`), a line that stands in for it.
 *
 * @param names paths below functions/ without `.ts`.
 * @throws MissingFunction when one of them has no file.
 */
export function codeOfFunctions<Name extends string>(scope: Construct, names: readonly Name[]): (name: Name) => Code {
  if (!Stack.of(scope).bundlingRequired) return () => Code.fromInline('// The code was left out of this synthesis.');

  const outdir = Stage.of(scope)?.assetOutdir ?? 'cdk.out';
  const sourceMaps = scope.node.tryGetContext(SOURCE_MAPS_CONTEXT) !== false;
  const directories = bundle(join(import.meta.dirname, '..', 'functions'), names, outdir, { sourceMaps });
  return (name) => Code.fromAsset(directoryOf(directories, name));
}

/** Set to false where nobody will read them: they take as long as everything else. */
export const SOURCE_MAPS_CONTEXT = 'reckoner:source-maps';

const CREDENTIALS = join(import.meta.dirname, '..', 'functions', 'runtime', 'credentials.ts');

/**
 * Bundles functions in one go: to `<outdir>/functions/<name>/index.mjs`, and their source maps to
 * `<outdir>/source-maps/<name>.mjs.map`. The same code gives the same bytes, so an unchanged function is not deployed
 * again; source maps hold comments too and are therefore kept out of what is deployed.
 *
 * @param root the directory that the names are relative to.
 * @returns the directory of each function.
 * @throws MissingFunction when a name has no file.
 */
export function bundle(
  root: string,
  names: readonly string[],
  outdir: string,
  { sourceMaps = true } = {},
): Map<string, string> {
  const missing = names.filter((name) => !existsSync(join(root, `${name}.ts`)));
  if (missing.length > 0) {
    const files = missing.map((name) => `${basename(root)}/${name}.ts`).join(', ');
    throw new MissingFunction(
      `lib/functions.ts names functions that do not exist: ${files}. Write them or take them out of its table.`,
    );
  }

  const { outputFiles, metafile } = buildSync({
    absWorkingDir: root,
    entryPoints: names.map((name) => `${name}.ts`),
    outbase: root,
    outdir: root,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // ES modules first: they lose what is not used, and are a fifth smaller for it.
    mainFields: ['module', 'main'],
    // Lambda's credentials are always in the environment; the SDK's other providers stay out of the bundle.
    alias: { '@aws-sdk/credential-provider-node': CREDENTIALS },
    legalComments: 'none',
    sourcemap: sourceMaps && 'external',
    // CommonJS parts of bundled libraries call `require`, which ES modules do not have.
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
    },
    write: false,
    metafile: true,
    logLevel: 'error',
  });

  const directories = new Map<string, string>();
  for (const name of names) {
    const built = join(root, `${name}.mjs`);
    for (const file of outputFiles) {
      if (file.path === built) {
        directories.set(name, join(outdir, 'functions', name));
        write(join(outdir, 'functions', name, 'index.mjs'), file.contents);
        copyFilesOf(Object.keys(metafile.outputs[`${name}.mjs`]?.inputs ?? {}), join(outdir, 'functions', name));
      } else if (file.path === `${built}.map`) {
        write(join(outdir, 'source-maps', `${name}.mjs.map`), file.contents);
      }
    }
  }
  return directories;
}

export class MissingFunction extends Error {
  override name = 'MissingFunction';
}

/** Modules that read files of their own, and the folder of these beside each. They find it beside the bundle too. */
const FILES_OF_MODULES: readonly (readonly [module: string, folder: string])[] = [['config/notices.ts', 'notices']];

function copyFilesOf(modules: readonly string[], directory: string): void {
  for (const [module, folder] of FILES_OF_MODULES) {
    const found = modules.find((path) => path.endsWith(module));
    if (found === undefined) continue;
    const source = join(import.meta.dirname, '..', dirname(module), folder);
    cpSync(source, join(directory, folder), { recursive: true });
  }
}

function directoryOf(directories: Map<string, string>, name: string): string {
  const directory = directories.get(name);
  if (directory === undefined) throw new MissingFunction(`The function "${name}" was not among those bundled.`);
  return directory;
}

function write(path: string, contents: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, contents);
}
