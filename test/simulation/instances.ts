import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Instant } from '../../domain/time.ts';
import type { RetryClock } from '../../store/retry.ts';
import { perform } from './calls.ts';
import type { World } from './world.ts';

/** One environment of a function: its memory, its clock and its calls, until it dies. */
export interface Instance {
  readonly name: string;
  readonly client: DynamoDBClient;
  readonly clock: RetryClock;
  readonly now: () => Instant;
  readonly newId: () => string;
  readonly isDead: boolean;
  /** Whether a call of the present invocation may have done something that nobody was told. */
  isAmbiguous: boolean;
  /** Nothing that it began goes on, and nobody is answered. */
  die(): void;
  /** Told when it dies. */
  onDeath: () => void;
}

/** Milliseconds by which the clock of a function may be wrong, whatever it jumps: two of them differ by a minute at most. */
const SKEW_MS_MAX = 30_000;

export function createInstance(world: World, name: string): Instance {
  const { scheduler, chaos, random } = world;
  let skew = chaos.strikes('skew') ? random.below(4_000) - 2_000 : 0;
  let isDead = false;
  const time = () => {
    if (chaos.strikes('clock-jump')) skew = random.below(2 * SKEW_MS_MAX) - SKEW_MS_MAX;
    return scheduler.now() + skew;
  };
  const instance: Instance = {
    name,
    client: { send: (command: object) => perform(world, instance, command) } as unknown as DynamoDBClient,
    clock: {
      now: time,
      random: () => random.next(),
      sleep: (milliseconds) => scheduler.sleep(milliseconds),
    },
    now: () => new Date(time()).toISOString(),
    newId: () => `id-${random.below(2 ** 32).toString(36)}-${random.below(2 ** 32).toString(36)}`,
    get isDead() {
      return isDead;
    },
    isAmbiguous: false,
    die() {
      if (isDead) return;
      isDead = true;
      world.trace.note(scheduler.now(), name, 'dies');
      instance.onDeath();
    },
    onDeath: () => {},
  };
  return instance;
}
