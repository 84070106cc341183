import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundle } from '../../lib/bundle.ts';

let directory: string;
let root: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reckoner-bundle-'));
  root = join(directory, 'functions');
  mkdirSync(join(root, 'api'), { recursive: true });
  writeFileSync(join(root, 'greeting.ts'), "export const greeting: string = 'hello';\n");
  writeHandler('');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function writeHandler(comment: string): void {
  writeFileSync(
    join(root, 'api', 'hello.ts'),
    `${comment}import { greeting } from '../greeting.ts';\nexport const handler = async () => greeting;\n`,
  );
}

describe('bundling', () => {
  it('makes one module per function that runs on its own', async () => {
    const built = bundle(root, ['api/hello'], join(directory, 'out')).get('api/hello') ?? '';
    expect(readdirSync(built)).toEqual(['index.mjs']);
    const { handler } = await import(pathToFileURL(join(built, 'index.mjs')).href);
    expect(await handler()).toBe('hello');
  });

  it('keeps source maps beside what is deployed, not in it', () => {
    const built = bundle(root, ['api/hello'], join(directory, 'out')).get('api/hello') ?? '';
    expect(readFileSync(join(built, 'index.mjs'), 'utf8')).not.toContain('sourceMappingURL');
    const map = JSON.parse(readFileSync(join(directory, 'out', 'source-maps', 'api', 'hello.mjs.map'), 'utf8'));
    expect(map.sources).toContainEqual(expect.stringMatching(/greeting\.ts$/));
  });

  it('gives the same bytes for the same code, whatever its comments and wherever it goes', () => {
    const bytes = (out: string) => {
      const built = bundle(root, ['api/hello'], join(directory, out)).get('api/hello') ?? '';
      return readFileSync(join(built, 'index.mjs'), 'utf8');
    };
    const before = bytes('first');
    writeHandler('// Says hello.\n');
    expect(bytes('second')).toBe(before);
  });

  it('puts the files of a module beside the function that reads them, and beside no other', async () => {
    const names = ['workflow/plan-invoices', 'workflow/fail-invoices'] as const;
    const built = bundle(join(import.meta.dirname, '..', '..', 'functions'), names, join(directory, 'out'));
    const [plan = '', fail = ''] = names.map((name) => built.get(name));
    expect(readdirSync(join(plan, 'notices')).sort()).toEqual(['over-charged.txt', 'under-charged.txt']);
    expect(readdirSync(fail)).toEqual(['index.mjs']);
  });

  it('names every function that has no file, at once', () => {
    expect(() => bundle(root, ['api/hello', 'api/absent', 'events/none'], join(directory, 'out'))).toThrow(
      /do not exist: functions\/api\/absent\.ts, functions\/events\/none\.ts/,
    );
  });
});
