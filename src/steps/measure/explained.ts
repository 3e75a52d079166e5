import type { PoolClient } from 'pg';
import { bind } from '../../runbook/sql-file.ts';
import { source, type World } from '../world.ts';

/** One node of EXPLAIN (FORMAT JSON); its keys are PostgreSQL's. */
interface PlanNode {
  'Node Type': string;
  'Index Name'?: string;
  'Index Cond'?: string;
  'Relation Name'?: string;
  Alias?: string;
  Schema?: string;
  Filter?: string;
  'Parent Relationship'?: string;
  Plans?: PlanNode[];
}

interface Explanation {
  Plan: PlanNode;
  'Planning Time'?: number;
  'Execution Time'?: number;
}

/** A table read from end to end, and the condition that is held against each of its rows. */
export interface WholeRead {
  schema: string;
  name: string;
  alias: string;
  condition: string;
}

/** How the server runs a query. Subqueries that are worked out beside it are left out. */
export interface Explained {
  /** Planning and execution on the server, in ms: what the network adds is not the migration's doing. 0 when it was not run. */
  ms: number;
  /** Those that lead to the rows: one that is read from end to end, for its order or its columns, leads nowhere. */
  indexes: string[];
  wholeReads: WholeRead[];
  /** The nodes from the outermost in, for people to read. */
  path: string;
}

/**
 * The one query of a file under EXPLAIN: run, or only planned as it would be if reading a whole table were to be avoided
 * at any price, which lasts until the savepoint or transaction around it is rolled back.
 */
export async function explained(
  client: PoolClient,
  world: World,
  path: string,
  vars: Record<string, string>,
  how: 'run' | 'plan by index',
): Promise<Explained> {
  const { text, values } = bind(source(world, path).text, vars);
  if (how === 'plan by index') await client.query('set local enable_seqscan = off');
  // Timing every node would slow down what is being timed.
  const options = how === 'run' ? 'analyze, verbose, timing off' : 'verbose';
  const { rows } = await client.query<{ 'QUERY PLAN': Explanation[] }>(
    `explain (${options}, format json) ${text}`,
    values,
  );
  const top = rows[0]?.['QUERY PLAN'][0];
  if (top === undefined) throw new Error(`${path} has no plan.`);
  const nodes = flat(top.Plan);
  return {
    ms: (top['Planning Time'] ?? 0) + (top['Execution Time'] ?? 0),
    indexes: [
      ...new Set(nodes.flatMap((node) => (node['Index Cond'] === undefined ? [] : (node['Index Name'] ?? [])))),
    ],
    wholeReads: nodes.flatMap((node) => {
      const { Schema: schema = '', 'Relation Name': name = '', Alias: alias = name, Filter: condition } = node;
      return node['Node Type'] === 'Seq Scan' && condition !== undefined ? [{ schema, name, alias, condition }] : [];
    }),
    path: nodes.map((node) => [node['Node Type'], node['Index Name']].filter(Boolean).join(' ')).join(' › '),
  };
}

function flat(node: PlanNode): PlanNode[] {
  const within = (node.Plans ?? []).filter((each) => !/^(Init|Sub)Plan$/.test(each['Parent Relationship'] ?? ''));
  return [node, ...within.flatMap(flat)];
}
