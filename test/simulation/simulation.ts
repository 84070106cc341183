import { call, type TestAnswer, type TestCall } from '../support/api.ts';
import { type Acknowledged, createAcknowledged } from './acknowledged.ts';
import { InvariantError } from './invariant.ts';
import type { Service } from './service.ts';
import type { World } from './world.ts';

/** What those who call the service share: it, what they were told, and what they know of each other's doings. */
export interface Simulation {
  readonly world: World;
  readonly service: Service;
  readonly told: Acknowledged;
  readonly known: Known;
  /** Calls of the API so far, repeated ones among them. */
  operations: number;
  /** Steps of repairs that were posted. */
  repaired: number;
  /** Another id of this kind. */
  newId(kind: string): string;
  send(to: 'ledger' | 'usage' | 'operations', route: string, request?: TestCall): Promise<Told>;
}

/** What callers know to be there. */
export interface Known {
  readonly strict: string[];
  readonly derived: string[];
  readonly transfers: PostedTransfer[];
  /** Calls that were answered for good, to be sent again. */
  readonly answered: Answered[];
  readonly bulks: string[];
}

export interface PostedTransfer {
  readonly id: string;
  readonly amount: bigint;
}

export interface Answered {
  readonly to: 'ledger' | 'usage' | 'operations';
  readonly route: string;
  readonly request: TestCall;
}

/** A final answer, and whether it may be other than the truth because of a call before it that is still on its way. */
export interface Told {
  readonly answer: TestAnswer;
  readonly isCertain: boolean;
}

/** Milliseconds until a caller that was told to come again does. */
const AGAIN_MS = 2_000;
/** Milliseconds after which a caller hangs up, when it does. */
const PATIENCE_MS = 60;
/** Attempts after which something that passes has not passed. */
const ATTEMPTS_MAX = 200;

export function createSimulation(world: World, service: Service): Simulation {
  const ids = new Map<string, number>();
  const simulation: Simulation = {
    world,
    service,
    told: createAcknowledged(world),
    known: { strict: [], derived: [], transfers: [], answered: [], bulks: [] },
    operations: 0,
    repaired: 0,
    newId(kind) {
      const number = (ids.get(kind) ?? 0) + 1;
      ids.set(kind, number);
      return `${kind}-${number}`;
    },
    async send(to, route, request = {}) {
      let isCertain = true;
      for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
        simulation.operations += 1;
        const heard = await hear(simulation, to, route, request);
        if (heard.isAmbiguous) isCertain = false;
        if (heard.answer !== undefined && isFinal(heard.answer)) return { answer: heard.answer, isCertain };
        await world.scheduler.sleep(world.random.below(AGAIN_MS));
      }
      throw new InvariantError('what passes does pass', `${route} got no answer in ${ATTEMPTS_MAX} attempts.`);
    },
  };
  return simulation;
}

interface Heard {
  readonly answer?: TestAnswer;
  readonly isAmbiguous: boolean;
}

/** Calls once, as far as the caller waits for it. */
function hear(simulation: Simulation, to: Answered['to'], route: string, request: TestCall): Promise<Heard> {
  const { world, service } = simulation;
  const { scheduler, chaos, random, trace } = world;
  const name = `${route} ${JSON.stringify(request.params ?? '')} ${JSON.stringify(request.body ?? '')}`;
  trace.note(scheduler.now(), 'caller', name);
  return new Promise((resolve, reject) => {
    service[to]
      .invoke((handler) => call(handler, route, request))
      .then((invoked) => {
        if (invoked.kind === 'failed') throw invoked.error;
        const answer = invoked.kind === 'answered' ? invoked.answer : undefined;
        // Links of the artifacts are signed with the machine's own time, so bodies of operations are no part of the trace.
        const said = answer === undefined ? 'nothing' : to === 'operations' ? `${answer.status}` : shortOf(answer);
        trace.note(scheduler.now(), 'told', name.slice(0, 80), said);
        if (answer?.status === 500)
          throw new InvariantError('no fault is the service’s own', `${name} ${shortOf(answer)}`);
        resolve({ ...(answer && { answer }), isAmbiguous: invoked.kind !== 'answered' || invoked.isAmbiguous });
      })
      .catch(reject);
    if (chaos.strikes('caller-gone')) scheduler.after(random.below(PATIENCE_MS), () => resolve({ isAmbiguous: true }));
  });
}

export function kindOf({ body }: TestAnswer): string {
  return String(body?.type ?? '').replace('urn:reckoner:problem:', '');
}

function shortOf(answer: TestAnswer): string {
  return `${answer.status} ${kindOf(answer) || JSON.stringify(answer.body)}`;
}

function isFinal(answer: TestAnswer): boolean {
  return answer.status < 500 || kindOf(answer) === 'ledger-paused';
}
