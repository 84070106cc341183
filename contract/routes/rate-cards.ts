import * as prices from '../schemas/price-questions.ts';
import * as rateCards from '../schemas/rate-cards.ts';
import type { Route } from './route.ts';

/** Prices: published, asked for, and tried on past usage. */
export const rateCardsRoutes = {
  listRateCards: {
    method: 'GET',
    path: '/v1/rate-cards',
    function: 'api/operations',
    scope: 'ledger:read',
    summary: 'List the versions of all rate cards',
    boundKeys: true,
    answers: { 200: rateCards.rateCardList },
    problems: [],
  },
  publishRateCard: {
    method: 'PUT',
    path: '/v1/rate-cards',
    function: 'api/operations',
    scope: 'admin',
    summary: 'Publish a version of a rate card; a published version never changes',
    body: rateCards.rateCardRequest,
    answers: { 201: rateCards.rateCard, 200: rateCards.rateCard },
    problems: ['conflict'],
  },
  previewPrice: {
    method: 'POST',
    path: '/v1/rate-cards/preview',
    function: 'api/operations',
    scope: 'ledger:read',
    summary: 'Say what a request would cost, by the rate card or by a proposed version of it',
    boundKeys: true,
    body: prices.pricePreviewRequest,
    answers: { 200: prices.pricePreview },
    problems: ['account-unknown', 'not-found', 'unpriced'],
  },
  rateCardEffect: {
    method: 'POST',
    path: '/v1/rate-cards/effect',
    function: 'api/operations',
    scope: 'ledger:read',
    summary: 'Say what a proposed version of a rate card would have changed in past usage',
    body: prices.rateCardEffectRequest,
    answers: { 200: prices.rateCardEffect },
    problems: ['too-much-usage', 'unavailable'],
  },
} as const satisfies Record<string, Route>;
