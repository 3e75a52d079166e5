import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entriesOf } from '../../src/postgres/filed-passwords.ts';
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

it.each([
  ['a URL', { DATABASE_URL: 'postgres://me:s3cr3t@@db.example/app' }, 's3cr3t@'],
  ['the query of a URL', { DATABASE_URL: 'postgres://db.example/app?user=me&password=s3cr3t&x=1' }, 's3cr3t'],
  ['a connection string', { DSN: "host=db user=me password = 's3\\'cr3t' dbname=app" }, "s3'cr3t"],
  ['a list of URLs', { BROKERS: 'amqp://a:first-one@x,amqp://b:second-one@y' }, 'second-one'],
])('knows the password in %s', (_, env, password) => {
  expect(redactor(env).redact(`it is ${password}.`)).toBe('it is ••••.');
});

it('reads the entries of a password file', () => {
  expect(entriesOf('# mine\nlocalhost:5432:*:me:s3\\:cr3t\\\\\n::1:x\n\\[\\:\\:1]:5:a:b:other')).toEqual([
    ['localhost', '5432', '*', 'me', 's3:cr3t\\'],
    ['[::1]', '5', 'a', 'b', 'other'],
  ]);
});

it('covers a secret whole that begins like another', () => {
  const { redact } = redactor({ A_SECRET: 'swordfish', B_SECRET: 'swordfish-and-more' });
  expect(redact('swordfish-and-more')).toBe('••••');
});

it('leaves alone what is too short to be told from ordinary text', () => {
  expect(redactor({ PGPASSWORD: 'a' }).redact('a table')).toBe('a table');
});

describe('whatever a secret is, nothing of it is left', () => {
  // Letters that stand nowhere else in what surrounds it, and every sign that some quoting treats in its own way.
  const secrets = fc
    .array(fc.constantFrom(...'QZXJqzxj7"\'\\$&<>%+/=?#@:; \tüß€🔑'), { minLength: 8, maxLength: 40 })
    .map((signs) => signs.join(''))
    .filter((secret) => secret.trim() === secret && secret.replace(/[\\'"\s+%]/g, '').length >= 6);
  const utf8 = (text: string) => Buffer.from(text);
  const forms: Record<string, (secret: string, before: string) => string> = {
    plain: (secret) => secret,
    'URL-encoded': (secret) => encodeURIComponent(secret),
    'URL-encoded in small letters': (secret) =>
      encodeURIComponent(secret).replace(/%../g, (each) => each.toLowerCase()),
    'in a form': (secret) => new URLSearchParams({ it: secret }).toString().slice('it='.length),
    'every byte in percent': (secret) =>
      [...utf8(secret)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
    'as JSON': (secret) => JSON.stringify(secret).slice(1, -1),
    'JSON in JSON': (secret) => JSON.stringify(JSON.stringify(secret)),
    'JSON in codes': (secret) =>
      Array.from({ length: secret.length }, (_, i) => `\\u${secret.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
        '',
      ),
    base64: (secret) => utf8(secret).toString('base64'),
    'base64 behind something': (secret, before) => utf8(`${before}${secret}${before}`).toString('base64'),
    'base64 for URLs': (secret, before) => utf8(`${before}${secret}`).toString('base64url'),
    'base64 in lines': (secret, before) => utf8(`${before}${secret}`).toString('base64').replace(/.{19}/g, '$&\n'),
    hex: (secret) => utf8(secret).toString('hex'),
    'hex in capitals, with colons': (secret) =>
      utf8(secret)
        .toString('hex')
        .toUpperCase()
        .replace(/..(?!$)/g, '$&:'),
    'as SQL': (secret) => `'${secret.replaceAll("'", "''")}'`,
    'a shell': (secret) => `'${secret.replaceAll("'", "'\\''")}'`,
    'a shell, sign by sign': (secret) => secret.replace(/[^\p{L}\p{N}]/gu, '\\$&'),
    'wrapped lines': (secret) => secret.replace(/.{5}/gu, '$&\n    '),
  };

  // Quotes, spaces and the like at its very edges may stay: they tell nothing, and belong to what surrounds it as well.
  const edge = String.raw`(?:[\\"'\s+]|%(?:20|22|27|2b|5c|09)|\\+u00(?:20|22|27|2b|5c|09)|\\+t)*`;
  const QUOTES = new RegExp(`^${edge}•+${edge}$`, 'i');

  it.each(Object.keys(forms))('%s', (form) => {
    fc.assert(
      fc.property(secrets, fc.constantFrom('', 'u', 'us', 'me:'), (secret, before) => {
        const { redact } = redactor({ THE_SECRET: secret });
        const left = redact(forms[form]?.(secret, before) ?? '');
        // Of base64, the digits at the edges hold bits of what surrounds the secret, too.
        const rest = form.startsWith('base64') ? /^.{0,8}\n?•+\n?.{0,10}$/s : QUOTES;
        expect(left).toMatch(rest);
      }),
    );
  });
});

it('goes through much text with many secrets to its end', () => {
  const env = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`SECRET_${i}`, `s3cr3t/${i}+${'x'.repeat(40)}`]),
  );
  const { redact } = redactor(env);
  const text = 'select "s", s3 from some.table where s3cr3t = $1; -- and so on\n'.repeat(32_000);
  expect(redact(`${text}${env.SECRET_7}`)).toBe(`${text}••••`);
});
