import { expect, it } from 'vitest';
import { redactor } from '../../src/run/redact.ts';

it('covers the secrets of the environment, and those it is told of, wherever they stand', () => {
  const { hide, redact } = redactor({
    PGPASSWORD: 'hunter22',
    SMTP_URL: 'smtps://mailer:p%40ss:word@mail.example:465',
    STATUS_TOKEN: 'tok-123456',
    HOME: '/home/operator',
  });
  hide('told me so');
  const text = 'hunter22 / p@ss:word / p%40ss:word / tok-123456 / told me so / told%20me%20so / /home/operator';
  expect(redact(text)).toBe('•••• / •••• / •••• / •••• / •••• / •••• / /home/operator');
});

it('covers a secret whole that begins like another', () => {
  const { redact } = redactor({ A_SECRET: 'swordfish', B_SECRET: 'swordfish-and-more' });
  expect(redact('swordfish-and-more')).toBe('••••');
});

it('leaves alone what is too short to be told from ordinary text', () => {
  expect(redactor({ PGPASSWORD: 'a' }).redact('a table')).toBe('a table');
});
