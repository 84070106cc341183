import type * as z from 'zod';

/**
 * Has something built when it is first asked for, and then kept. Of all that a function's routes name its first request
 * needs a schema or two, and building the others would be a tenth of its cold start (`npm run bench -- cold-start`).
 */
export function deferred<T>(build: () => T): () => T {
  let built: { readonly value: T } | undefined;
  return () => {
    built ??= { value: build() };
    return built.value;
  };
}

/** A schema as routes name it: built, or deferred. */
export type Schema<Built extends z.ZodType = z.ZodType> = Built | (() => Built);

export function built<Built extends z.ZodType>(schema: Schema<Built>): Built {
  return typeof schema === 'function' ? schema() : schema;
}

type BuiltOf<S> = S extends () => infer Built ? Built : S;

/** What a schema takes and gives, built or deferred. */
export type InputOf<S> = z.input<BuiltOf<S>>;
export type OutputOf<S> = z.output<BuiltOf<S>>;
