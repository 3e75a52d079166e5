import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { databaseArchive, refuseTarget } from '../../src/cli/database-archive.ts';
import type { Journal } from '../../src/run/journal/journal.ts';
import { commitProxy } from '../steps/commit-proxy.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { says } from './said.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());
beforeEach(() => db.superuser.query('drop schema if exists middlewatch_journal cascade'));

describe('a database', () => {
  async function opened(url = db.url): Promise<Journal> {
    const journal = await databaseArchive(url).make('night-1');
    onTestFinished(() => journal.close());
    return journal;
  }

  it('that committed an append and could not say so is asked before it is written again', async () => {
    await using proxy = await commitProxy(db.env);
    const { PGHOST, PGPORT } = proxy.env;
    const journal = await opened(`postgres://${db.env.PGUSER}:${db.env.PGPASSWORD}@${PGHOST}:${PGPORT}/${db.name}`);
    await journal.append('terminal', 5, [says('one')]);
    proxy.armed = true;
    const written = await journal.append('terminal', 5, [says('two'), says('three')]);
    expect(proxy.armed).toBe(false);
    expect((await journal.read(1)).map(({ hash }) => hash)).toEqual(written.map(({ hash }) => hash));
  });

  it('that ends a connection is asked again on another', async () => {
    const journal = await opened();
    const endAll = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'middlewatch journal'`;
    await db.superuser.query(endAll);
    await journal.append('terminal', 5, [says('one')]);
    await db.superuser.query(endAll);
    expect(await journal.read(0)).toHaveLength(1);
  });

  it('keeps an append whatever the role’s own settings, and one that stands still in the middle holds nobody up', async () => {
    await db.superuser.query(`alter role ${db.env.PGUSER} in database ${db.name} set synchronous_commit = off`);
    const journal = await opened();
    await db.superuser.query(`
      create function middlewatch_journal.told() returns trigger language plpgsql as
        $$ begin new.event := current_setting('synchronous_commit') || current_setting('idle_in_transaction_session_timeout'); return new; end $$;
      create trigger told before insert on middlewatch_journal.record for each row execute function middlewatch_journal.told()`);
    await journal.append('terminal', 5, [says('one')]);
    const { rows } = await db.superuser.query('select event from middlewatch_journal.record');
    expect(rows).toEqual([{ event: 'on5s' }]);
  });

  it('keeps the journals of many runs, each its own, and is told of by name', async () => {
    const [one, other] = [await opened(), await databaseArchive(db.url).make('other-1')];
    onTestFinished(() => other.close());
    await one.append('terminal', 5, [says('one')]);
    await other.append('terminal', 7, [says('other')]);
    expect((await other.read(0)).map(({ event }) => event)).toEqual([says('other')]);
    const latest = await databaseArchive(db.url).open(undefined);
    onTestFinished(() => latest.close());
    expect((await latest.read(0)).map(({ event }) => event)).toEqual([says('other')]);
    await expect(databaseArchive(db.url).open('third')).rejects.toThrow(
      /no run called third\. Known: other-1, night-1\./,
    );
  });

  it('that is itself worked on is refused, by whatever name it goes', async () => {
    await using other = await freshDatabase();
    const alias = db.url.replace('127.0.0.1', 'localhost').replace('postgresql:', 'postgres:');
    await expect(refuseTarget(alias, db.env)).rejects.toThrow(/^The journal .* would be in the very database/);
    await refuseTarget(other.url, db.env);
  });

  it('of another version’s layout is left alone', async () => {
    await opened();
    await db.superuser.query('update middlewatch_journal.format set version = 7');
    await expect(databaseArchive(db.url).make('other-1')).rejects.toThrow(/has the format 7/);
  });
});
