import { fork } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Figure } from './figures.ts';
import { printFigures, writeResults } from './report.ts';
import { openSetting, type Setting } from './setting.ts';

/**
 * Measures the product on the embedded engine, as ratios within one run wherever a figure would otherwise say more about
 * the machine than about the code, and says which targets are met. Takes under ten minutes and needs no setup.
 * `npm run bench -- matching memory` takes these alone, and writes no results.
 */

/** In order; each is a file of measurements/, run in a process of its own so that none warms or disturbs another. */
const MEASUREMENTS = [
  { file: 'requests-and-units', title: 'What a charge asks of the tables' },
  { file: 'bundle', title: 'The size of the charge function' },
  { file: 'cold-start', title: 'The cold start of the charge function' },
  { file: 'matching', title: 'Matching in memory' },
  { file: 'memory', title: 'Memory while matching' },
  { file: 'reconciliation', title: 'Reconciling what the tables hold' },
  { file: 'invoices', title: 'Regenerating invoices' },
  { file: 'http-charges', title: 'Charges through HTTP' },
  { file: 'latency', title: 'Latency at a steady rate' },
  { file: 'hot-account', title: 'One hot account' },
  { file: 'first-run', title: 'From nothing to a finished first run' },
];

/** What functions write while they are measured would be read by nobody. */
const QUIET = { POWERTOOLS_LOG_LEVEL: 'SILENT', POWERTOOLS_METRICS_DISABLED: 'true' };

const startedAt = performance.now();
try {
  const wanted = process.argv.slice(2);
  const figures = await bench(measurementsNamed(wanted));
  const seconds = secondsSince(startedAt);
  printFigures(figures);
  console.log(`\nTook ${seconds} s.`);
  if (wanted.length === 0) {
    console.log(`Results: ${writeResults(figures, { date: new Date().toISOString(), seconds })}`);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function bench(measurements: typeof MEASUREMENTS): Promise<Figure[]> {
  console.log('Synthesizing the stacks and booting them on this machine...');
  const { setting, stop } = await openSetting();
  try {
    const figures: Figure[] = [];
    for (const { file, title } of measurements) {
      console.log(`${title}...`);
      const startedAt = performance.now();
      figures.push(...(await measureApart(file, setting)));
      console.log(`  ${secondsSince(startedAt)} s`);
    }
    return figures;
  } finally {
    await stop();
  }
}

function secondsSince(startedAt: number): number {
  return Math.round((performance.now() - startedAt) / 1000);
}

/** All of them when none is named. @throws Error for a name that none has. */
function measurementsNamed(wanted: readonly string[]): typeof MEASUREMENTS {
  const known = MEASUREMENTS.map(({ file }) => file);
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Error(`There is no measurement "${unknown}"; name some of ${known.join(', ')}.`);
  }
  return MEASUREMENTS.filter(({ file }) => wanted.length === 0 || wanted.includes(file));
}

/** @throws Error naming the measurement that failed; what went wrong is on standard error already. */
function measureApart(name: string, setting: Setting): Promise<Figure[]> {
  const file = pathToFileURL(join(import.meta.dirname, 'measurements', `${name}.ts`)).href;
  return new Promise((resolve, reject) => {
    let figures: Figure[] | undefined;
    // Live memory can only be told from garbage right after a collection.
    const child = fork(join(import.meta.dirname, 'child.ts'), [file], {
      execArgv: ['--expose-gc'],
      env: { ...process.env, ...QUIET },
    });
    child.on('message', (message) => {
      figures = message as Figure[];
    });
    child.on('error', reject);
    child.on('exit', () => {
      if (figures === undefined) reject(new Error(`The measurement "${name}" failed.`));
      else resolve(figures);
    });
    child.send(setting);
  });
}
