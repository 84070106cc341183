import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Resource } from '../../local/resources.ts';
import { readAssembly } from '../../local/template/assembly.ts';
import { resolveTemplate } from '../../local/template.ts';
import { type WrittenStack, writeAssembly } from './assembly-files.ts';

const place = { accountId: '111122223333', region: 'eu-west-1' };
let remove = () => {};
afterEach(() => remove());

function load(stacks: Readonly<Record<string, WrittenStack>>) {
  const written = writeAssembly(stacks);
  remove = written.remove;
  const apiUrl = () => 'http://127.0.0.1:9000';
  const options = { place, endpointUrl: 'http://127.0.0.1:4566', apiUrl };
  const { resources, outputs } = resolveTemplate(readAssembly(written.directory), options);
  const named = (logicalId: string): Resource => {
    const found = resources.find((resource) => resource.logicalId === logicalId);
    if (found === undefined) throw new Error(`no ${logicalId}`);
    return found;
  };
  return { resources, outputs, named, directory: written.directory };
}

/** What the properties of one log group become, where every function can be tried. */
function resolveProperties(properties: object, more: object = {}): Readonly<Record<string, unknown>> {
  const template = { Resources: { Queue: { Type: 'AWS::SQS::Queue' }, It: group(properties) }, ...more };
  return load({ One: { template } }).named('It').properties;
}

const group = (properties: object) => ({ Type: 'AWS::Logs::LogGroup', Properties: properties });

describe('intrinsic functions', () => {
  it('resolves references, attributes and text functions', () => {
    const resolved = resolveProperties({
      Url: { Ref: 'Queue' },
      Arn: { 'Fn::GetAtt': ['Queue', 'Arn'] },
      Joined: { 'Fn::Join': ['-', ['a', { Ref: 'AWS::Region' }, { 'Fn::GetAtt': 'Queue.QueueName' }]] },
      Sub: { 'Fn::Sub': `${'$'}{AWS::AccountId}/${'$'}{Queue.QueueName}/${'$'}{!Kept}` },
      SubWith: { 'Fn::Sub': [`${'$'}{Name}!`, { Name: { Ref: 'AWS::StackName' } }] },
      Selected: { 'Fn::Select': [1, { 'Fn::Split': [':', 'x:y:z'] }] },
      Json: { 'Fn::ToJsonString': { region: { Ref: 'AWS::Region' } } },
    });
    expect(resolved).toEqual({
      Url: 'http://127.0.0.1:4566/111122223333/One-Queue',
      Arn: 'arn:aws:sqs:eu-west-1:111122223333:One-Queue',
      Joined: 'a-eu-west-1-One-Queue',
      Sub: `111122223333/One-Queue/${'$'}{Kept}`,
      SubWith: 'One!',
      Selected: 'y',
      Json: '{"region":"eu-west-1"}',
    });
  });

  it('leaves out what is AWS::NoValue, in objects and lists', () => {
    const nothing = { Ref: 'AWS::NoValue' };
    expect(resolveProperties({ Gone: nothing, List: ['kept', nothing] })).toEqual({ List: ['kept'] });
  });

  it('evaluates conditions and mappings', () => {
    const resolved = resolveProperties(
      { A: { 'Fn::If': ['IsHere', 'yes', 'no'] }, B: { 'Fn::FindInMap': ['Names', { Ref: 'AWS::Region' }, 'short'] } },
      {
        Conditions: { IsHere: { 'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'us-east-1'] }] } },
        Mappings: { Names: { 'eu-west-1': { short: 'dub' } } },
      },
    );
    expect(resolved).toEqual({ A: 'yes', B: 'dub' });
  });

  it('keeps the Condition of a policy statement, which is no function', () => {
    const statement = { Condition: { Bool: { 'aws:SecureTransport': 'false' } } };
    expect(resolveProperties({ Only: statement })).toEqual({ Only: statement });
  });

  it('takes parameters by their defaults', () => {
    const Parameters = { Size: { Default: '3' } };
    expect(resolveProperties({ Size: { Ref: 'Size' } }, { Parameters })).toEqual({ Size: '3' });
  });

  it.each([
    [
      { A: { 'Fn::Cidr': ['10.0.0.0/8', 1] } },
      'In stack One, resource It: Fn::Cidr is not understood by the local cloud.',
    ],
    [{ A: { Ref: 'Nobody' } }, 'Stack One refers to Nobody, which it does not define.'],
    [{ A: { 'Fn::GetAtt': ['Queue', 'Colour'] } }, 'the attribute Colour of AWS::SQS::Queue'],
    [{ A: { 'Fn::ImportValue': 'none' } }, 'Stack One imports none, which no stack exports.'],
    [{ A: '{{resolve:ssm:/x}}' }, 'the dynamic reference {{resolve:ssm:/x}} cannot be resolved'],
  ])('names the place of what cannot be resolved: %j', (properties, sentence) => {
    expect(() => resolveProperties(properties)).toThrow(sentence);
  });
});

describe('stacks', () => {
  it('come in the order of their dependencies, and import what others export', () => {
    const { resources, outputs, named } = load({
      Service: {
        dependencies: ['Data'],
        template: {
          Resources: { It: group({ Queue: { 'Fn::ImportValue': 'Data:Arn' } }) },
          Outputs: { Url: { Value: { 'Fn::GetStackOutput': { StackName: 'Data', OutputName: 'Name' } } } },
        },
      },
      Data: {
        template: {
          Resources: { Queue: { Type: 'AWS::SQS::Queue' } },
          Outputs: {
            ExportsOutputArn: { Value: { 'Fn::GetAtt': ['Queue', 'Arn'] }, Export: { Name: 'Data:Arn' } },
            Name: { Value: { 'Fn::GetAtt': ['Queue', 'QueueName'] } },
          },
        },
      },
    });
    expect(resources.map(({ logicalId }) => logicalId)).toEqual(['Queue', 'It']);
    expect(named('It').properties).toEqual({ Queue: 'arn:aws:sqs:eu-west-1:111122223333:Data-Queue' });
    expect(outputs).toEqual({ Name: 'Data-Queue', Url: 'Data-Queue' });
  });

  it('leave out resources whose condition does not hold', () => {
    const template = {
      Conditions: { Never: { 'Fn::Equals': ['a', 'b'] } },
      Resources: { It: { ...group({}), Condition: 'Never' } },
    };
    expect(load({ One: { template } }).resources).toEqual([]);
  });

  it('are refused when they hold a type that is not known here', () => {
    const template = { Resources: { It: { Type: 'AWS::Kinesis::Stream' } } };
    expect(() => load({ One: { template } })).toThrow(
      'In stack One, resource It: the local cloud does not know the resource type AWS::Kinesis::Stream.',
    );
  });

  it('cannot be read from a directory without an assembly', () => {
    expect(() => readAssembly('/nowhere')).toThrow('/nowhere holds no synthesized assembly');
  });
});

describe('names', () => {
  const identity = (type: string, stack = 'Billing', properties: object = {}) => {
    const template = { Resources: { It: { Type: type, Properties: properties } } };
    const { physicalId, arn } = load({ [stack]: { template } }).named('It');
    return { physicalId, arn };
  };

  it.each([
    ['AWS::DynamoDB::GlobalTable', 'Billing-It', 'arn:aws:dynamodb:eu-west-1:111122223333:table/Billing-It'],
    ['AWS::S3::Bucket', 'billing-it', 'arn:aws:s3:::billing-it'],
    ['AWS::IAM::Role', 'Billing-It', 'arn:aws:iam::111122223333:role/Billing-It'],
    ['AWS::Lambda::Function', 'Billing-It', 'arn:aws:lambda:eu-west-1:111122223333:function:Billing-It'],
    ['AWS::Logs::LogGroup', 'Billing-It', 'arn:aws:logs:eu-west-1:111122223333:log-group:Billing-It:*'],
    ['AWS::Scheduler::Schedule', 'Billing-It', 'arn:aws:scheduler:eu-west-1:111122223333:schedule/default/Billing-It'],
    ['AWS::CloudWatch::Alarm', 'Billing-It', 'arn:aws:cloudwatch:eu-west-1:111122223333:alarm:Billing-It'],
  ])('gives %s its name and ARN', (type, physicalId, arn) => {
    const properties = type === 'AWS::Lambda::Function' ? { Code: {} } : {};
    expect(identity(type, 'Billing', properties)).toEqual({ physicalId, arn });
  });

  it('shortens what AWS would find too long, and keeps it apart from its neighbours', () => {
    const bucket = identity('AWS::S3::Bucket', `Stack${'a'.repeat(80)}`).physicalId;
    expect(bucket).toHaveLength(63);
    expect(bucket).toMatch(/^[a-z0-9-]+$/);
    expect(identity('AWS::S3::Bucket', `Stack${'a'.repeat(81)}`).physicalId).not.toBe(bucket);
  });

  it('keeps a name that the template chooses', () => {
    const given = { TableName: { 'Fn::Join': ['-', ['ledger', { Ref: 'AWS::Region' }]] } };
    expect(identity('AWS::DynamoDB::Table', 'Billing', given).physicalId).toBe('ledger-eu-west-1');
  });
});

describe('assets', () => {
  const definition = `{"Comment":"${'$'}{Who} and ${'$'}{Other}"}`;
  const assets = { 'code1/index.mjs': '', 'machine.json': definition };

  it('become the directory of a function and the text of a definition', () => {
    const template = {
      Resources: {
        Fn: { Type: 'AWS::Lambda::Function', Properties: { Code: { S3Bucket: 'assets', S3Key: 'code1' } } },
        Machine: {
          Type: 'AWS::StepFunctions::StateMachine',
          Properties: {
            DefinitionS3Location: { Bucket: 'assets', Key: 'machine.json' },
            DefinitionSubstitutions: { Who: { 'Fn::GetAtt': ['Fn', 'Arn'] } },
          },
        },
      },
    };
    const { named, directory } = load({ One: { template, assets } });
    expect(named('Fn').properties.Code).toEqual({ Directory: join(directory, 'code1') });
    expect(named('Machine').properties.DefinitionString).toBe(
      `{"Comment":"arn:aws:lambda:eu-west-1:111122223333:function:One-Fn and ${'$'}{Other}"}`,
    );
  });

  it('are found by the path in the metadata too', () => {
    const Fn = {
      Type: 'AWS::Lambda::Function',
      Properties: { Code: { S3Bucket: 'assets', S3Key: 'elsewhere' } },
      Metadata: { 'aws:asset:path': 'code1' },
    };
    const { named, directory } = load({ One: { template: { Resources: { Fn } }, assets } });
    expect(named('Fn').properties.Code).toEqual({ Directory: join(directory, 'code1') });
  });

  it('are missed by name', () => {
    const Fn = { Type: 'AWS::Lambda::Function', Properties: { Code: { S3Bucket: 'assets', S3Key: 'gone.zip' } } };
    expect(() => load({ One: { template: { Resources: { Fn } } } })).toThrow(
      'In stack One, resource Fn: the assembly holds no asset for the S3 key gone.zip.',
    );
  });
});
