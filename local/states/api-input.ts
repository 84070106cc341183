import { AwsError } from '../resources.ts';
import { isObject, type JsonObject, PAYLOAD_LIMIT_BYTES } from './json.ts';

/** AWS's limit for the names of executions, in characters. */
const MAX_NAME_LENGTH = 80;
/** Spaces, brackets, wildcards, control characters and the like, which AWS does not allow in names. */
const FORBIDDEN_IN_NAMES = /[\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}]/u;
const ARN_KINDS = { stateMachineArn: 'stateMachine', executionArn: '(execution|express)', mapRunArn: 'mapRun' };

/** @throws AwsError `SerializationException` when a request is not an object. */
export function requestOf(input: unknown): JsonObject {
  if (isObject(input)) return input;
  throw new AwsError('SerializationException', 'The request must be a JSON object.');
}

/** @throws AwsError `ValidationException` when it is absent, `InvalidArn` when it is no ARN of that kind. */
export function requiredArn(request: JsonObject, field: keyof typeof ARN_KINDS): string {
  const arn = requiredText(request, field);
  if (!new RegExp(`^arn:aws:states:[^:]+:[0-9]{12}:${ARN_KINDS[field]}:.+`).test(arn)) {
    throw new AwsError('InvalidArn', `Invalid Arn: '${arn}' is no ${field}.`);
  }
  return arn;
}

/** @throws AwsError `ValidationException` when it is absent or no text. */
export function requiredText(request: JsonObject, field: string): string {
  const value = optionalText(request, field);
  if (value !== undefined) return value;
  throw new AwsError('ValidationException', `1 validation error detected: '${field}' must not be null.`);
}

/** @throws AwsError `ValidationException` when it is no text. */
export function optionalText(request: JsonObject, field: string): string | undefined {
  const value = request[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  throw new AwsError('ValidationException', `1 validation error detected: '${field}' must be a string.`);
}

/** @throws AwsError `InvalidName` by AWS's rule for names of executions. */
export function checkName(name: string): string {
  if (name.length >= 1 && name.length <= MAX_NAME_LENGTH && !FORBIDDEN_IN_NAMES.test(name)) return name;
  throw new AwsError(
    'InvalidName',
    `Invalid Name: '${name}' must have 1 to ${MAX_NAME_LENGTH} characters, without spaces, brackets, wildcards or any of "#%\\^|~\`$&,;:/.`,
  );
}

/** @throws AwsError `ValidationException` when the text is too large, the given code when it is not JSON. */
export function parseJson(text: string, field: string, code: 'InvalidExecutionInput' | 'InvalidOutput'): unknown {
  if (Buffer.byteLength(text) > PAYLOAD_LIMIT_BYTES) {
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: '${field}' must have length less than or equal to ${PAYLOAD_LIMIT_BYTES}.`,
    );
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AwsError(code, `Invalid ${field}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
