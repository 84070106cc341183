import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { listen } from '../../local/ports.ts';
import { AwsError } from '../../local/resources.ts';
import { createServiceCalls } from '../../local/service-calls.ts';

const place = { accountId: '000000000000', region: 'us-east-1' };
const machineArn = 'arn:aws:states:us-east-1:000000000000:stateMachine:M';

function callsWith({ denied = '', endpointUrl = 'http://127.0.0.1:1' } = {}) {
  const done: unknown[] = [];
  const call = createServiceCalls({
    place,
    endpointUrl,
    access: {
      assertAllowed(roleArn, action, resourceArn) {
        if (action === denied) throw new AwsError('AccessDeniedException', `no ${action}`);
        done.push(`${roleArn} ${action} ${resourceArn}`);
      },
      credentialsOf: (roleArn) => ({ accessKeyId: `KEY${roleArn}`, secretAccessKey: 'secret' }),
    },
    sqs: { handle: async (...args) => done.push(args) },
    states: { handle: async (...args) => done.push(args) },
    invoke: async (...args) => {
      done.push(args);
      return { payload: '{"errorType":"Error"}', functionError: 'Unhandled' };
    },
    invokeAsync: (...args) => done.push(['later', ...args]),
  });
  return {
    done,
    call: (service: string, action: string, input: object) => call({ roleArn: 'role', service, action, input }),
  };
}

describe('a call in the name of a role', () => {
  it('invokes functions with a payload of any kind, and passes their failure on', async () => {
    const { call, done } = callsWith();
    expect(await call('lambda', 'invoke', { FunctionName: 'Fn', Payload: 'text' })).toEqual({
      StatusCode: 200,
      Payload: '{"errorType":"Error"}',
      FunctionError: 'Unhandled',
    });
    expect(done).toEqual([
      'role lambda:InvokeFunction arn:aws:lambda:us-east-1:000000000000:function:Fn',
      ['Fn', '"text"'],
    ]);
  });

  it('leaves an event with a function', async () => {
    const { call, done } = callsWith();
    const input = { FunctionName: 'Fn', InvocationType: 'Event', Payload: { n: 1 } };
    expect(await call('lambda', 'invoke', input)).toEqual({ StatusCode: 202 });
    expect(done.at(-1)).toEqual(['later', 'Fn', '{"n":1}']);
  });

  it('reaches queues and state machines by their own operations', async () => {
    const { call, done } = callsWith();
    await call('sqs', 'sendMessage', { QueueUrl: 'http://127.0.0.1:1/000000000000/Q' });
    await call('states', 'startExecution', { stateMachineArn: machineArn });
    expect(done).toEqual([
      'role sqs:SendMessage arn:aws:sqs:us-east-1:000000000000:Q',
      ['SendMessage', { QueueUrl: 'http://127.0.0.1:1/000000000000/Q' }],
      `role states:StartExecution ${machineArn}`,
      ['StartExecution', { stateMachineArn: machineArn }],
    ]);
  });

  it('only asks for the permission when a Distributed Map wants to start its executions', async () => {
    const { call, done } = callsWith();
    await call('states', 'startExecution', { stateMachineArn: machineArn, mapRunArn: 'run' });
    expect(done).toEqual([`role states:StartExecution ${machineArn}`]);
  });

  it('is refused before anything happens when the role may not make it', async () => {
    const { call, done } = callsWith({ denied: 'lambda:InvokeFunction' });
    await expect(call('lambda', 'invoke', { FunctionName: 'Fn' })).rejects.toThrow('no lambda:InvokeFunction');
    expect(done).toEqual([]);
  });

  it('goes over the endpoint to S3, signed with the keys of the role, and brings its refusal back', async () => {
    const signed: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      signed.push(request.headers.authorization);
      response.writeHead(403, { 'content-type': 'application/xml' });
      response.end('<Error><Code>AccessDenied</Code><Message>not yours</Message></Error>');
    });
    const port = await listen(server, '127.0.0.1', 0);
    const { call } = callsWith({ endpointUrl: `http://127.0.0.1:${port}` });
    const refused = call('s3', 'getObject', { Bucket: 'b', Key: 'k' });
    await expect(refused).rejects.toMatchObject({ name: 'AccessDenied', message: 'not yours', status: 403 });
    await expect(refused).rejects.toBeInstanceOf(AwsError);
    expect(signed).toEqual([expect.stringContaining('Credential=KEYrole/')]);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it.each([
    ['sns', 'publish'],
    ['s3', 'makeCoffee'],
  ])('is refused for what nothing here serves: %s:%s', async (service, action) => {
    const { call } = callsWith();
    await expect(call(service, action, {})).rejects.toMatchObject({ name: 'UnknownOperationException', status: 501 });
  });
});
