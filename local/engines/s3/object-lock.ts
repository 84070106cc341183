import { randomUUID } from 'node:crypto';
import { AwsError, type Resource } from '../../resources.ts';
import type { S3Request } from './requests.ts';
import type { ObjectStore, StoredObject } from './store.ts';

/** What a bucket's default retention says. */
interface Retention {
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE';
  readonly milliseconds: number;
}

const dayMs = 86_400_000;
/** S3 reckons a year of retention as so many days. */
const yearDays = 365;

/** Writes and deletes objects as the Object Lock of their bucket wants it; buckets without one forget what is replaced. */
export function locksOf(resources: readonly Resource[], store: ObjectStore) {
  const retentions = new Map(
    resources
      .filter(({ type, properties }) => type === 'AWS::S3::Bucket' && isTrue(properties.ObjectLockEnabled))
      .map(({ physicalId, properties }) => [physicalId, retentionOf(properties)]),
  );

  return {
    /** @throws AwsError when a bucket that locks what it gets is sent something without a checksum. */
    assertChecked({ bucket, headers }: Pick<S3Request, 'bucket' | 'headers'>): void {
      if (retentions.get(bucket) === undefined) return;
      const names = [...Object.keys(headers), ...(headers['x-amz-trailer'] ?? '').split(',')];
      if (names.some((name) => name === 'content-md5' || /^\s*x-amz-checksum-/.test(name))) return;
      const message =
        'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters';
      throw new AwsError('InvalidRequest', message);
    },

    /** @throws AwsError for a question about versions where none are kept. */
    assertKeepsVersions({ bucket, operation, version }: S3Request): void {
      if (retentions.has(bucket) || (version === undefined && operation !== 'ListObjectVersions')) return;
      throw keepsNoVersions();
    },

    /** Makes the object visible. @returns its version, where versions are kept. */
    put(
      object: StoredObject,
      at: Date,
      assertMayReplace: (existing: StoredObject | undefined) => void,
    ): string | undefined {
      if (!retentions.has(object.bucket)) {
        store.put(object, assertMayReplace);
        return undefined;
      }
      const version = newVersion();
      const lockedUntil = at.getTime() + (retentions.get(object.bucket)?.milliseconds ?? 0);
      store.putVersion(object, version, lockedUntil, assertMayReplace);
      return version;
    },

    /**
     * Deletes the object: where versions are kept, it is hidden by a delete marker unless a version is named.
     * @returns response headers.
     * @throws AwsError `AccessDenied` for a version whose retention is not over.
     */
    remove(
      { bucket, key, version }: Pick<S3Request, 'bucket' | 'key' | 'version'>,
      bypassesGovernance: boolean,
      at: Date,
    ): Record<string, string> {
      if (!retentions.has(bucket)) {
        if (version !== undefined) throw keepsNoVersions();
        store.remove(bucket, key);
        return {};
      }
      if (version === undefined) {
        const marker = newVersion();
        store.hide({ bucket, key }, marker, at.getTime());
        return { 'x-amz-delete-marker': 'true', 'x-amz-version-id': marker };
      }
      const found = store.versionsOf(bucket, key).find((one) => one.version === version);
      const mayBypass = bypassesGovernance && retentions.get(bucket)?.mode === 'GOVERNANCE';
      if (found !== undefined && found.lockedUntil > at.getTime() && !mayBypass) {
        throw new AwsError('AccessDenied', 'Access Denied because object protected by object lock.', 403);
      }
      if (found !== undefined) store.removeVersion(found);
      return { 'x-amz-version-id': version, ...(found?.isDeleteMarker && { 'x-amz-delete-marker': 'true' }) };
    },
  };
}

function keepsNoVersions(): AwsError {
  return new AwsError('NotImplemented', 'The local S3 keeps versions only in buckets with Object Lock.', 501);
}

function newVersion(): string {
  return randomUUID().replaceAll('-', '');
}

/** Undefined for a bucket that locks only what its writers ask to be locked. */
function retentionOf(properties: Resource['properties']): Retention | undefined {
  const configuration = properties.ObjectLockConfiguration as
    | { readonly Rule?: { readonly DefaultRetention?: Readonly<Record<string, unknown>> } }
    | undefined;
  const retention = configuration?.Rule?.DefaultRetention;
  if (retention === undefined) return undefined;
  const days = Number(retention.Days ?? Number(retention.Years ?? 0) * yearDays);
  return { mode: retention.Mode === 'COMPLIANCE' ? 'COMPLIANCE' : 'GOVERNANCE', milliseconds: days * dayMs };
}

/** CloudFormation takes a boolean as text too. */
function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}
