import { describe, expect, it } from 'vitest';
import { createRouteFinder } from '../../../local/http-api/routes.ts';

const keys = [
  'GET /pets/dog/1',
  'GET /pets/dog/{id}',
  'GET /pets/{proxy+}',
  'ANY /{proxy+}',
  'POST /pets/{kind}/feed',
  'ANY /pets/cat/{action}',
  'PUT /pets/cat/{id}',
];
const find = createRouteFinder(new Map(keys.map((key) => [key, key])));
const found = (method: string, path: string) => {
  const match = find(method, path);
  return match && [match.route, Object.fromEntries(match.parameters)];
};

describe('routes', () => {
  it.each([
    ['GET', '/pets/dog/1', 'GET /pets/dog/1', {}],
    ['GET', '/pets/dog/2', 'GET /pets/dog/{id}', { id: '2' }],
    ['GET', '/pets/cat/1', 'ANY /pets/cat/{action}', { action: '1' }],
    ['PUT', '/pets/cat/1', 'PUT /pets/cat/{id}', { id: '1' }],
    ['GET', '/pets/bird/1/2', 'GET /pets/{proxy+}', { proxy: 'bird/1/2' }],
    ['POST', '/pets/dog/feed', 'POST /pets/{kind}/feed', { kind: 'dog' }],
    ['POST', '/test/5', 'ANY /{proxy+}', { proxy: 'test/5' }],
    ['GET', '/pets/dog/', 'GET /pets/{proxy+}', { proxy: 'dog/' }],
  ])('%s %s goes to %s', (method, path, route, parameters) => {
    expect(found(method, path)).toEqual([route, parameters]);
  });

  it('fall back to $default, and to nothing without one', () => {
    expect(find('GET', '/')).toBeUndefined();
    const withDefault = createRouteFinder(
      new Map([
        ['$default', 'rest'],
        ['GET /a', 'a'],
      ]),
    );
    expect(withDefault('GET', '/b')?.route).toBe('rest');
  });

  it('never give a variable an empty segment', () => {
    const one = createRouteFinder(new Map([['GET /a/{id}', 'one']]));
    expect(one('GET', '/a/')).toBeUndefined();
  });
});
