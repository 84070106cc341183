/** The function was deployed without a variable that it needs; the message names it. */
export class MissingEnvironmentError extends Error {
  override name = 'MissingEnvironmentError';
}

/** Reads required environment variables by name. @throws MissingEnvironmentError naming the first that is not set. */
export function environment<Name extends string>(...names: Name[]): Record<Name, string> {
  const values = names.map((name): [Name, string] => {
    const value = process.env[name];
    if (value === undefined || value === '')
      throw new MissingEnvironmentError(`The environment variable ${name} is not set.`);
    return [name, value];
  });
  return Object.fromEntries(values) as Record<Name, string>;
}
