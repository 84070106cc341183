import { expect, test } from 'vitest';
import { readS3Request, s3Permissions } from '../../../../local/engines/s3/requests.ts';

const bucket = 'arn:aws:s3:::reports';

test.each<[string, string, Record<string, string>, string, string[]]>([
  ['GET', '/', {}, 'ListBuckets', ['s3:ListAllMyBuckets *']],
  ['HEAD', '/reports', {}, 'HeadBucket', [`s3:ListBucket ${bucket}`]],
  ['GET', '/reports/?list-type=2&prefix=a', {}, 'ListObjectsV2', [`s3:ListBucket ${bucket}`]],
  ['GET', '/reports/a%20b/../c', {}, 'GetObject', [`s3:GetObject ${bucket}/a b/../c`]],
  ['HEAD', '/reports/a', {}, 'HeadObject', [`s3:GetObject ${bucket}/a`]],
  ['PUT', '/reports/a?x-id=PutObject', {}, 'PutObject', [`s3:PutObject ${bucket}/a`]],
  [
    'PUT',
    '/reports/a',
    { 'x-amz-copy-source': '/other/b%20c' },
    'CopyObject',
    ['s3:GetObject arn:aws:s3:::other/b c', `s3:PutObject ${bucket}/a`],
  ],
  ['DELETE', '/reports/a', {}, 'DeleteObject', [`s3:DeleteObject ${bucket}/a`]],
  ['POST', '/reports/a?uploads', {}, 'CreateMultipartUpload', [`s3:PutObject ${bucket}/a`]],
  ['PUT', '/reports/a?partNumber=1&uploadId=u', {}, 'UploadPart', [`s3:PutObject ${bucket}/a`]],
  ['POST', '/reports/a?uploadId=u', {}, 'CompleteMultipartUpload', [`s3:PutObject ${bucket}/a`]],
  ['DELETE', '/reports/a?uploadId=u', {}, 'AbortMultipartUpload', [`s3:AbortMultipartUpload ${bucket}/a`]],
])('%s %s %j is %s', (method, target, headers, operation, needed) => {
  const request = readS3Request(method, target, headers);
  expect(request.operation).toBe(operation);
  expect(s3Permissions(request).map(({ action, resourceArn }) => `${action} ${resourceArn}`)).toEqual(needed);
});

test.each([
  ['PUT', '/reports', {}],
  ['GET', '/reports', {}],
  ['GET', '/reports?versioning', {}],
  ['PUT', '/reports/a?tagging', {}],
  ['PUT', '/reports/a?retention', {}],
  ['PUT', '/reports/a', { 'x-amz-tagging': 'k=v' }],
  ['PUT', '/reports/a?partNumber=1&uploadId=u', { 'x-amz-copy-source': '/reports/b' }],
  ['POST', '/reports/a', {}],
])('refuses %s %s %j', (method, target, headers) => {
  expect(() => readS3Request(method, target, headers)).toThrow(expect.objectContaining({ name: 'NotImplemented' }));
});
