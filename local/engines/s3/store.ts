import { randomUUID } from 'node:crypto';
import { mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface StoredObject {
  readonly bucket: string;
  readonly key: string;
  readonly file: string;
  /** Bytes. */
  readonly size: number;
  /** Without the quotes that HTTP puts around it. */
  readonly etag: string;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
  /** Response headers kept with the object: content type, user metadata, checksums... */
  readonly headers: Readonly<Record<string, string>>;
  /** Where its bucket keeps versions. */
  readonly version?: string;
}

/** One of the versions of a key, or a mark that it was deleted. */
export interface StoredVersion extends StoredObject {
  readonly version: string;
  readonly isDeleteMarker: boolean;
  readonly isLatest: boolean;
  /** Until when it may not be deleted, in milliseconds since 1970. */
  readonly lockedUntil: number;
}

export interface Upload {
  readonly id: string;
  readonly bucket: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Part {
  readonly number: number;
  readonly file: string;
  readonly size: number;
  /** Hexadecimal, which is also the part's ETag. */
  readonly md5: string;
}

export type ObjectStore = ReturnType<typeof openObjectStore>;

/**
 * Keeps bodies as files and everything else in an index. A body is written to a file of its own first and becomes an
 * object when its row is written, so that a reader sees the old object or the new one whole, also after a crash.
 * Every method is synchronous: what one does cannot be interrupted by another request.
 */
export function openObjectStore(directory: string) {
  const bodies = join(directory, 'bodies');
  mkdirSync(bodies, { recursive: true });
  const index = new DatabaseSync(join(directory, 'index.db'));
  index.exec(schema);
  const select = index.prepare('SELECT * FROM objects WHERE bucket = ? AND key = ?');
  const selectNext = index.prepare(
    'SELECT * FROM objects WHERE bucket = ? AND key > ? AND key >= ? ORDER BY key LIMIT 1',
  );
  const upsert = index.prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)');
  const remove = index.prepare('DELETE FROM objects WHERE bucket = ? AND key = ?');
  const insertUpload = index.prepare('INSERT INTO uploads VALUES (?, ?, ?, ?)');
  const selectUpload = index.prepare('SELECT * FROM uploads WHERE id = ?');
  const insertVersion = index.prepare('INSERT INTO versions VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const selectVersions = index.prepare('SELECT * FROM versions WHERE bucket = ? AND key = ? ORDER BY sequence DESC');
  const selectNextKey = index.prepare(
    'SELECT key FROM versions WHERE bucket = ? AND key > ? AND key >= ? ORDER BY key LIMIT 1',
  );
  const deleteVersion = index.prepare('DELETE FROM versions WHERE bucket = ? AND key = ? AND version = ?');
  const deleteUpload = index.prepare('DELETE FROM uploads WHERE id = ?');
  const selectParts = index.prepare('SELECT number, file, size, md5 FROM parts WHERE upload = ? ORDER BY number');
  const upsertPart = index.prepare('INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?)');

  function discard(file: string): void {
    rmSync(file, { force: true });
  }

  function find(bucket: string, key: string): StoredObject | undefined {
    return readObject(select.get(bucket, key));
  }

  /** Newest first; none where the bucket keeps no versions. */
  function versionsOf(bucket: string, key: string): StoredVersion[] {
    return selectVersions.all(bucket, key).map((row, position) => ({
      ...(readObject(row) as StoredVersion),
      isDeleteMarker: row.isDeleteMarker === 1,
      isLatest: position === 0,
    }));
  }

  function addVersion(object: StoredObject, version: string, isDeleteMarker: boolean, lockedUntil: number): void {
    const { bucket, key, file, size, etag, modifiedAt, headers } = object;
    const rest = [JSON.stringify(headers), version, isDeleteMarker ? 1 : 0, lockedUntil] as const;
    insertVersion.run(bucket, key, basename(file), size, etag, modifiedAt, ...rest);
  }

  /** Has the key show its latest version, or nothing where that is a delete marker. */
  function showLatest(bucket: string, key: string): void {
    const [latest] = versionsOf(bucket, key);
    if (latest === undefined || latest.isDeleteMarker) remove.run(bucket, key);
    else show(latest);
  }

  function show({ bucket, key, file, size, etag, modifiedAt, headers }: StoredObject): void {
    upsert.run(bucket, key, basename(file), size, etag, modifiedAt, JSON.stringify(headers));
  }

  /** Rows hold file names alone, so that the directory can be moved. */
  function readObject(row: Record<string, unknown> | undefined): StoredObject | undefined {
    if (row === undefined) return undefined;
    const file = join(bodies, String(row.file));
    return { ...row, file, headers: JSON.parse(String(row.headers)) } as unknown as StoredObject;
  }

  function findUpload(id: string): Upload | undefined {
    const row = selectUpload.get(id);
    return row && ({ ...row, headers: JSON.parse(String(row.headers)) } as unknown as Upload);
  }

  function partsOf(uploadId: string): Part[] {
    return selectParts
      .all(uploadId)
      .map((row) => ({ ...row, file: join(bodies, String(row.file)) }) as unknown as Part);
  }

  /**
   * Makes the object visible in place of the one that has its key.
   * @param assertMayReplace is shown the existing object and throws when the request's conditions do not hold.
   */
  function put(object: StoredObject, assertMayReplace: (existing: StoredObject | undefined) => void): void {
    const existing = find(object.bucket, object.key);
    assertMayReplace(existing);
    show(object);
    if (existing !== undefined) discard(existing.file);
  }

  /** The same where every version is kept. @param lockedUntil until when it may not be deleted. */
  function putVersion(
    object: StoredObject,
    version: string,
    lockedUntil: number,
    assertMayReplace: (existing: StoredObject | undefined) => void,
  ): void {
    assertMayReplace(find(object.bucket, object.key));
    inOneStep(() => {
      addVersion(object, version, false, lockedUntil);
      show(object);
    });
  }

  /** Hides the object behind a delete marker; its versions stay. */
  function hide({ bucket, key }: Pick<StoredObject, 'bucket' | 'key'>, version: string, at: number): void {
    const marker = { bucket, key, file: '', size: 0, etag: '', modifiedAt: at, headers: {} };
    inOneStep(() => {
      addVersion(marker, version, true, 0);
      remove.run(bucket, key);
    });
  }

  /** Deletes one version, or one delete marker, for good. */
  function removeVersion({ bucket, key, version, file, isDeleteMarker }: StoredVersion): void {
    inOneStep(() => {
      deleteVersion.run(bucket, key, version);
      showLatest(bucket, key);
    });
    if (!isDeleteMarker) discard(file);
  }

  function inOneStep(change: () => void): void {
    index.exec('BEGIN');
    try {
      change();
      index.exec('COMMIT');
    } catch (error) {
      index.exec('ROLLBACK');
      throw error;
    }
  }

  function removeUpload(id: string): void {
    const parts = partsOf(id);
    deleteUpload.run(id);
    for (const part of parts) discard(part.file);
  }

  /** A put or an upload that a crash cut short leaves a body that no row names. */
  function discardOrphans(): void {
    const named = index
      .prepare('SELECT file FROM objects UNION SELECT file FROM versions UNION SELECT file FROM parts')
      .all();
    const files = new Set(named.map(({ file }) => file));
    for (const name of readdirSync(bodies)) {
      if (!files.has(name)) discard(join(bodies, name));
    }
  }

  discardOrphans();
  return {
    /** A path for a body that belongs to no object yet. */
    newFile: () => join(bodies, randomUUID()),
    discard,
    find,
    put,
    putVersion,
    versionsOf,
    hide,
    removeVersion,
    /** The first key with versions after `after` (exclusive) that is not before `prefix`. */
    findNextVersioned: (bucket: string, after: string, prefix: string) =>
      selectNextKey.get(bucket, after, prefix)?.key as string | undefined,
    /** The first object after `after` (exclusive) whose key is not before `prefix`, in the order of UTF-8 bytes. */
    findNext: (bucket: string, after: string, prefix: string) => readObject(selectNext.get(bucket, after, prefix)),
    /** Opens the body at once, so that it can be read to its end even if the object is replaced meanwhile. */
    openBody: ({ file }: StoredObject) => openSync(file, 'r'),
    remove(bucket: string, key: string): void {
      const existing = find(bucket, key);
      remove.run(bucket, key);
      if (existing !== undefined) discard(existing.file);
    },
    addUpload: ({ id, bucket, key, headers }: Upload) => insertUpload.run(id, bucket, key, JSON.stringify(headers)),
    findUpload,
    removeUpload,
    partsOf,
    putPart(uploadId: string, { number, file, size, md5 }: Part): void {
      const existing = partsOf(uploadId).find((part) => part.number === number);
      upsertPart.run(uploadId, number, basename(file), size, md5);
      if (existing !== undefined) discard(existing.file);
    },
    close: () => index.close(),
  };
}

/** Text keys compare by their bytes, which is the order in which S3 lists them. */
const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA foreign_keys = ON;
  CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key TEXT NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    modifiedAt INTEGER NOT NULL, headers TEXT NOT NULL, PRIMARY KEY (bucket, key)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS versions (
    sequence INTEGER PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL,
    etag TEXT NOT NULL, modifiedAt INTEGER NOT NULL, headers TEXT NOT NULL, version TEXT NOT NULL,
    isDeleteMarker INTEGER NOT NULL, lockedUntil INTEGER NOT NULL
  );
  CREATE INDEX IF NOT EXISTS versionsOfKey ON versions (bucket, key, sequence);
  CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, headers TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS parts (
    upload TEXT NOT NULL REFERENCES uploads ON DELETE CASCADE, number INTEGER NOT NULL, file TEXT NOT NULL,
    size INTEGER NOT NULL, md5 TEXT NOT NULL, PRIMARY KEY (upload, number)
  ) WITHOUT ROWID;
`;
