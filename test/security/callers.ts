import { routes } from '../../contract/routes.ts';
import { type Received, send } from '../fuzz/send.ts';

/** Requests to every route of the contract, so that a new one is covered by being there. */

export type KnownRoute = (typeof routes)[number];

export { routes };

/** Values of path parameters by name; `*` for those that nobody has thought of. */
export type Parameters = Readonly<Record<string, string>>;

export function pathOf({ path }: KnownRoute, parameters: Parameters): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(parameters[name] ?? parameters['*'] ?? 'x'),
  );
}

export interface Ask {
  readonly key?: string | undefined;
  /** Instead of a key: the whole header. */
  readonly authorization?: string;
  readonly parameters?: Parameters;
  readonly query?: string;
  readonly body?: unknown;
}

/** Calls a route as anybody may who can reach the API. */
export function ask(apiUrl: string, route: KnownRoute, { key, authorization, ...said }: Ask): Promise<Received> {
  const header = authorization ?? (key === undefined ? undefined : `Bearer ${key}`);
  return send(apiUrl, {
    method: route.method,
    path: pathOf(route, said.parameters ?? {}) + (said.query ?? ''),
    headers: { 'content-type': 'application/json', ...(header !== undefined && { authorization: header }) },
    ...(route.method !== 'GET' && { body: { text: JSON.stringify(said.body ?? {}) } }),
  });
}
