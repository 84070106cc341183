import { describe, expect, it } from 'vitest';
import { bench, evaluate, machine, single, typesOf } from './harness.ts';

describe('expressions', () => {
  it('become values wherever they stand in a field, and leave other strings alone', async () => {
    const { output } = await bench().run(
      single({
        Type: 'Pass',
        Output: {
          a: ['{% $states.input.n + 1 %}', 'plain {% no %} text'],
          b: { c: '{%$states.input%}' },
          d: null,
          e: 1,
        },
      }),
      { n: 1 },
    );
    expect(output).toEqual({ a: [2, 'plain {% no %} text'], b: { c: { n: 1 } }, d: null, e: 1 });
  });

  it('give plain arrays, so that a filtered array of two stays an array in the next state', async () => {
    const { output } = await bench().run(
      machine({
        Filter: { Type: 'Pass', Output: { found: '{% $states.input.rows[ok].id %}' }, Next: 'Wrap' },
        Wrap: {
          Type: 'Pass',
          Output: '{% { "count": $count($states.input.found), "list": [$states.input.found] } %}',
          End: true,
        },
      }),
      {
        rows: [
          { id: 1, ok: true },
          { id: 2, ok: true },
          { id: 3, ok: false },
        ],
      },
    );
    expect(output).toEqual({ count: 2, list: [1, 2] });
  });

  it('fail with States.QueryEvaluationError when they give nothing, instead of giving null', async () => {
    const failed = await evaluate('$states.input.absent');
    expect(failed).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' });
    expect(failed.cause).toContain("'$states.input.absent' specified for the field 'Output' returned nothing");
    expect(typesOf(failed)).toContain('EvaluationFailed');
  });

  it('fail with States.QueryEvaluationError when they throw', async () => {
    const failed = await evaluate('1 + "a"');
    expect(failed).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' });
    expect(failed.cause).toContain('T2002');
  });

  it('fail with States.QueryEvaluationError when they give a function', async () => {
    expect(await evaluate('$sum')).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' });
    expect(await evaluate('function($x){$x}')).toMatchObject({ error: 'States.QueryEvaluationError' });
  });

  it('keep null, false and 0', async () => {
    expect((await evaluate('[null, false, 0]')).output).toEqual([null, false, 0]);
    expect((await evaluate('$states.input.none', { none: null })).output).toBeNull();
  });

  it('see the time of the clock', async () => {
    expect((await evaluate('[$millis(), $now(), $now("[Y]")]')).output).toEqual([
      Date.parse('2026-11-20T02:00:00Z'),
      '2026-11-20T02:00:00.000Z',
      '2026',
    ]);
  });
});

describe("Step Functions' own functions", () => {
  it.each([
    ['$partition([1,2,3,4,5], 2)', [[1, 2], [3, 4], [5]]],
    ['$partition($states.input.one[n = 1], 2)', [[{ n: 1 }]]],
    ['$range(0, 10, 5)', [0, 5, 10]],
    ['$range(3, 1, -1)', [3, 2, 1]],
    ['$range(1, 0, 1)', []],
    ['$hash("abc", "SHA-256")', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['$hash("abc", "MD5")', '900150983cd24fb0d6963f7d28e17f72'],
    ['$parse("{\\"a\\":[1]}")', { a: [1] }],
    ['$random(7) = $random(7) and $random(7) != $random(8)', true],
    ['$random() != $random()', true],
    ['$uuid() != $uuid()', true],
    ['$match($uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/).index', 0],
  ])('%s', async (expression, expected) => {
    expect((await evaluate(expression, { one: [{ n: 1 }, { n: 2 }] })).output).toEqual(expected);
  });

  it.each(['$partition([1], 0)', '$range(0, 1, 0)', '$hash("abc", "CRC")', '$parse("{")'])(
    '%s is a query error',
    async (expression) => {
      expect(await evaluate(expression)).toMatchObject({ error: 'States.QueryEvaluationError' });
    },
  );

  it('leave out $eval, which is refused when the machine is registered', async () => {
    await expect(evaluate('$eval("1")')).rejects.toThrow('Step Functions does not have $eval');
  });
});
