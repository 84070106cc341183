import type { Instant } from '../../domain/time.ts';
import { putLedgerControl, readSettings, type SettingsStore } from '../../store/settings.ts';
import { type Answer, ok } from '../runtime/answers.ts';
import type { ApiRequest, BodyOf } from '../runtime/pipeline.ts';

export interface ControlDeps {
  readonly settings: SettingsStore;
  readonly now: () => Instant;
}

export async function getLedgerControl({ settings }: ControlDeps): Promise<Answer> {
  return ok(200, (await readSettings(settings)).ledgerControl);
}

export async function setLedgerControl(
  { settings, now }: ControlDeps,
  { body, caller }: ApiRequest<BodyOf<'setLedgerControl'>>,
): Promise<Answer> {
  const control = { ...body, changedAt: now(), changedBy: caller.keyId };
  await putLedgerControl(settings, control);
  return ok(200, control);
}
