/** A route that was found, and what its `{parameters}` hold, still percent-encoded. */
export interface Match<Route> {
  readonly route: Route;
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

export type FindRoute<Route> = (method: string, path: string) => Match<Route> | undefined;

interface Leaf<Route> {
  readonly route: Route;
  readonly names: readonly string[];
}

/** One segment of the paths: what may follow it, and the routes that end here by method. */
interface Node<Route> {
  readonly fixed: Map<string, Node<Route>>;
  readonly leaves: Map<string, Leaf<Route>>;
  readonly greedy: Map<string, Leaf<Route>>;
  variable: Node<Route> | undefined;
}

/**
 * Finds routes as HTTP APIs do: a full match before a greedy one, a fixed segment before `{name}`, a named method before
 * `ANY`, and `$default` when nothing else fits.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
 *
 * @param routes by route key, such as `GET /v1/accounts/{accountId}`, `ANY /files/{path+}` or `$default`
 */
export function createRouteFinder<Route>(routes: ReadonlyMap<string, Route>): FindRoute<Route> {
  const root = createNode<Route>();
  const exact = new Map<string, Match<Route>>();
  for (const [routeKey, route] of routes) {
    const [method = '', path] = routeKey.split(' ');
    if (path === undefined) continue;
    if (!path.includes('{')) exact.set(routeKey, { route, parameters: [] });
    addRoute(root, method, path, route);
  }
  const fallback = routes.get('$default');

  return (method, path) => {
    const found = exact.get(`${method} ${path}`);
    if (found !== undefined) return found;
    const segments = path.slice(1).split('/');
    const match = findFull(root, method, segments, 0, []) ?? findGreedy(root, method, segments);
    return match ?? (fallback === undefined ? undefined : { route: fallback, parameters: [] });
  };
}

function addRoute<Route>(root: Node<Route>, method: string, path: string, route: Route): void {
  let node = root;
  const names: string[] = [];
  for (const segment of path.slice(1).split('/')) {
    if (segment.startsWith('{') && segment.endsWith('+}')) {
      node.greedy.set(method, { route, names: [...names, segment.slice(1, -2)] });
      return;
    }
    if (segment.startsWith('{')) {
      names.push(segment.slice(1, -1));
      node.variable ??= createNode();
      node = node.variable;
    } else {
      const next = node.fixed.get(segment) ?? createNode<Route>();
      node.fixed.set(segment, next);
      node = next;
    }
  }
  node.leaves.set(method, { route, names });
}

function findFull<Route>(
  node: Node<Route>,
  method: string,
  segments: readonly string[],
  index: number,
  values: readonly string[],
): Match<Route> | undefined {
  const segment = segments[index];
  if (segment === undefined) return matched(node.leaves.get(method) ?? node.leaves.get('ANY'), values);
  const fixed = node.fixed.get(segment);
  const match = fixed && findFull(fixed, method, segments, index + 1, values);
  if (match !== undefined || node.variable === undefined || segment === '') return match;
  return findFull(node.variable, method, segments, index + 1, [...values, segment]);
}

/** The greedy route that leaves the least to its greedy parameter. */
function findGreedy<Route>(root: Node<Route>, method: string, segments: readonly string[]): Match<Route> | undefined {
  const find = (node: Node<Route>, index: number, values: readonly string[]): Match<Route> | undefined => {
    const segment = segments[index];
    if (segment === undefined || segment === '') return undefined;
    const fixed = node.fixed.get(segment);
    const deeper =
      (fixed && find(fixed, index + 1, values)) ??
      (node.variable && find(node.variable, index + 1, [...values, segment]));
    const leaf = node.greedy.get(method) ?? node.greedy.get('ANY');
    return deeper ?? matched(leaf, [...values, segments.slice(index).join('/')]);
  };
  return find(root, 0, []);
}

function matched<Route>(leaf: Leaf<Route> | undefined, values: readonly string[]): Match<Route> | undefined {
  return leaf && { route: leaf.route, parameters: leaf.names.map((name, index) => [name, values[index] ?? '']) };
}

function createNode<Route>(): Node<Route> {
  return { fixed: new Map(), leaves: new Map(), greedy: new Map(), variable: undefined };
}
