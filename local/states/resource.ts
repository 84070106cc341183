/** The service call that a Task's `Resource` stands for. */
export interface Resource {
  /** `lambda`, `s3`, `states`... */
  readonly service: string;
  /** `invoke`, `putObject`, `startExecution`... */
  readonly action: string;
  /** `aws-sdk` integrations give the SDK's plain answer and name their errors otherwise. */
  readonly integration: 'optimized' | 'aws-sdk' | 'function';
  readonly waitsForTaskToken: boolean;
}

const INTEGRATION =
  /^arn:aws:states:::(?<sdk>aws-sdk:)?(?<service>[a-z0-9-]+):(?<action>[A-Za-z0-9]+)(?<token>\.waitForTaskToken)?$/;
const FUNCTION = /^arn:aws:lambda:[a-z0-9-]*:[0-9]*:function:.+$/;

/** What a Task calls, or undefined for a `Resource` that this interpreter does not run (`.sync`, activities). */
export function readResource(arn: string): Resource | undefined {
  if (FUNCTION.test(arn)) {
    return { service: 'lambda', action: 'invoke', integration: 'function', waitsForTaskToken: false };
  }
  const groups = INTEGRATION.exec(arn)?.groups;
  if (groups?.service === undefined || groups.action === undefined) return undefined;
  return {
    service: groups.service,
    action: groups.action,
    integration: groups.sdk === undefined ? 'optimized' : 'aws-sdk',
    waitsForTaskToken: groups.token !== undefined,
  };
}
