import { Stack, Validations } from 'aws-cdk-lib';
import { flattenCfnReference } from 'cdk-nag/lib/utils/flatten-cfn-reference.js';
import type { Construct } from 'constructs';

/**
 * Says why a finding of cdk-nag is right as it is. Called where the resource is made, so that reason and thing stay
 * together.
 */
export function acknowledge(construct: Construct, findings: Readonly<Record<string, string>>): void {
  for (const [id, reason] of Object.entries(findings)) {
    Validations.of(construct).acknowledge({ id, reason });
  }
}

/**
 * Says why a policy names a resource by a pattern. cdk-nag wants the very pattern in the finding's id.
 *
 * @param arn as it stands in the policy. Of another stack's resource, what that stack's `exportValue` gave.
 */
export function acknowledgePattern(construct: Construct, arn: string, reason: string): void {
  const pattern: string = flattenCfnReference(Stack.of(construct).resolve(arn));
  acknowledge(construct, { [`AwsSolutions-IAM5[Resource::${pattern}]`]: reason });
}
