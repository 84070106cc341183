import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface WrittenStack {
  readonly template: object;
  readonly dependencies?: readonly string[];
  /** Contents of asset files by path inside the assembly; the S3 key is the path's last part. */
  readonly assets?: Readonly<Record<string, string>>;
}

/** Writes a cloud assembly by hand, as `cdk synth` would. Files of a bundle share their first folder, which is the asset. */
export function writeAssembly(stacks: Readonly<Record<string, WrittenStack>>): { directory: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'assembly-'));
  const artifacts: Record<string, object> = {};
  for (const [name, { template, dependencies = [], assets = {} }] of Object.entries(stacks)) {
    const files: Record<string, object> = {};
    for (const [path, content] of Object.entries(assets)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), content);
      const [root = path] = path.split('/');
      files[root] = { source: { path: root }, destinations: { here: { bucketName: 'assets', objectKey: root } } };
    }
    writeJson(join(directory, `${name}.template.json`), template);
    writeJson(join(directory, `${name}.assets.json`), { files });
    artifacts[`${name}.assets`] = { type: 'cdk:asset-manifest', properties: { file: `${name}.assets.json` } };
    artifacts[name] = {
      type: 'aws:cloudformation:stack',
      environment: 'aws://unknown-account/unknown-region',
      properties: { templateFile: `${name}.template.json` },
      dependencies: [...dependencies, `${name}.assets`],
    };
  }
  writeJson(join(directory, 'manifest.json'), { version: '55.0.0', artifacts });
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

function writeJson(path: string, content: object): void {
  writeFileSync(path, JSON.stringify(content));
}
