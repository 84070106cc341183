/**
 * Takes the place of the SDK's chain of credential providers when functions are bundled: Lambda always hands the role's
 * credentials over in the environment, and the providers for laptops, containers and single sign-on would be a fifth of
 * the bundle and of its loading time.
 */
export const defaultProvider = () => async () => {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
  if (AWS_ACCESS_KEY_ID === undefined || AWS_SECRET_ACCESS_KEY === undefined) {
    throw new MissingCredentialsError('The environment holds no AWS credentials, which Lambda always sets.');
  }
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    ...(AWS_SESSION_TOKEN !== undefined && { sessionToken: AWS_SESSION_TOKEN }),
  };
};

export class MissingCredentialsError extends Error {
  override name = 'MissingCredentialsError';
}
