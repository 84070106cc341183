import { open } from 'node:fs/promises';
import { InvalidArgumentError } from 'commander';
import type * as z from 'zod';
import type { importMapping, importRequest } from '../contract/schemas/imports.ts';
import { CommandFailedError } from './failure.ts';

export type ImportFormat = z.input<typeof importRequest>['format'];

/** What the service must know of a file before it gets it. */
export interface InspectedFile {
  readonly format: ImportFormat;
  readonly compression: 'none' | 'gzip';
  /** Bytes. */
  readonly size: number;
}

/**
 * Looks at a file: its format by name, its compression by content.
 * @throws CommandFailedError when it cannot be read, is empty, or its format cannot be told.
 */
export async function inspectFile(path: string, format: ImportFormat | undefined): Promise<InspectedFile> {
  const { head, size } = await readHead(path);
  if (size === 0) throw new CommandFailedError(`${path} is empty.`);
  const told = format ?? formatOf(path);
  if (told === undefined) throw new CommandFailedError(`${path}: say with --format whether it is csv or ndjson.`);
  return { format: told, compression: head[0] === 0x1f && head[1] === 0x8b ? 'gzip' : 'none', size };
}

interface MappingOptions {
  readonly map?: Readonly<Record<string, string>>;
  readonly quantity?: Readonly<Record<string, string>>;
  readonly set?: Readonly<Record<string, string>>;
  readonly requestIdPrefix?: string;
}

/** The mapping that the options say; undefined when they say none. Names of fields are checked by the service. */
export function mappingFrom(options: MappingOptions): z.input<typeof importMapping> | undefined {
  const { map, quantity, set, requestIdPrefix } = options;
  const mapping = {
    ...(map !== undefined && { columns: map }),
    ...(quantity !== undefined && { quantities: quantity }),
    ...(set !== undefined && { constants: set }),
    ...(requestIdPrefix !== undefined && { requestIdPrefix }),
  };
  return Object.keys(mapping).length === 0 ? undefined : mapping;
}

/** Collects a repeatable `name=value` option. @throws InvalidArgumentError */
export function pair(text: string, former: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  const [name, value] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1 || value === '') throw new InvalidArgumentError('Write it as name=value.');
  if (Object.hasOwn(former, name)) throw new InvalidArgumentError(`"${name}" is given twice.`);
  return { ...former, [name]: value };
}

async function readHead(path: string): Promise<{ head: Buffer; size: number }> {
  try {
    await using file = await open(path);
    const stat = await file.stat();
    if (!stat.isFile()) throw new Error('it is not a file');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return { head: buffer.subarray(0, bytesRead), size: stat.size };
  } catch (error) {
    throw new CommandFailedError(`${path} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}

function formatOf(path: string): ImportFormat | undefined {
  const [, extension] = /\.(csv|ndjson|jsonl)(\.gz)?$/i.exec(path) ?? [];
  if (extension === undefined) return undefined;
  return extension.toLowerCase() === 'csv' ? 'csv' : 'ndjson';
}
