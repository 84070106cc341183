/** The inside of a measurement's process: takes the setting, hands back the figures. */
import type { Measure, Setting } from './setting.ts';

const [, , file = ''] = process.argv;

process.once('message', async (setting: Setting) => {
  const { measure } = (await import(file)) as { measure: Measure };
  process.send?.(await measure(setting), () => process.exit(0));
});
