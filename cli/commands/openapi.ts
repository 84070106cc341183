import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { expectOk } from '../failure.ts';
import { print } from '../io.ts';

/** `reckoner openapi`: the service's own OpenAPI document. */
export function addOpenApi(program: Command, { io, connect }: Context): void {
  program
    .command('openapi')
    .summary("print the service's OpenAPI document")
    .description('Prints the OpenAPI document of the service. It needs no key.')
    .action(async (_: unknown, command: Command) => {
      const document = expectOk(await connect(command).getOpenApi({ signal: io.signal }));
      print(io, JSON.stringify(document, undefined, 2));
    });
}
