import type { Installation } from '../../bin/boot.ts';
import { expectOk } from '../../demo/play.ts';

export interface Links {
  /** Of an import that waits for its file. */
  readonly upload: string;
  /** Of the error file of an import that was read. */
  readonly download: string;
}

/** Gets a link of each kind from the API. */
export async function getLinks({ client }: Installation): Promise<Links> {
  const read = expectOk(await client.createImport({ body: { id: 'read', format: 'csv' } })).body;
  await fetch(read.upload?.url ?? '', { method: 'PUT', body: 'not,a,usage,file\n' });
  const waiting = expectOk(await client.createImport({ body: { id: 'waiting', format: 'csv' } })).body;
  for (;;) {
    const { errors } = expectOk(await client.getImport({ params: { importId: 'read' } })).body;
    if (errors !== undefined) return { upload: waiting.upload?.url ?? '', download: errors };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
