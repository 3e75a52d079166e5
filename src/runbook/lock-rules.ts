import { alterations } from './alter-table.ts';
import { declaredLocks } from './declared-locks.ts';
import { type Announced, BUILDS, IN_PASSING, LOCK_MODES, type LockMode, locked, REWRITES } from './lock-modes.ts';
import { list, nameOf, relation, strings } from './parse-tree.ts';
import { within } from './sql-parser.ts';

const option = (node: unknown, key: string, name: string): boolean =>
  list(node, key).some((each) => within(each, 'DefElem', 'defname') === name);
const kindOf = (type: unknown): string =>
  String(type ?? '')
    .replace(/^OBJECT_/, '')
    .replace('MATVIEW', 'MATERIALIZED VIEW')
    .replaceAll('_', ' ');

/** Parts of a table: dropped, renamed or commented on by `table.part`. */
const PARTS = new Set(['OBJECT_POLICY', 'OBJECT_TRIGGER', 'OBJECT_RULE']);
const RELATIONS = new Set(
  ['TABLE', 'VIEW', 'MATVIEW', 'FOREIGN_TABLE', 'SEQUENCE', 'COLUMN', 'TABCONSTRAINT'].map((it) => `OBJECT_${it}`),
);

/** The most a short lock_timeout may be, in ms: behind one who waits for a heavy lock, everybody waits. */
const SHORT = 5_000;
const UNITS: Record<string, number> = { us: 0.001, ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration as SET takes it, in ms; Infinity for 0, which is no limit; NaN for the server's own (DEFAULT). */
function milliseconds(constant: unknown): number {
  const text = within(constant, 'sval', 'sval') ?? within(constant, 'ival', 'ival') ?? (within(constant, 'ival') && 0);
  const [, digits, unit = 'ms'] = /^\s*([\d.]+)\s*([a-z]*)\s*$/.exec(String(text)) ?? [];
  const value = Number(digits) * (UNITS[unit || 'ms'] ?? Number.NaN);
  return value === 0 ? Number.POSITIVE_INFINITY : value;
}

type Rule = (node: unknown) => Announced;

const simple =
  (statement: string, mode: LockMode, path: string[]): Rule =>
  (node) => ({ statement, locks: locked(mode, relation(within(node, ...path))) });

/**
 * What each kind of statement locks, by the type of its node in the parse tree.
 * @see the documentation of each command, and chapter 13.3; held against pg_locks by a test
 */
export const RULES: Readonly<Record<string, Rule>> = {
  AlterTableStmt: alterations,
  CreatePolicyStmt: simple('CREATE POLICY', 'ACCESS EXCLUSIVE', ['table']),
  AlterPolicyStmt: simple('ALTER POLICY', 'ACCESS EXCLUSIVE', ['table']),
  RuleStmt: simple('CREATE RULE', 'ACCESS EXCLUSIVE', ['relation']),
  CreateTrigStmt: simple('CREATE TRIGGER', 'SHARE ROW EXCLUSIVE', ['relation']),
  AlterSeqStmt: simple('ALTER SEQUENCE', 'SHARE ROW EXCLUSIVE', ['sequence']),
  AlterObjectSchemaStmt: (node) => {
    const statement = `ALTER ${kindOf(within(node, 'objectType'))} SET SCHEMA`;
    const name = relation(within(node, 'relation'));
    return { statement, locks: name === '' ? [] : locked('ACCESS EXCLUSIVE', name) };
  },
  IndexStmt: (node) => {
    const concurrent = within(node, 'concurrent') === true;
    return {
      statement: concurrent ? 'CREATE INDEX CONCURRENTLY' : 'CREATE INDEX',
      locks: locked(concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE', relation(within(node, 'relation'))),
      long: concurrent ? IN_PASSING : BUILDS,
    };
  },
  ReindexStmt: (node) => {
    const name = relation(within(node, 'relation')) || 'every table of it';
    const index = within(node, 'kind') === 'REINDEX_OBJECT_INDEX';
    const table = index ? `the table of ${name}` : name;
    if (option(node, 'params', 'concurrently')) {
      return {
        statement: 'REINDEX CONCURRENTLY',
        locks: locked('SHARE UPDATE EXCLUSIVE', table),
        long: IN_PASSING,
      };
    }
    const locks = [...locked('SHARE', table), ...locked('ACCESS EXCLUSIVE', index ? name : `the indexes of ${name}`)];
    return { statement: 'REINDEX', locks, long: { ...BUILDS, instead: 'REINDEX … CONCURRENTLY blocks nobody' } };
  },
  CreateStmt: (node) => {
    const foreign = [...list(node, 'tableElts'), ...list(node, 'constraints')].flatMap((element) => [
      element,
      ...list(element, 'ColumnDef', 'constraints'),
    ]);
    const referenced = foreign.flatMap((each) => relation(within(each, 'Constraint', 'pktable')) || []);
    const parents = list(node, 'inhRelations').map((each) => relation(within(each, 'RangeVar')));
    const part = within(node, 'partbound') !== undefined;
    return {
      statement: part ? 'CREATE TABLE … PARTITION OF' : 'CREATE TABLE',
      locks: [
        ...locked('SHARE ROW EXCLUSIVE', ...new Set(referenced)),
        ...locked(part ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE', ...parents),
      ],
      makes: relation(within(node, 'relation')),
    };
  },
  CreateTableAsStmt: (node) => ({
    statement: 'CREATE TABLE AS',
    locks: [],
    makes: relation(within(node, 'into', 'rel')),
  }),
  ViewStmt: (node) => ({
    statement: 'CREATE VIEW',
    locks: within(node, 'replace') === true ? locked('ACCESS EXCLUSIVE', relation(within(node, 'view'))) : [],
  }),
  DropStmt: dropped,
  RenameStmt: (node) => {
    const index = within(node, 'renameType') === 'OBJECT_INDEX';
    const name = relation(within(node, 'relation'));
    return {
      statement: `ALTER ${kindOf(within(node, 'renameType'))} RENAME`,
      locks: name === '' ? [] : locked(index ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE', name),
    };
  },
  TruncateStmt: (node) => ({
    statement: 'TRUNCATE',
    locks: locked(
      'ACCESS EXCLUSIVE',
      ...list(node, 'relations').map((each) => relation(within(each, 'RangeVar'))),
      ...(within(node, 'behavior') === 'DROP_CASCADE' ? ['every table that refers to it'] : []),
    ),
  }),
  LockStmt: (node) => ({
    statement: 'LOCK TABLE',
    locks: locked(
      LOCK_MODES[Number(within(node, 'mode')) - 1] ?? 'ACCESS EXCLUSIVE',
      ...list(node, 'relations').map((each) => relation(within(each, 'RangeVar'))),
    ),
  }),
  VacuumStmt: (node) => {
    const full = option(node, 'options', 'full');
    const tables = list(node, 'rels').map((each) => relation(within(each, 'VacuumRelation', 'relation')));
    return {
      statement: within(node, 'is_vacuumcmd') !== true ? 'ANALYZE' : full ? 'VACUUM FULL' : 'VACUUM',
      locks: locked(
        full ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE',
        ...(tables.length === 0 ? ['one table after the other'] : tables),
      ),
      long: full ? { ...REWRITES, instead: 'VACUUM without FULL blocks nobody' } : { says: 'while it reads the table' },
    };
  },
  ClusterStmt: (node) => ({
    statement: 'CLUSTER',
    locks: locked('ACCESS EXCLUSIVE', relation(within(node, 'relation')) || 'one table after the other'),
    long: REWRITES,
  }),
  RefreshMatViewStmt: (node) => ({
    statement: 'REFRESH MATERIALIZED VIEW',
    locks: locked(
      within(node, 'concurrent') === true ? 'EXCLUSIVE' : 'ACCESS EXCLUSIVE',
      relation(within(node, 'relation')),
    ),
    long: { says: 'while it works the query out', instead: 'REFRESH … CONCURRENTLY lets readers by' },
  }),
  CommentStmt: (node) => {
    const type = String(within(node, 'objtype'));
    const names = strings(list(node, 'object', 'List', 'items'));
    if (!RELATIONS.has(type) || type === 'OBJECT_TABCONSTRAINT')
      return { statement: `COMMENT ON ${kindOf(type)}`, locks: [] };
    const name = nameOf(type === 'OBJECT_COLUMN' ? names.slice(0, -1) : names);
    return { statement: `COMMENT ON ${kindOf(type)}`, locks: locked('SHARE UPDATE EXCLUSIVE', name) };
  },
  CreateStatsStmt: (node) => ({
    statement: 'CREATE STATISTICS',
    locks: locked(
      'SHARE UPDATE EXCLUSIVE',
      ...list(node, 'relations').map((each) => relation(within(each, 'RangeVar'))),
    ),
  }),
  CopyStmt: (node) => ({
    statement: 'COPY',
    locks:
      within(node, 'is_from') === true
        ? locked('ROW EXCLUSIVE', relation(within(node, 'relation')))
        : locked('ACCESS SHARE', relation(within(node, 'relation'))),
  }),
  VariableSetStmt: (node) => ({
    statement: `SET ${within(node, 'name')}`,
    locks: [],
    patient: within(node, 'name') === 'lock_timeout' && !(milliseconds(within(node, 'args', 0, 'A_Const')) <= SHORT),
  }),
  DoStmt: declaredLocks,
  CallStmt: () => ({ statement: 'CALL', locks: [], unknown: 'what a procedure does is not looked into' }),
};

function dropped(node: unknown): Announced {
  const type = String(within(node, 'removeType'));
  const statement = `DROP ${kindOf(type)}`;
  const names = list(node, 'objects').map((each) => strings(list(each, 'List', 'items')));
  if (type === 'OBJECT_INDEX') {
    const indexes = names.map(nameOf);
    return within(node, 'concurrent') === true
      ? { statement: `${statement} CONCURRENTLY`, locks: locked('SHARE UPDATE EXCLUSIVE', ...tablesOf(indexes)) }
      : { statement, locks: locked('ACCESS EXCLUSIVE', ...indexes, ...tablesOf(indexes)) };
  }
  const parts = PARTS.has(type);
  const relations = names.map((each) => nameOf(parts ? each.slice(0, -1) : each));
  const more =
    type === 'OBJECT_TABLE' || type === 'OBJECT_FOREIGN_TABLE' ? ['the tables its foreign keys refer to'] : [];
  const locks = parts || RELATIONS.has(type) ? locked('ACCESS EXCLUSIVE', ...relations, ...more) : [];
  const cascades = within(node, 'behavior') === 'DROP_CASCADE' || CONTAINERS.has(type);
  return { statement, locks, ...(cascades && { unknown: 'what depends on it goes with it, and is locked as well' }) };
}

const tablesOf = (indexes: string[]): string[] => indexes.map((name) => `the table of ${name}`);

/** What goes with these, cascade or not, cannot be told from the text. */
const CONTAINERS = new Set(['OBJECT_EXTENSION']);
