import fc from 'fast-check';
import { openApiDocument } from '../../contract/openapi.ts';
import { createGenerators, type Likely, sometimes } from './from-schema.ts';
import { type Body, brokenBytes, hostileText, spoilt } from './hostile.ts';

/** A request as it goes over the wire, path and query included as they are written. */
export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body?: Body;
}

/** What requests are made of that mean something to a particular installation. */
export interface Surroundings {
  readonly likely: Likely;
  /** Path parameters by name, and under `*` all others. */
  readonly parameters: Readonly<Record<string, fc.Arbitrary<string>>>;
  readonly authorization: fc.Arbitrary<string>;
}

interface Operation {
  readonly parameters?: readonly { readonly name?: string; readonly in?: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}
type Schema = Record<string, unknown>;

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'];

/** Requests to every operation of the API as its OpenAPI document describes them, most with something wrong. */
export function requests(surroundings: Surroundings): fc.Arbitrary<Sent> {
  const document = openApiDocument();
  const generate = createGenerators(document, surroundings.likely);
  const operations = Object.entries(document.paths as Record<string, Record<string, Operation>>).flatMap(
    ([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const known = operations.map(({ path, method, operation }) => {
    const queries = Object.fromEntries(
      (operation.parameters ?? [])
        .filter((parameter) => parameter.in === 'query')
        .map(({ name = '', schema }) => [name, generate(schema, name).map(String)]),
    );
    const bodies = Object.entries(operation.requestBody?.content ?? {}).map(([type, { schema }]) =>
      bodyOf(type, generate(schema)),
    );
    return fc
      .record({
        path: pathOf(path, surroundings.parameters),
        query: queryOf(queries),
        authorization: surroundings.authorization,
        content: bodies.length === 0 ? fc.constant({}) : fc.oneof(...bodies),
        more: moreHeaders,
      })
      .map(({ path, query, authorization, content, more }): Sent => {
        const { type, body } = content as { type?: string; body?: Body };
        const said = {
          ...(authorization !== '' && { authorization }),
          ...(type !== undefined && { 'content-type': type }),
        };
        const headers = { ...said, ...more };
        return { method: method.toUpperCase(), path: path + query, headers, ...(body !== undefined && { body }) };
      });
  });
  return fc.oneof(
    { arbitrary: fc.oneof(...known), weight: 20 },
    {
      arbitrary: elsewhere(
        operations.map(({ path }) => path),
        surroundings,
      ),
      weight: 1,
    },
  );
}

/** Methods and paths that are no routes, with a body that nobody asked for. */
function elsewhere(paths: readonly string[], { parameters, authorization }: Surroundings): fc.Arbitrary<Sent> {
  const anyPath = fc.oneof(
    fc.constantFrom(...paths).chain((path) => pathOf(path, parameters)),
    fc.constantFrom('/', '//', '/v1', '/v1/', '/v2/accounts', '/v1//accounts', '/v1/accounts/', '/v1/../v1/rate-cards'),
    hostileText.map((text) => `/v1/${encoded(text)}`),
  );
  return fc
    .record({ method: fc.constantFrom(...METHODS), path: anyPath, authorization, text: hostileText })
    .map(({ method, path, authorization: key, text }): Sent => {
      const headers = { ...(key !== '' && { authorization: key }), 'content-type': 'application/json' };
      const hasBody = method !== 'HEAD' && method !== 'GET' && method !== 'OPTIONS';
      return { method, path, headers, ...(hasBody && { body: { text: JSON.stringify(text) } }) };
    });
}

function bodyOf(type: string, document: fc.Arbitrary<unknown>) {
  const right = document.map((value): Body => ({ text: JSON.stringify(value) }));
  const body = fc.oneof(
    { arbitrary: right, weight: 9 },
    { arbitrary: spoilt(document).map((text): Body => ({ text })), weight: 5 },
    { arbitrary: brokenBytes(document.map((value) => JSON.stringify(value))), weight: 2 },
  );
  const types = fc.oneof(
    { arbitrary: fc.constant(type), weight: 9 },
    {
      arbitrary: fc.constantFrom(
        'text/plain',
        'application/octet-stream',
        'application/json; charset=utf-16',
        'APPLICATION/JSON',
        'application/json;;',
        'application/vnd.api+json',
        'application/cloudevents+json',
        'application/cloudevents-batch+json',
        'application/jsonx',
        'application/x-www-form-urlencoded',
        `application/${'j'.repeat(500)}`,
        '; charset=utf-8',
        '<script>',
      ),
      weight: 1,
    },
  );
  return fc.record({ type: types, body });
}

/** Parameters are mostly what is there, else what no router and no store should be asked for. */
function pathOf(template: string, parameters: Surroundings['parameters']): fc.Arbitrary<string> {
  const parts = template.split(/(\{\w+\})/).map((part) => {
    const [, name] = /^\{(\w+)\}$/.exec(part) ?? [];
    if (name === undefined) return fc.constant(part);
    const usual = parameters[name] ?? parameters['*'] ?? fc.constant('x');
    return fc.oneof(
      { arbitrary: usual.map(encodeURIComponent), weight: 5 },
      { arbitrary: hostileText.map(encoded), weight: 1 },
      {
        arbitrary: fc.constantFrom(
          '..',
          '.',
          '%2e%2e',
          '..%2f..%2fkeys',
          '%00',
          '%',
          '%zz',
          '%ff',
          '',
          '%2F',
          ';',
          '*',
        ),
        weight: 1,
      },
    );
  });
  return fc.tuple(...parts).map((texts) => texts.join(''));
}

function queryOf(queries: Readonly<Record<string, fc.Arbitrary<string>>>): fc.Arbitrary<string> {
  const some = Object.entries(queries).map(([name, value]) => [name, sometimes(value)]);
  const right = fc
    .record(Object.fromEntries(some) as Record<string, fc.Arbitrary<string | undefined>>)
    .map((values) => Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== undefined));
  const names = [...Object.keys(queries), 'limit', 'cursor', 'from', 'unknown', '__proto__', ''];
  const value = fc.oneof(
    hostileText,
    fc.constantFrom(
      '0',
      '-1',
      '1e3',
      '999999999999',
      '1.5',
      '500',
      'true',
      'WyJhIl0.0000000000000000',
      'eyJhIjoxfQ==.x',
      'MDAjYQ',
      'OTkj',
    ),
  );
  const wrong = fc.array(fc.tuple(fc.constantFrom(...names), value), { minLength: 1, maxLength: 4 });
  const pairs = fc.oneof(
    { arbitrary: right, weight: 6 },
    { arbitrary: wrong, weight: 1 },
    { arbitrary: fc.tuple(right, wrong).map(([one, two]) => [...one, ...two]), weight: 1 },
  );
  const written = pairs.map((all) => {
    const text = all.map(([name, one]) => `${encoded(name)}=${encoded(one ?? '')}`).join('&');
    return text === '' ? '' : `?${text}`;
  });
  return fc.oneof(
    { arbitrary: written, weight: 20 },
    {
      arbitrary: fc.constantFrom('?', '?&&', '?=', '?limit', '?limit=%', '?%ff=1', `?cursor=${'A'.repeat(4_000)}`),
      weight: 1,
    },
  );
}

const moreHeaders: fc.Arbitrary<Record<string, string | string[]>> = fc.oneof(
  { arbitrary: fc.constant({}), weight: 6 },
  {
    arbitrary: fc
      .constantFrom<string | string[]>(
        '"f-1"',
        'f-2',
        '""',
        '"',
        '"a" "b"',
        '"f-1", "f-2"',
        'a'.repeat(129),
        'repair:x',
        '\u00e9\u00ff',
        ['f-1', 'f-2'],
        '?1',
        '{% 1 %}',
      )
      .map((key) => ({ 'idempotency-key': key })),
    weight: 2,
  },
  {
    arbitrary: fc.constantFrom<Record<string, string | string[]>>(
      { 'x-amzn-trace-id': 'Root=0' },
      { 'content-encoding': 'gzip' },
      { accept: 'text/html' },
      { 'x-http-method-override': 'DELETE' },
      { 'x-forwarded-for': '1.1.1.1, <script>' },
      { cookie: 'a=b; =; ;;' },
      { expect: '100-continue' },
      { 'x-long': 'a'.repeat(6_000) },
      { 'user-agent': '{% $eval("1") %}' },
    ),
    weight: 1,
  },
);

/** As a path or query carries it; halves of UTF-16 pairs, which it cannot, are left out. */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
