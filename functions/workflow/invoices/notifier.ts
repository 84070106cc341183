import { PublishCommand, type SNSClient, SNSServiceException } from '@aws-sdk/client-sns';

/** Where notices are handed over: a topic, to which whoever writes to customers subscribes. */
export interface Notifier {
  /** Must not try again by itself: an answer that was lost may have been a message that was taken. */
  readonly client: SNSClient;
  readonly topicArn: string;
}

export interface Message {
  readonly subject: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export type Published =
  | { readonly kind: 'sent'; readonly messageId: string }
  /** It was not taken, for certain. */
  | { readonly kind: 'refused'; readonly error: Error; readonly isPassing: boolean }
  /** No answer came, or one that leaves it open. */
  | { readonly kind: 'unclear'; readonly error: Error };

/** Characters of a subject (SNS limit: fewer than 100). */
const SUBJECT_CHARACTERS_MAX = 99;

/** Hands a message over, once. */
export async function publish({ client, topicArn }: Notifier, message: Message): Promise<Published> {
  const attributes = Object.entries(message.attributes).map(([name, StringValue]) => {
    return [name, { DataType: 'String', StringValue }] as const;
  });
  const command = new PublishCommand({
    TopicArn: topicArn,
    Subject: subjectFor(message.subject),
    Message: message.body,
    MessageAttributes: Object.fromEntries(attributes),
  });
  try {
    const { MessageId = '' } = await client.send(command);
    return { kind: 'sent', messageId: MessageId };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const status = error instanceof SNSServiceException ? (error.$metadata.httpStatusCode ?? 500) : 500;
    if (status >= 500) return { kind: 'unclear', error };
    return { kind: 'refused', error, isPassing: status === 429 || /throttl/i.test(error.name) };
  }
}

/** SNS takes a subject of ASCII on one line alone; the text itself says it as it is. */
function subjectFor(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, '?').slice(0, SUBJECT_CHARACTERS_MAX);
}
