// Loaded into a conductor's process before the program (`node --import`): brings a fault about at a moment that cannot be
// hit from outside. What it is, the variable FAULT says. The program itself knows nothing of it.
import { writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';

const [fault = '', ...how] = (process.env.FAULT ?? '').split(' ');

/**
 * Calls back around each commit of a transaction that has appended to the journal, be it a file or in a database, with its
 * number in this process, from 1.
 */
function onAppend(before: (nth: number) => void, after: (nth: number) => void): void {
  const { prepare, exec } = DatabaseSync.prototype;
  const { query } = pg.Client.prototype;
  const appending = new WeakSet<DatabaseSync | pg.Client>();
  let count = 0;
  DatabaseSync.prototype.prepare = function (sql, ...rest) {
    const statement = prepare.call(this, sql, ...rest);
    if (!/^insert into record\b/.test(sql)) return statement;
    const { run } = statement;
    return Object.assign(statement, {
      run: (...values: Parameters<typeof run>) => {
        appending.add(this);
        return run.apply(statement, values);
      },
    });
  };
  DatabaseSync.prototype.exec = function (sql) {
    const appended = sql === 'commit' && appending.delete(this);
    if (appended) before(++count);
    exec.call(this, sql);
    if (appended) after(count);
  };
  const asked = async function (this: pg.Client, ...args: unknown[]) {
    const [text] = args;
    if (typeof text === 'string' && /^insert into middlewatch_journal\.record\b/.test(text.trim())) appending.add(this);
    const appended = text === 'commit' && appending.delete(this);
    if (appended) before(++count);
    const result: unknown = await Reflect.apply(query, this, args);
    if (appended) after(count);
    return result;
  };
  Object.assign(pg.Client.prototype, {
    query(this: pg.Client, ...args: unknown[]) {
      // Whoever hands a callback or a query object over awaits no promise.
      return typeof args[0] === 'string' && typeof args.at(-1) !== 'function'
        ? asked.apply(this, args)
        : Reflect.apply(query, this, args);
    },
  });
}

const die = () => process.kill(process.pid, 'SIGKILL');
const nothing = () => undefined;

switch (fault) {
  case '':
    break;
  case 'count': {
    const [path = ''] = how;
    onAppend(nothing, (nth) => writeFileSync(path, String(nth)));
    break;
  }
  case 'die-before':
  case 'die-after': {
    const at = Number(how[0]);
    const dieAt = (nth: number) => nth === at && die();
    if (fault === 'die-before') onAppend(dieAt, nothing);
    else onAppend(nothing, dieAt);
    break;
  }
  case 'clock': {
    // Every so many appends the clock on the wall is set, by so many ms.
    const [every, ...steps] = how.map(Number);
    const { now } = Date;
    let ahead = 0;
    Date.now = () => now() + ahead;
    onAppend(nothing, (nth) => {
      if (nth % (every ?? 1) === 0) ahead += steps[(nth / (every ?? 1)) % steps.length] ?? 0;
    });
    break;
  }
  default:
    throw new Error(`There is no fault ${fault}.`);
}
