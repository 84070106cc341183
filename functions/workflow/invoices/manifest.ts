import { type Artifacts, streamText, type Written } from '../../../store/artifacts.ts';
import { JSON_TYPE } from '../reconciliation/parts.ts';

/** Files by their names, as many as there are. */
type Files = Iterable<NamedFile> | AsyncIterable<NamedFile>;
type NamedFile = readonly [name: string, written: Written];

/** Lists files with their digests; written last, so what has a manifest is complete. */
export async function writeManifest(artifacts: Artifacts, key: string, runId: string, files: Files): Promise<Written> {
  return streamText(artifacts, key, JSON_TYPE, manifestText(runId, files));
}

/** JSON with a file on each line. */
async function* manifestText(runId: string, files: Files): AsyncGenerator<string> {
  yield `{"runId": ${JSON.stringify(runId)}, "files": [`;
  let separator = '\n';
  for await (const [name, { bytes, sha256 }] of files) {
    yield `${separator}${JSON.stringify({ name, bytes, sha256 })}`;
    separator = ',\n';
  }
  yield '\n]}\n';
}
