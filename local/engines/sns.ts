import { randomUUID } from 'node:crypto';
import { AwsError, type Resource } from '../resources.ts';
import { writeXml } from './s3/xml.ts';

/** A message as a topic took it. */
export interface PublishedMessage {
  readonly messageId: string;
  readonly subject?: string;
  readonly message: string;
  /** Texts by name. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface SnsEngine {
  /**
   * Answers a call of the SNS query API with XML.
   * @throws AwsError as SNS names its errors.
   */
  handle(parameters: URLSearchParams): string;
  /** The last messages of a topic, oldest first. */
  published(topicArn: string): readonly PublishedMessage[];
}

export interface SnsOptions {
  readonly resources: readonly Resource[];
  /** Takes what an operator should see, one line each. */
  readonly log?: (line: string) => void;
}

const NAMESPACE = 'http://sns.amazonaws.com/doc/2010-03-31/';

/** Bytes of a message and its attributes (SNS limit). */
const MESSAGE_BYTES_MAX = 256 * 1024;

/** Messages that are kept of a topic; nobody here takes them off it. */
const KEPT_MAX = 1_000;

/** "Must begin with a letter, number or punctuation mark, no line breaks, less than 100 characters" (SNS, Publish). */
const SUBJECT = /^[\x21-\x7e][\x20-\x7e]{0,98}$/;

/**
 * The template's topics, in memory. Subscriptions lead out of this cloud, to mail and the like, so a message goes no
 * further than here, where it can be looked at.
 */
export function createSns({ resources, log = () => undefined }: SnsOptions): SnsEngine {
  const topics = new Map<string, PublishedMessage[]>(
    resources.filter(({ type }) => type === 'AWS::SNS::Topic').map(({ arn }) => [arn, []]),
  );

  function publish(parameters: URLSearchParams): string {
    const topicArn = parameters.get('TopicArn') ?? '';
    const kept = topics.get(topicArn);
    if (kept === undefined) throw new AwsError('NotFound', 'Topic does not exist', 404);
    const message = readMessage(parameters);
    kept.push(message);
    if (kept.length > KEPT_MAX) kept.shift();
    log(`Published to ${topicArn.split(':').at(-1)}: ${message.subject ?? message.message.slice(0, 80)}`);
    return writeXml(
      'PublishResponse',
      { PublishResult: { MessageId: message.messageId }, ResponseMetadata: { RequestId: randomUUID() } },
      NAMESPACE,
    );
  }

  return {
    handle(parameters) {
      const action = parameters.get('Action') ?? '';
      if (action !== 'Publish') throw new AwsError('InvalidAction', `SNS ${action} is not served here.`);
      return publish(parameters);
    },
    published: (topicArn) => topics.get(topicArn) ?? [],
  };
}

/** The permission that an SNS call needs. */
export function snsPermission(parameters: URLSearchParams) {
  return { action: `sns:${parameters.get('Action') ?? ''}`, resourceArn: parameters.get('TopicArn') ?? '*' };
}

function readMessage(parameters: URLSearchParams): PublishedMessage {
  const message = parameters.get('Message') ?? '';
  if (message === '') throw invalid('Empty message');
  const subject = parameters.get('Subject');
  if (subject !== null && !SUBJECT.test(subject)) throw invalid('Subject');
  const attributes = readAttributes(parameters);
  const texts = [message, ...Object.entries(attributes).flatMap(([name, value]) => [name, 'String', value])];
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes > MESSAGE_BYTES_MAX) throw invalid('Message too long');
  return { messageId: randomUUID(), message, attributes, ...(subject !== null && { subject }) };
}

function readAttributes(parameters: URLSearchParams): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (let index = 1; ; index += 1) {
    const entry = `MessageAttributes.entry.${index}`;
    const name = parameters.get(`${entry}.Name`);
    if (name === null) return attributes;
    if (parameters.get(`${entry}.Value.DataType`) !== 'String') {
      throw new AwsError(
        'ParameterValueInvalid',
        `The attribute ${name} is not a String, which is all that is read here.`,
      );
    }
    const value = parameters.get(`${entry}.Value.StringValue`) ?? '';
    if (value === '') {
      const sentence = `The message attribute '${name}' must contain non-empty message attribute value for message attribute type 'String'.`;
      throw new AwsError('ParameterValueInvalid', sentence);
    }
    attributes[name] = value;
  }
}

function invalid(what: string): AwsError {
  return new AwsError('InvalidParameter', `Invalid parameter: ${what}`);
}
