import { join } from 'node:path';
import { boot, synthesize } from './boot.ts';

/** Boots Reckoner on this machine, keeps its data in .reckoner/, and stays until it is told to stop. */

const PORT = Number(process.env.PORT ?? 4000);
const directory = join(import.meta.dirname, '..', '.reckoner');

try {
  console.log('Synthesizing the stacks...');
  const assemblyDirectory = join(directory, 'assembly');
  synthesize(assemblyDirectory);
  const { cloud, apiUrl, key, stop } = await boot({
    assemblyDirectory,
    dataDirectory: join(directory, 'data'),
    port: PORT,
    endpointPort: PORT + 100,
  });
  console.log(welcome(apiUrl, key, cloud.endpointUrl, cloud.ownerCredentials));
  const leave = () => {
    console.log('\nStopping...');
    stop().then(() => process.exit(0), fail);
  };
  process.once('SIGINT', leave);
  process.once('SIGTERM', leave);
} catch (error) {
  fail(error);
}

function welcome(url: string, key: string, endpoint: string, owner: { accessKeyId: string; secretAccessKey: string }) {
  const day = new Date().toISOString().slice(0, 10);
  const curl = (method: string, path: string, body: object) =>
    `curl -s -X ${method} ${url}${path} -H "authorization: Bearer ${key}" -H 'content-type: application/json' \\\n    -d '${JSON.stringify(body)}'`;
  return `
Reckoner is up.
  API            ${url}
  Key            ${key}
  AWS endpoint   ${endpoint}   (AWS_ACCESS_KEY_ID=${owner.accessKeyId} AWS_SECRET_ACCESS_KEY=${owner.secretAccessKey} AWS_REGION=us-east-1)

Try it:
  ${curl('POST', '/v1/accounts', { id: 'customer:acme' })}

  ${curl('POST', '/v1/transfers', { id: 'funding-1', debit: 'platform:funding', credit: 'customer:acme', amount: '1000', asset: 'TOKEN' })}

  ${curl('POST', '/v1/reconciliations', { startDate: day, endDate: day })}

Or the operators' way:
  RECKONER_URL=${url} RECKONER_KEY=${key} npm run -s reckoner -- reconcile --start-date ${day} --end-date ${day}

Data stays in .reckoner/data. Stop with Ctrl-C.`;
}

function fail(error: unknown): never {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
