import { type Artifacts, putText, type Written } from '../../../store/artifacts.ts';
import { JSON_TYPE } from '../reconciliation/parts.ts';

/** Lists files with their digests; written last, so what has a manifest is complete. */
export async function writeManifest(
  artifacts: Artifacts,
  key: string,
  runId: string,
  files: readonly (readonly [name: string, written: Written])[],
): Promise<Written> {
  const listed = files.map(([name, { bytes, sha256 }]) => ({ name, bytes, sha256 }));
  return putText(artifacts, key, JSON_TYPE, JSON.stringify({ runId, files: listed }, undefined, 2));
}
