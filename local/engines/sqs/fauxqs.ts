import { findPackageJSON } from 'node:module';
import { pathToFileURL } from 'node:url';
import { type BuildAppOptions, buildApp } from 'fauxqs';
import { handOutInOrder } from './fifo.ts';

type Stores = NonNullable<BuildAppOptions['stores']>;

/** The part of fauxqs' persistence that is used here. */
interface Persistence {
  readonly db: { prepare(sql: string): { run(...values: readonly string[]): unknown } };
  loadSqsAndSns(sqs: Stores['sqsStore'], sns: Stores['snsStore']): void;
  updateMessageReady(messageId: string): void;
  close(): void;
}

/**
 * Puts fauxqs together from its parts instead of calling its `startFauxqs`, which would listen on every network
 * interface without any access control, and always as account 000000000000.
 * @param directory where messages are kept; in memory when undefined.
 */
export async function loadFauxqs(directory: string | undefined) {
  const [{ SqsStore }, { SnsStore }, { S3Store }, { PersistenceManager }] = await Promise.all([
    importPart<{ SqsStore: new () => Stores['sqsStore'] }>('sqs/sqsStore.js'),
    importPart<{ SnsStore: new () => Stores['snsStore'] }>('sns/snsStore.js'),
    importPart<{ S3Store: new () => Stores['s3Store'] }>('s3/s3Store.js'),
    importPart<{ PersistenceManager: new (directory: string) => Persistence }>('persistence.js'),
  ]);
  const sqsStore = new SqsStore();
  const snsStore = new SnsStore();
  const persistence = directory === undefined ? undefined : repair(new PersistenceManager(directory));
  if (persistence !== undefined) {
    // Loaded before the store knows of it: what is loaded must not be written back, which would drop the messages.
    persistence.loadSqsAndSns(sqsStore, snsStore);
    Object.assign(sqsStore, { persistence });
    for (const queue of sqsStore.allQueues()) {
      Object.assign(queue, { persistence });
      if (queue.isFifo()) handOutInOrder(queue);
    }
  }
  const app = buildApp({ logger: false, stores: { sqsStore, snsStore, s3Store: new S3Store() } });
  return {
    app,
    queueNames: () => [...sqsStore.allQueues()].map(({ name }) => name),
    createQueue: (name: string, url: string, arn: string, attributes: Record<string, string>) => {
      const queue = sqsStore.createQueue(name, url, arn, attributes);
      if (queue.isFifo()) handOutInOrder(queue);
    },
    async close() {
      await app.close();
      persistence?.close();
    },
  };
}

/** fauxqs 2.4.1 clears a NOT NULL receive count when a message's visibility is set to 0, and so answers 500. */
function repair(persistence: Persistence): Persistence {
  const makeReady = persistence.db.prepare(
    'UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL WHERE message_id = ?',
  );
  return Object.assign(persistence, { updateMessageReady: (messageId: string) => makeReady.run(messageId) });
}

/** fauxqs exports only its servers; its version is pinned, so that its files are where they are expected. */
async function importPart<Part>(file: string): Promise<Part> {
  const manifest = findPackageJSON('fauxqs', import.meta.url);
  if (manifest === undefined) throw new Error('fauxqs is not installed: run npm install.');
  return (await import(new URL(`dist/${file}`, pathToFileURL(manifest)).href)) as Part;
}
