import {
  type Announced,
  BUILDS,
  LOCK_MODES,
  type Lock,
  type LockMode,
  type Long,
  locked,
  READS,
  REWRITES,
} from './lock-modes.ts';
import { list, relation, strings } from './parse-tree.ts';
import { within } from './sql-parser.ts';

/** What one subcommand of ALTER TABLE locks besides the table, how strongly it locks that, and for how long. */
interface Part {
  mode: LockMode;
  others?: Lock[];
  long?: Long | undefined;
}

/** Subcommands that take less than ACCESS EXCLUSIVE. Source: the notes of ALTER TABLE in PostgreSQL's documentation. */
const LESSER: Record<string, LockMode> = {
  AT_ValidateConstraint: 'SHARE UPDATE EXCLUSIVE',
  AT_SetStatistics: 'SHARE UPDATE EXCLUSIVE',
  AT_SetOptions: 'SHARE UPDATE EXCLUSIVE',
  AT_ResetOptions: 'SHARE UPDATE EXCLUSIVE',
  AT_ClusterOn: 'SHARE UPDATE EXCLUSIVE',
  AT_DropCluster: 'SHARE UPDATE EXCLUSIVE',
  AT_AttachPartition: 'SHARE UPDATE EXCLUSIVE',
  AT_DetachPartitionFinalize: 'SHARE UPDATE EXCLUSIVE',
  ...Object.fromEntries(
    ['Trig', 'TrigAll', 'TrigUser', 'AlwaysTrig', 'ReplicaTrig'].flatMap((which) => [
      [`AT_Enable${which}`, 'SHARE ROW EXCLUSIVE'],
      [`AT_Disable${which}`, 'SHARE ROW EXCLUSIVE'],
    ]),
  ),
};

/** Storage parameters that are set in ACCESS EXCLUSIVE all the same. */
const HEAVY_OPTIONS = new Set(['user_catalog_table', 'security_barrier', 'security_invoker', 'check_option']);

const NOT_VALID: Long = { ...READS, instead: 'add it NOT VALID, and validate it in a later step' };
const SMALL_STEPS: Long = {
  ...REWRITES,
  instead: 'add the column without it, and fill it in small batches (a backfill step)',
};

const REWRITING = new Set([
  'AT_SetTableSpace',
  'AT_SetLogged',
  'AT_SetUnLogged',
  'AT_SetAccessMethod',
  'AT_SetExpression',
]);

/** What an ALTER TABLE locks: the table in the strongest mode that any of its subcommands needs. */
export function alterations(node: unknown): Announced {
  const cmds = list(node, 'cmds').map((each) => within(each, 'AlterTableCmd'));
  const parts = cmds.map(partOf);
  const strongest = parts.reduce((most, { mode }) => Math.max(most, LOCK_MODES.indexOf(mode)), 0);
  const long = parts.find((part) => part.long?.instead !== undefined)?.long ?? parts.find((part) => part.long)?.long;
  const object = String(within(node, 'objtype') ?? '')
    .replace(/^OBJECT_/, '')
    .replaceAll('_', ' ');
  return {
    statement: `ALTER ${object} … ${[...new Set(cmds.map(wordsOf))].join(', ')}`,
    locks: [
      ...locked(LOCK_MODES[strongest] ?? 'ACCESS EXCLUSIVE', relation(within(node, 'relation'))),
      ...parts.flatMap(({ others = [] }) => others),
    ],
    ...(long && { long }),
  };
}

/** `AT_AddColumn` as `ADD COLUMN`. */
const wordsOf = (cmd: unknown): string =>
  String(within(cmd, 'subtype'))
    .replace(/^AT_/, '')
    .replace('Trig', 'Trigger')
    .replace('RelOptions', 'Options')
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toUpperCase();

function partOf(cmd: unknown): Part {
  const type = String(within(cmd, 'subtype'));
  const mode: LockMode = LESSER[type] ?? 'ACCESS EXCLUSIVE';
  if (REWRITING.has(type)) return { mode, long: REWRITES };
  switch (type) {
    case 'AT_AddConstraint':
      return constraint(within(cmd, 'def', 'Constraint'));
    case 'AT_AddColumn':
      return column(within(cmd, 'def', 'ColumnDef'));
    case 'AT_AlterColumnType':
      return {
        mode,
        long: {
          ...REWRITES,
          instead: 'unless the old type is stored like the new one, fill a new column in small batches',
        },
      };
    case 'AT_SetNotNull':
      return {
        mode,
        long: { ...READS, instead: 'a CHECK (… IS NOT NULL), added NOT VALID and validated, lets it do without' },
      };
    case 'AT_ValidateConstraint':
      return {
        mode,
        others: locked('ROW SHARE', 'the table a foreign key refers to'),
        long: READS,
      };
    case 'AT_DropConstraint':
    case 'AT_DropColumn':
      return { mode, others: locked('ACCESS EXCLUSIVE', 'the table a foreign key of it refers to') };
    case 'AT_SetRelOptions':
    case 'AT_ResetRelOptions': {
      const options = list(cmd, 'def', 'List', 'items').map((each) => String(within(each, 'DefElem', 'defname')));
      return { mode: options.some((each) => HEAVY_OPTIONS.has(each)) ? mode : 'SHARE UPDATE EXCLUSIVE' };
    }
    case 'AT_AttachPartition':
      return {
        mode,
        others: locked('ACCESS EXCLUSIVE', relation(within(cmd, 'def', 'PartitionCmd', 'name'))),
        long: READS,
      };
    case 'AT_DetachPartition': {
      const concurrent = within(cmd, 'def', 'PartitionCmd', 'concurrent') === true;
      return {
        mode: concurrent ? 'SHARE UPDATE EXCLUSIVE' : mode,
        others: locked('ACCESS EXCLUSIVE', relation(within(cmd, 'def', 'PartitionCmd', 'name'))),
      };
    }
    default:
      return { mode };
  }
}

function constraint(node: unknown): Part {
  const unchecked = within(node, 'skip_validation') === true;
  switch (within(node, 'contype')) {
    case 'CONSTR_FOREIGN':
      return {
        mode: 'SHARE ROW EXCLUSIVE',
        others: locked('SHARE ROW EXCLUSIVE', relation(within(node, 'pktable'))),
        long: unchecked ? undefined : NOT_VALID,
      };
    case 'CONSTR_CHECK':
    case 'CONSTR_NOTNULL':
      return { mode: 'ACCESS EXCLUSIVE', long: unchecked ? undefined : NOT_VALID };
    default:
      return {
        mode: 'ACCESS EXCLUSIVE',
        long:
          within(node, 'indexname') === undefined
            ? {
                ...BUILDS,
                instead: 'build a unique index CONCURRENTLY in an index step, then add the constraint USING INDEX',
              }
            : undefined,
      };
  }
}

/** A new column, whose own constraints may need more than the moment the column needs. */
function column(node: unknown): Part {
  const constraints = list(node, 'constraints').map((each) => within(each, 'Constraint'));
  const of = (kind: string) => constraints.find((each) => within(each, 'contype') === kind);
  const fallback = of('CONSTR_DEFAULT');
  const worked = varies(within(fallback, 'raw_expr'));
  const serial = strings(list(node, 'typeName', 'names')).some((name) => /^(small|big)?serial[248]?$/.test(name));
  const stored = of('CONSTR_GENERATED') !== undefined || of('CONSTR_IDENTITY') !== undefined;
  const foreign = of('CONSTR_FOREIGN');
  const indexed = of('CONSTR_UNIQUE') ?? of('CONSTR_PRIMARY');
  const long =
    worked || serial || stored
      ? SMALL_STEPS
      : indexed
        ? constraint(indexed).long
        : of('CONSTR_CHECK') || (foreign && fallback)
          ? NOT_VALID
          : undefined;
  return { mode: 'ACCESS EXCLUSIVE', others: constraint(foreign).others?.filter(() => foreign) ?? [], long };
}

/** Functions whose value is the same all through a statement: it is worked out once, and kept beside the table. */
const STEADY = new Set([
  'now',
  'transaction_timestamp',
  'statement_timestamp',
  'current_setting',
  'to_jsonb',
  'to_json',
]);

/** Whether a default has to be worked out for each row, as far as the text tells: a function that is not known may have to. */
function varies(expression: unknown): boolean {
  if (typeof expression !== 'object' || expression === null) return false;
  return Object.entries(expression).some(([type, node]) => {
    const name = type === 'FuncCall' ? strings(list(node, 'funcname')).at(-1) : undefined;
    return (name !== undefined && !STEADY.has(name)) || varies(node);
  });
}
