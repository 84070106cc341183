import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, onTestFinished } from 'vitest';
import { boot, type Installation } from '../../bin/boot.ts';
import type { CloudOptions } from '../../local/cloud.ts';

const TEMPLATE = 'reckoner-dev-service.template.json';

export interface Template {
  readonly Resources: Readonly<
    Record<
      string,
      {
        Type: string;
        Properties: {
          PolicyDocument?: { Statement: Statement[] };
          Environment?: { Variables: Record<string, unknown> };
        };
      }
    >
  >;
}
interface Statement {
  Action: string | string[];
}

/** Boots the stacks with one action taken out of one role's policy, until the test is over. */
export async function bootWithout(role: string, action: string): Promise<Installation> {
  return bootWithoutAll([[role, action]]);
}

/** The same for several at once. */
export async function bootWithoutAll(grants: readonly (readonly [role: string, action: string])[]) {
  return bootWith((template) => {
    for (const [role, action] of grants) takeOut(template, role, action);
  });
}

/** Boots the stacks with the template of the service changed, until the test is over. */
export async function bootWith(
  change: (template: Template) => void,
  options: Pick<CloudOptions, 'dataDirectory'> = {},
): Promise<Installation> {
  const directory = await mkdtemp(join(tmpdir(), 'reckoner-less-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await cp(inject('assemblyDirectory'), directory, { recursive: true });
  const template = JSON.parse(await readFile(join(directory, TEMPLATE), 'utf8')) as Template;
  change(template);
  await writeFile(join(directory, TEMPLATE), JSON.stringify(template));
  const installation = await boot({ assemblyDirectory: directory, log: () => undefined, ...options });
  onTestFinished(installation.stop);
  return installation;
}

function takeOut(template: Template, role: string, action: string): void {
  let taken = 0;
  for (const [id, { Type, Properties }] of Object.entries(template.Resources)) {
    if (Type !== 'AWS::IAM::Policy' || !id.startsWith(role)) continue;
    for (const statement of Properties.PolicyDocument?.Statement ?? []) {
      const actions = [statement.Action].flat();
      if (!actions.includes(action)) continue;
      taken += 1;
      const rest = actions.filter((one) => one !== action);
      statement.Action = rest.length > 0 ? rest : 'none:Nothing';
    }
  }
  expect(taken, `${role} has ${action}`).toBe(1);
}
