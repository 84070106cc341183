import * as z from 'zod';
import { BODY_BYTES_MAX } from './limits.ts';
import type { Route } from './routes/route.ts';
import { type OperationId, routes } from './routes.ts';
import { day, instant, wholeNumber } from './schemas/common.ts';
import { built } from './schemas/deferred.ts';
import { gatewayMessage, type ProblemKind, problem, problemKinds } from './schemas/problems.ts';
import { cloudEvent, usageBatch } from './schemas/usage.ts';

/** A JSON object of the document. */
export interface Json {
  [name: string]: unknown;
}

/**
 * The OpenAPI 3.1 document of the public API, made from the route table and its schemas alone. It is the same every
 * time, so that a difference in review is a difference of the contract.
 */
export function openApiDocument(): Json {
  const schemas = new Map<string, Json>();
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route, schemas) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Reckoner',
      version: '1',
      description:
        'A usage-billing ledger. Amounts are whole numbers of minor units as decimal strings, times are RFC 3339 in UTC, refusals are problem documents (RFC 9457). The id of a write is its idempotency key for ever: the same id with the same content replays the first answer, with other content it is a conflict.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ apiKey: [] }],
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: 'An API key, `rk_<stage>_<id>_<secret>`.' },
      },
      parameters: { IdempotencyKey: IDEMPOTENCY_KEY },
      headers: { IdempotentReplayed: IDEMPOTENT_REPLAYED, RetryAfter: RETRY_AFTER },
      schemas: Object.fromEntries([...schemas].sort(([a], [b]) => (a < b ? -1 : 1))),
    },
  };
}

type NamedRoute = Route & { readonly id: OperationId };

/** Problems that any route can answer with, as far as its kind allows. */
const COMMON: readonly ProblemKind[] = ['internal-error'];
const COMMON_WITH_KEY: readonly ProblemKind[] = ['unknown-key', 'missing-scope'];
const COMMON_WITH_BODY: readonly ProblemKind[] = ['invalid-request', 'body-too-large', 'unsupported-media-type'];

const COMMON_WITH_QUERY: readonly ProblemKind[] = ['invalid-request'];

const IDEMPOTENCY_KEY: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'May carry the id instead of the body, as a quoted string: `"req-8f14e45f"`. Where both are sent they must agree.',
  schema: { type: 'string' },
};
const IDEMPOTENT_REPLAYED: Json = {
  description: '`true` where this is the answer of an earlier request with the same id.',
  schema: { type: 'string', enum: ['true'] },
};
const RETRY_AFTER: Json = { description: 'Seconds to wait.', schema: { type: 'integer' } };

function operationOf(route: NamedRoute, schemas: Map<string, Json>): Json {
  const parameters = [
    ...pathParameters(route.path),
    ...queryParameters(route, schemas),
    ...(takesIdAsHeader(route) ? [ref('parameters', 'IdempotencyKey')] : []),
  ];
  return {
    operationId: route.id,
    summary: route.summary,
    tags: [tagOf(route.path)],
    ...descriptionOf(route),
    ...(route.scope === null ? { security: [] } : { security: [{ apiKey: [route.scope] }], 'x-scope': route.scope }),
    ...(parameters.length > 0 && { parameters }),
    ...(route.body !== undefined && {
      requestBody: {
        required: true,
        description: `At most ${BODY_BYTES_MAX / 1024} KB.`,
        content: requestContent(route, built(route.body), schemas),
      },
    }),
    responses: { ...answersOf(route, schemas), ...problemsOf(route, schemas) },
  };
}

function descriptionOf({ scope, boundKeys }: NamedRoute): Json {
  if (scope === null) return { description: 'Needs no key.' };
  const bound =
    boundKeys === true ? ' A key that is bound to one account may call it for that account and all below it.' : '';
  return { description: `Needs a key with the scope \`${scope}\`.${bound}` };
}

function requestContent(route: NamedRoute, body: z.ZodType, schemas: Map<string, Json>): Json {
  const json = { 'application/json': { schema: schemaOf(body, 'input', schemas) } };
  if (route.id !== 'recordUsage') return json;
  const event = schemaOf(cloudEvent, 'input', schemas);
  return {
    ...json,
    'application/cloudevents+json': { schema: event },
    'application/cloudevents-batch+json': { schema: { type: 'array', items: event } },
  };
}

function answersOf(route: NamedRoute, schemas: Map<string, Json>): Json {
  const answers = Object.entries(route.answers);
  if (answers.length === 0)
    return { 200: { description: 'OK', content: { 'application/json': { schema: { type: 'object' } } } } };
  const replays =
    answers.length > 1 ? { headers: { 'Idempotent-Replayed': ref('headers', 'IdempotentReplayed') } } : {};
  return Object.fromEntries(
    answers.map(([status, answer]) => [
      status,
      {
        description: DESCRIPTIONS[status] ?? 'OK',
        ...(status === '200' && replays),
        content: { 'application/json': { schema: schemaOf(built(answer), 'output', schemas) } },
      },
    ]),
  );
}

const DESCRIPTIONS: Readonly<Record<string, string>> = { 201: 'Created', 202: 'Accepted' };

/** One response for each status, naming the kinds of problem that it may be. */
function problemsOf(route: NamedRoute, schemas: Map<string, Json>): Json {
  const kinds = new Set([
    ...COMMON,
    ...(route.scope === null ? [] : COMMON_WITH_KEY),
    ...(route.body === undefined ? [] : COMMON_WITH_BODY),
    ...(route.query === undefined ? [] : COMMON_WITH_QUERY),
    ...route.problems,
  ]);
  const byStatus = Map.groupBy([...kinds].sort(), (kind) => problemKinds[kind].status);
  return Object.fromEntries(
    [...byStatus].map(([status, found]) => [
      status,
      {
        description: found.map((kind) => `\`${kind}\`: ${problemKinds[kind].title}`).join('. '),
        ...(status === 503 && { headers: { 'Retry-After': ref('headers', 'RetryAfter') } }),
        content: {
          'application/problem+json': { schema: schemaOf(problem(), 'output', schemas) },
          ...(isFromGateway(route, status) && {
            'application/json': { schema: schemaOf(gatewayMessage(), 'output', schemas) },
          }),
        },
      },
    ]),
  );
}

/** Who comes without a key, or with one that is none, gets no further than the gateway. */
function isFromGateway({ scope }: NamedRoute, status: number): boolean {
  return scope !== null && (status === 401 || status === 403);
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

/** Descriptions move from the schema to the parameter, which is where readers of the document look. */
function queryParameters({ query }: NamedRoute, schemas: Map<string, Json>): Json[] {
  return Object.entries(query === undefined ? {} : built(query).shape).map(([name, field]) => {
    const { description, ...schema } = schemaOf(field as z.ZodType, 'input', schemas);
    const isRequired = !(field instanceof z.ZodOptional);
    return { name, in: 'query', required: isRequired, ...(description !== undefined && { description }), schema };
  });
}

/** `/v1/rate-cards` is about rate-cards. */
function tagOf(path: string): string {
  return path.split('/')[2]?.replace('.json', '') ?? '';
}

/** The ledger's writes take their id as a header too. */
function takesIdAsHeader({ function: served, body }: NamedRoute): boolean {
  if (served !== 'api/ledger' || body === undefined) return false;
  const schema = built(body);
  return schema instanceof z.ZodObject && schema.shape.id instanceof z.ZodOptional;
}

/** A schema is used in one direction only: what is read and what is answered must not share a name. */
export class AmbiguousSchemaError extends Error {
  override name = 'AmbiguousSchemaError';
}

/**
 * The JSON Schema of a zod schema. Schemas that carry an `id` become components and are referred to.
 * @throws AmbiguousSchemaError when two schemas claim one name.
 */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', components: Map<string, Json>): Json {
  const {
    $schema: _,
    $defs: definitions = {},
    ...own
  } = toComponentRefs(
    z.toJSONSchema(schema, { io, target: 'draft-2020-12', unrepresentable: 'any', override: describeTransforms }),
  );
  const claim = (name: string, definition: Json) => {
    const known = components.get(name);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(definition)) {
      throw new AmbiguousSchemaError(`Two schemas are called "${name}"; give each its own id.`);
    }
    components.set(name, definition);
    return ref('schemas', name);
  };
  for (const [name, { id: __, ...definition }] of Object.entries(definitions as Record<string, Json>)) {
    claim(name, definition);
  }
  const { id, ...rest } = own;
  return typeof id === 'string' ? claim(id, rest) : rest;
}

function toComponentRefs(schema: object): Json {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/'));
}

function ref(kind: string, name: string): Json {
  return { $ref: `#/components/${kind}/${name}` };
}

/**
 * A transform hides from JSON Schema what it takes; here it is said by hand. Metadata and refinements make copies of a
 * schema, so a shared one is known by what it reads from.
 */
function describeTransforms({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: Json }): void {
  const { def } = zodSchema._zod;
  const source = def.type === 'pipe' ? def.in : undefined;
  if (source === instant._zod.def.in) jsonSchema.format = 'date-time';
  if (source === day._zod.def.in) jsonSchema.format = 'date';
  if (source === wholeNumber._zod.def.in) {
    delete jsonSchema.type;
    jsonSchema.anyOf = [
      { type: 'string', pattern: '^(0|[1-9][0-9]{0,23})$', examples: ['1250'] },
      { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    ];
  }
  if (def.type === 'default' && typeof def.defaultValue === 'bigint') jsonSchema.default = def.defaultValue.toString();
  if (def === usageBatch._zod.def) {
    // Elements are checked one by one, so that one bad event does not refuse its neighbours.
    const events = (jsonSchema.properties as Record<string, Json>).events;
    if (events !== undefined) events.items = { $ref: '#/$defs/UsageEvent' };
  }
}
