import * as keys from '../schemas/keys.ts';
import type { Route } from './route.ts';

/** API keys. */
export const keysRoutes = {
  createKey: {
    method: 'POST',
    path: '/v1/keys',
    function: 'api/operations',
    scope: 'admin',
    summary: 'Make an API key that may do no more than its maker; the answer alone tells the key',
    body: keys.keyRequest,
    answers: { 201: keys.issuedKey },
    problems: ['conflict', 'unavailable'],
  },
  listKeys: {
    method: 'GET',
    path: '/v1/keys',
    function: 'api/operations',
    scope: 'admin',
    summary: 'List API keys, never their secrets',
    query: keys.keyListQuery,
    answers: { 200: keys.keyList },
    problems: [],
  },
  getKey: {
    method: 'GET',
    path: '/v1/keys/{keyId}',
    function: 'api/operations',
    scope: 'admin',
    summary: 'Read what is known of an API key',
    answers: { 200: keys.apiKey },
    problems: ['not-found'],
  },
  rotateKey: {
    method: 'POST',
    path: '/v1/keys/{keyId}/rotate',
    function: 'api/operations',
    scope: 'admin',
    summary: 'Make an API key that takes the place of another; the old one works on for the overlap',
    body: keys.keyRotationRequest,
    answers: { 201: keys.issuedKey },
    problems: ['not-found', 'key-revoked', 'key-rotated', 'key-expired', 'unavailable'],
  },
  revokeKey: {
    method: 'POST',
    path: '/v1/keys/{keyId}/revoke',
    function: 'api/operations',
    scope: 'admin',
    summary: 'Revoke an API key for ever; a key that was just used may be let in for another 60 seconds',
    answers: { 200: keys.apiKey },
    problems: ['not-found', 'unavailable'],
  },
} as const satisfies Record<string, Route>;
