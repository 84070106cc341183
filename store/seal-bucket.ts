import { GetObjectCommand, ListObjectVersionsCommand, type ListObjectVersionsCommandOutput } from '@aws-sdk/client-s3';
import { inOrder } from '../domain/reconciliation/in-order.ts';
import {
  contentsText,
  type KeptLink,
  linkFrom,
  linkText,
  nextLink,
  SEAL_CHAIN_START,
  type SealContents,
  type SealHead,
  type SealLink,
} from '../domain/seals/chain.ts';
import { ArtifactDiffersError, type Artifacts, getTextIfThere, putOnce, tellingPassing } from './artifacts.ts';
import { sha256 } from './audit.ts';
import { sequenceText } from './tables.ts';

/**
 * Seals in a bucket with Object Lock, where nothing that was written is lost before its time: a delete only hides it, and
 * what is written over it stands beside it. Links have the names of their sequences; contents and pages have those of their
 * digests, so that what does not change from one seal to the next is kept once.
 */
export type SealBucket = Artifacts;

const CHAIN_PREFIX = 'seals/chain/';

function linkKey(sequence: number): string {
  return `${CHAIN_PREFIX}${sequenceText(sequence)}.json`;
}

function contentsKey(digest: string): string {
  return `seals/contents/${digest}.json`;
}

function pageKey(digest: string): string {
  return `seals/pages/${digest}.ndjson`;
}

/** Links read side by side: each is a request of its own, of a few hundred bytes. */
const LINKS_AT_ONCE = 16;

/**
 * All links in their order, each as it was first written, whatever was done to it since. A chain of ten years has 3,650
 * of them, which are read within seconds and for a sixth of a cent.
 */
export async function readSealChain(seals: SealBucket): Promise<KeptLink[]> {
  const found = (await listVersions(seals, CHAIN_PREFIX))
    .map((object) => ({ ...object, sequence: Number(/(\d+)\.json$/.exec(object.key)?.[1]) }))
    .filter(({ sequence, key, versions }) => versions.length > 0 && key === linkKey(sequence))
    .sort((a, b) => a.sequence - b.sequence);
  const kept: KeptLink[] = [];
  const links = inOrder(found, LINKS_AT_ONCE, async ({ key, sequence, versions, isHidden }) => {
    const link = linkFrom(await versionText(seals, key, versions.at(-1)));
    return { sequence, link, isOverwritten: versions.length > 1, isHidden };
  });
  for await (const link of links) kept.push(link);
  return kept;
}

/** Another seal of the same days was made meanwhile; what this one holds was not compared with it. */
export class SealOvertakenError extends Error {
  override name = 'SealOvertakenError';
}

/**
 * Appends a link to the chain, once: a seal of this id that is there already is the answer.
 * @param after the head of the chain that the seal was planned by.
 * @throws SealOvertakenError when one of its days was sealed since.
 */
export async function appendLink(
  seals: SealBucket,
  after: SealHead,
  content: Omit<SealLink, 'sequence' | 'previousHash' | 'hash'>,
): Promise<SealLink> {
  for (;;) {
    const chain = await readSealChain(seals);
    const own = chain.find(({ link }) => link?.id === content.id)?.link;
    if (own !== undefined) return own;
    const later = chain.filter(({ sequence }) => sequence > after.sequence);
    const other = later.find(({ link }) => link?.days.some((day) => content.days.includes(day)));
    if (other !== undefined) {
      const what = `Seal ${other.sequence} was made for one of its days while the seal "${content.id}" was being made.`;
      throw new SealOvertakenError(`${what} Start it again.`);
    }
    const link = nextLink(headOf(later, after), content, sha256);
    try {
      await putOnce(seals, linkKey(link.sequence), 'application/json', linkText(link));
      return link;
    } catch (error) {
      // Somebody else took the sequence: the next one is tried, if that was no seal of the same days.
      if (!(error instanceof ArtifactDiffersError)) throw error;
    }
  }
}

/** The head of a chain. A last link that is none has no hash to go on from. */
export function headOf(kept: readonly KeptLink[], before: SealHead = SEAL_CHAIN_START): SealHead {
  const last = kept.at(-1);
  if (last === undefined) return before;
  return { sequence: last.sequence, hash: last.link?.hash ?? SEAL_CHAIN_START.hash };
}

/** @returns the digest that the contents are found by. */
export async function putContents(seals: SealBucket, contents: SealContents): Promise<string> {
  const text = contentsText(contents);
  const digest = sha256(text);
  await putOnce(seals, contentsKey(digest), 'application/json', text);
  return digest;
}

/** @throws SealedObjectLostError */
export async function readContents(seals: SealBucket, digest: string): Promise<SealContents> {
  return JSON.parse(await textOfDigest(seals, contentsKey(digest), digest)) as SealContents;
}

/** @returns the digest that the page is found by. */
export async function putPage(seals: SealBucket, text: string): Promise<string> {
  const digest = sha256(text);
  await putOnce(seals, pageKey(digest), 'application/x-ndjson', text);
  return digest;
}

/** @throws SealedObjectLostError */
export async function readPage(seals: SealBucket, digest: string): Promise<string> {
  return textOfDigest(seals, pageKey(digest), digest);
}

/** What was sealed is nowhere to be found, which the lock of the bucket should not have allowed. */
export class SealedObjectLostError extends Error {
  override name = 'SealedObjectLostError';
}

/** An object by its digest, from whichever of its versions has it: one that was hidden or written over is still there. */
async function textOfDigest(seals: SealBucket, key: string, digest: string): Promise<string> {
  const latest = await getTextIfThere(seals, key);
  if (latest !== undefined && sha256(latest) === digest) return latest;
  for (const { versions } of (await listVersions(seals, key)).filter((object) => object.key === key)) {
    for (const version of versions) {
      const text = await versionText(seals, key, version);
      if (sha256(text) === digest) return text;
    }
  }
  throw new SealedObjectLostError(`${key} is in no version what its name says; look at who could delete it.`);
}

async function versionText(seals: SealBucket, key: string, version: string | undefined): Promise<string> {
  const command = new GetObjectCommand({ Bucket: seals.bucket, Key: key, VersionId: version });
  return tellingPassing(async () => (await seals.client.send(command)).Body?.transformToString() ?? '');
}

interface VersionedObject {
  readonly key: string;
  /** Newest first, as S3 lists them. */
  readonly versions: readonly string[];
  readonly isHidden: boolean;
}

/** All objects behind a prefix with all their versions. */
async function listVersions(seals: SealBucket, prefix: string): Promise<VersionedObject[]> {
  const objects = new Map<string, { versions: string[]; isHidden: boolean }>();
  let page: ListObjectVersionsCommandOutput | undefined;
  do {
    const command: ListObjectVersionsCommand = new ListObjectVersionsCommand({
      Bucket: seals.bucket,
      Prefix: prefix,
      KeyMarker: page?.NextKeyMarker,
      VersionIdMarker: page?.NextVersionIdMarker,
    });
    page = await tellingPassing(() => seals.client.send(command));
    const entryOf = (key = '') => {
      const entry = objects.get(key) ?? { versions: [], isHidden: false };
      objects.set(key, entry);
      return entry;
    };
    for (const { Key, VersionId } of page.Versions ?? []) entryOf(Key).versions.push(VersionId ?? '');
    for (const { Key, IsLatest } of page.DeleteMarkers ?? []) entryOf(Key).isHidden ||= IsLatest === true;
  } while (page.IsTruncated);
  return [...objects].map(([key, object]) => ({ key, ...object }));
}
