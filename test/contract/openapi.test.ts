import { describe, expect, test } from 'vitest';
import { type Json, openApiDocument } from '../../contract/openapi.ts';
import { routes } from '../../contract/routes.ts';
import { problemKinds } from '../../contract/schemas/problems.ts';

const document = openApiDocument();

/** The value at a path of names; undefined where the path ends before. */
function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (current, name) => (typeof current === 'object' && current !== null ? (current as Json)[name] : undefined),
    value,
  );
}

function refsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = '$ref' in value && typeof value.$ref === 'string' ? [value.$ref] : [];
  return [...own, ...Object.values(value).flatMap(refsIn)];
}

const schema = (...path: string[]) => at(document, 'components', 'schemas', ...path);

describe('the OpenAPI document', () => {
  test.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))('has %s', (_, route) => {
    const operation = at(document, 'paths', route.path, route.method.toLowerCase());
    expect(operation).toMatchObject({
      operationId: route.id,
      security: route.scope === null ? [] : [{ apiKey: [route.scope] }],
    });
    const parameters = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: 'path', required: true }));
    expect(at(operation, 'parameters') ?? []).toEqual(
      expect.arrayContaining(parameters.map((parameter) => expect.objectContaining(parameter))),
    );
    expect(at(operation, 'requestBody') === undefined).toBe(route.body === undefined);
    for (const status of Object.keys(route.answers)) expect(at(operation, 'responses', status)).toBeDefined();
    for (const kind of route.problems) {
      const response = at(operation, 'responses', String(problemKinds[kind].status));
      expect(at(response, 'description')).toContain(`\`${kind}\``);
      expect(at(response, 'content', 'application/problem+json', 'schema')).toEqual({
        $ref: '#/components/schemas/Problem',
      });
    }
  });

  test('says that the gateway answers by itself whoever has no key that is good, and nobody else', () => {
    for (const route of routes) {
      const responses = at(document, 'paths', route.path, route.method.toLowerCase(), 'responses') as Json;
      const byGateway = Object.keys(responses).filter(
        (status) =>
          at(responses, status, 'content', 'application/json', 'schema', '$ref') ===
          '#/components/schemas/GatewayMessage',
      );
      expect(byGateway).toEqual(route.scope === null ? [] : ['401', '403']);
    }
  });

  test('has nothing but the routes', () => {
    const paths = Object.entries(document.paths as Json);
    const operations = paths.flatMap(([path, item]) => Object.keys(Object(item)).map((method) => `${method} ${path}`));
    expect(operations.sort()).toEqual(routes.map(({ method, path }) => `${method.toLowerCase()} ${path}`).sort());
  });

  test('has a target for every reference, and a reference for every schema', () => {
    const refs = new Set(refsIn(document));
    for (const ref of refs) expect(at(document, ...ref.slice(2).split('/')), ref).toBeDefined();
    for (const name of Object.keys(Object(schema()))) expect(refs).toContain(`#/components/schemas/${name}`);
  });

  test('is the same every time', () => {
    expect(JSON.stringify(openApiDocument())).toBe(JSON.stringify(document));
  });

  test('has plain JSON only', () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });

  test('says what requests may send, before it is read', () => {
    const amount = {
      anyOf: [
        { type: 'string', pattern: '^(0|[1-9][0-9]{0,23})$', examples: ['1250'] },
        { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
      ],
    };
    expect(schema('TransferRequest', 'properties', 'amount')).toMatchObject(amount);
    expect(schema('TransferRequest', 'properties', 'effectiveAt')).toMatchObject({
      type: 'string',
      format: 'date-time',
    });
    expect(schema('ReconciliationRequest', 'properties', 'endDate')).toMatchObject({ type: 'string', format: 'date' });
    const price = at(
      schema('RateCardRequest'),
      'properties',
      'operations',
      'additionalProperties',
      'properties',
      'prices',
    );
    expect(at(price, 'additionalProperties', 'properties', 'per')).toMatchObject(amount);
    const tier = at(price, 'additionalProperties', 'properties', 'tiers', 'items', 'properties');
    expect(at(tier, 'per')).toMatchObject({ ...amount, default: '1' });
  });

  test('says what may stand in the query, and what is refused there', () => {
    const operation = at(document, 'paths', '/v1/accounts/{accountId}/statement', 'get');
    const parameters = at(operation, 'parameters') as Json[];
    const query = parameters.filter((parameter) => parameter.in === 'query');
    expect(query.map(({ name, required }) => [name, required])).toEqual(
      ['from', 'to', 'limit', 'order', 'cursor'].map((name) => [name, false]),
    );
    expect(query[0]).toMatchObject({ schema: { type: 'string', format: 'date' } });
    expect(query[2]).toMatchObject({ schema: { type: 'integer', minimum: 1, maximum: 500 } });
    expect(query[3]).toMatchObject({ schema: { enum: ['asc', 'desc'] } });
    for (const parameter of query) expect(parameter.description).toBeTypeOf('string');
    expect(at(operation, 'responses', '400', 'description')).toContain('`invalid-request`');
  });

  test('says that fields with a default may be left out of requests', () => {
    expect(schema('ImportRequest', 'required')).toEqual(['format']);
    expect(schema('ImportMapping', 'required')).toBeUndefined();
  });

  test('says what a batch is made of, though it is read one by one', () => {
    expect(schema('UsageBatch', 'properties', 'events', 'items')).toEqual({ $ref: '#/components/schemas/UsageEvent' });
  });

  test('takes usage as CloudEvents too', () => {
    const content = Object(at(document, 'paths', '/v1/usage', 'post', 'requestBody', 'content'));
    expect(Object.keys(content)).toEqual([
      'application/json',
      'application/cloudevents+json',
      'application/cloudevents-batch+json',
    ]);
  });

  test.each([
    ['/v1/charges', 'post', true],
    ['/v1/transfers', 'post', true],
    ['/v1/imports', 'post', false],
    ['/v1/accounts', 'post', false],
    ['/v1/controls/ledger', 'put', false],
  ])(
    'offers the idempotency header for writes of the ledger whose body may leave out the id (%s)',
    (path, method, isOffered) => {
      const parameters = at(document, 'paths', path, method, 'parameters') ?? [];
      const header = { $ref: '#/components/parameters/IdempotencyKey' };
      if (isOffered) expect(parameters).toContainEqual(header);
      else expect(parameters).not.toContainEqual(header);
    },
  );
});
