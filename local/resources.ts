/** One resource of the synthesized template with every intrinsic function resolved to the value it has in this cloud. */
export interface Resource {
  readonly stack: string;
  readonly logicalId: string;
  /** `AWS::DynamoDB::GlobalTable`, `AWS::Lambda::Function`... */
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
  /** What `Ref` gives: the table's name, the bucket's name, the queue's URL... */
  readonly physicalId: string;
  /** Empty for resources that have none. */
  readonly arn: string;
}

/** The account and region that this cloud pretends to be. */
export interface Place {
  readonly accountId: string;
  readonly region: string;
}

/** What AWS answers when it refuses or fails a call: its documented code, its sentence, its HTTP status. */
export class AwsError extends Error {
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.name = code;
    this.status = status;
  }
}

/**
 * Whether a role may do something. Every call that a function, a state machine or a schedule makes passes here, and
 * calls that services make in a role's name (reading a queue for an event source, writing logs) do too.
 */
export interface AccessControl {
  /** @throws AwsError `AccessDeniedException` naming the role, the action and the resource. */
  assertAllowed(roleArn: string, action: string, resourceArn: string): void;
  /** The keys that a role's holder signs with; the same for the same role. */
  credentialsOf(roleArn: string): Credentials;
  /** The role that these keys belong to; `administrator` for the owner's own; undefined when nobody holds them. */
  roleOf(accessKeyId: string): string | undefined;
  /** Permissions that were granted and never used since the cloud was started. */
  unusedPermissions(): readonly UnusedPermission[];
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface UnusedPermission {
  readonly role: string;
  readonly action: string;
  readonly resource: string;
}

/** What came back from an invoked function: its payload as JSON text, and how it failed if it did. */
export interface InvocationResult {
  readonly payload: string;
  /** `Unhandled` when the function threw, as AWS says it; the payload then holds `errorType` and `errorMessage`. */
  readonly functionError?: 'Unhandled';
}

/** Runs a function by name or ARN with a JSON text payload. */
export type InvokeFunction = (functionNameOrArn: string, payload: string) => Promise<InvocationResult>;
