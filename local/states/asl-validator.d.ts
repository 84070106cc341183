/** The part of `asl-validator` that is used here; the package ships no types. */
declare module 'asl-validator' {
  function validate(
    definition: object,
    options?: { readonly checkPaths: boolean; readonly checkArn: boolean },
  ): { readonly isValid: boolean; readonly errorsText: (separator?: string) => string };
  export = validate;
}
