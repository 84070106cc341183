/** The inside of a process that compares slices: takes the setting first, then one slice at a time, and says when it is done. */
import { once } from 'node:events';
import { dynamoDbClient } from './setting.ts';
import { reconcilerOf } from './slices.ts';
import type { WorkerStart, WorkerTask } from './workers.ts';

const [{ setting, day }] = (await once(process, 'message')) as [WorkerStart];
const reconcile = reconcilerOf(setting, day, dynamoDbClient(setting));

process.on('message', async ({ run, slice }: WorkerTask) => {
  await reconcile(run, [slice]);
  process.send?.('done');
});
process.once('disconnect', () => process.exit(0));
process.send?.('ready');
