import type { Installation } from '../../bin/boot.ts';
import type { UnusedPermission } from '../../local/resources.ts';

/** What end-to-end tests ask of an installation. */

export function scheduleNamed({ cloud }: Installation, prefix: string): string {
  const schedule = cloud.resources.find(
    ({ type, logicalId }) => type === 'AWS::Scheduler::Schedule' && logicalId.startsWith(prefix),
  );
  return schedule?.logicalId ?? '';
}

/** The permissions that nothing has used, by names that can be compared between installations. */
export function unusedGrants({ cloud }: Installation): string[] {
  return cloud.unusedPermissions().map(nameOf);
}

function nameOf({ role, action, resource }: UnusedPermission): string {
  return `${role}: ${action} on ${resource}`;
}

/** Whether a permission is one of billing, which has end-to-end tests in a file of its own. */
export function isOfBilling(grant: string): boolean {
  return /Billing|Invoices|Notices|\/invoices\/|\/billing-runs\//.test(grant);
}
