import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readNoticeTemplates } from '../../../config/notices.ts';
import { noticeOf, percentText } from '../../../domain/invoices/notice.ts';
import { fillTemplate, templateFaults } from '../../../domain/invoices/notice-template.ts';

describe('the figures of a notice', () => {
  test.each([
    [
      861n,
      781n,
      50n,
      { kind: 'over-charged', difference: 80n, absorbed: 0n, finalAmount: 781n, percentHundredths: 929n },
    ],
    [
      100n,
      109n,
      50n,
      { kind: 'under-charged', difference: 9n, absorbed: 5n, finalAmount: 104n, percentHundredths: 900n },
    ],
    [100n, 109n, 100n, { absorbed: 9n, finalAmount: 100n }],
    [100n, 109n, 0n, { absorbed: 0n, finalAmount: 109n }],
    [-80n, -100n, 50n, { kind: 'over-charged', difference: 20n, finalAmount: -100n, percentHundredths: 2500n }],
  ] as const)('of %s that should have been %s, with %s percent borne', (charged, correct, percent, figures) => {
    expect(noticeOf(charged, correct, percent)).toMatchObject(figures);
  });

  test('are none where nothing changes, and have no percentage where nothing was charged', () => {
    expect(noticeOf(5n, 5n, 50n)).toBeUndefined();
    expect(noticeOf(0n, 5n, 50n)).not.toHaveProperty('percentHundredths');
    expect(percentText(5n)).toBe('0.05');
  });

  test('never have a customer pay more than is right, nor less than was asked for, and round for the customer', () => {
    const amount = fc.bigInt(0n, 10n ** 24n);
    fc.assert(
      fc.property(amount, amount, fc.bigInt(0n, 100n), (charged, correct, percent) => {
        const notice = noticeOf(charged, correct, percent);
        if (notice === undefined) return charged === correct;
        const { absorbed, difference, finalAmount } = notice;
        if (notice.kind === 'over-charged') return finalAmount === correct && absorbed === 0n;
        const isFair = absorbed * 100n >= difference * percent && (absorbed - 1n) * 100n < difference * percent;
        return isFair && finalAmount <= correct && finalAmount >= charged;
      }),
    );
  });
});

describe('a template', () => {
  const templates = readNoticeTemplates();
  const over = templates['over-charged'];

  test('as it is shipped has no faults', () => {
    expect(templateFaults('over-charged', over)).toEqual([]);
    expect(templateFaults('under-charged', templates['under-charged'])).toEqual([]);
  });

  test.each([
    ['a name that nothing stands for', `${over} {{ total }}`, ['{{total}}, which nothing stands for']],
    ['a name of the other kind', `${over}{{finalAmount}}`, ['{{finalAmount}}, which nothing stands for']],
    ['several at once', `${over.replaceAll('{{percent}}', '')}{{x}}`, ['{{x}}', 'does not say {{percent}}']],
    ['braces that are not closed', `${over}{{charged`, ['braces without its other']],
    ['no subject', over.replace('Subject: ', ''), ['must begin with a line "Subject: ..."']],
    ['no text', 'Subject: {{charged}}{{correct}}{{difference}}{{percent}}', ['nothing below its subject']],
  ])('with %s is at fault, by name', (_, template, faults) => {
    const found = templateFaults('over-charged', template);
    expect(found).toEqual(faults.map((fault) => expect.stringContaining(fault)));
  });

  test('is filled in once: what stands for a name is not read for names again', () => {
    const filled = fillTemplate('Subject: {{ account }}\r\n\nYou, {{account}}: {{charged}}.\n', {
      account: 'customer:{{charged}}$&',
      charged: '5 TOKEN',
    });
    expect(filled.subject).toBe('customer:{{charged}}$&');
    expect(filled.body).toBe('You, customer:{{charged}}$&: 5 TOKEN.');
  });
});
