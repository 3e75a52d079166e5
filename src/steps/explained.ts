import type { PoolClient } from 'pg';
import { bind } from '../runbook/sql-file.ts';
import { source, type World } from './world.ts';

/** Fewer pages than this and the planner reads the whole table anyway: no index in the plan then says nothing. */
const SMALL_PAGES = 50;

/** One node of EXPLAIN (FORMAT JSON); its keys are PostgreSQL's. */
interface PlanNode {
  'Node Type': string;
  'Index Name'?: string;
  'Relation Name'?: string;
  Schema?: string;
  'Parent Relationship'?: string;
  Plans?: PlanNode[];
}

/** How the server ran a query. */
export interface Explained {
  /** Planning and execution on the server, in ms: what the network adds is not the migration's doing. */
  ms: number;
  indexes: string[];
  relations: { schema: string; name: string }[];
  /** The nodes from the outermost in, for people to read; subqueries that run once are left out. */
  path: string;
}

/** Runs the one query of a file under EXPLAIN ANALYZE. */
export async function explained(
  client: PoolClient,
  world: World,
  path: string,
  vars: Record<string, string>,
): Promise<Explained> {
  const { text, values } = bind(source(world, path).text, vars);
  // Timing every node would slow down what is being timed.
  const { rows } = await client.query<{
    'QUERY PLAN': { Plan: PlanNode; 'Planning Time': number; 'Execution Time': number }[];
  }>(`explain (analyze, verbose, timing off, format json) ${text}`, values);
  const top = rows[0]?.['QUERY PLAN'][0];
  if (top === undefined) throw new Error(`${path} has no plan.`);
  const nodes = flat(top.Plan);
  return {
    ms: top['Planning Time'] + top['Execution Time'],
    indexes: [...new Set(nodes.flatMap((node) => node['Index Name'] ?? []))],
    relations: nodes.flatMap((node) =>
      node['Relation Name'] === undefined ? [] : [{ schema: node.Schema ?? '', name: node['Relation Name'] }],
    ),
    path: nodes
      .filter((node) => node['Parent Relationship'] !== 'InitPlan')
      .map((node) => [node['Node Type'], node['Index Name']].filter(Boolean).join(' '))
      .join(' › '),
  };
}

function flat(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flat)];
}

/** Whether all that the query reads is too small for the planner to care about an index. */
export async function tooSmall(client: PoolClient, relations: Explained['relations']): Promise<boolean> {
  const { rows } = await client.query<{ pages: string }>(
    `select coalesce(max(pg_catalog.pg_relation_size(relation.oid) / current_setting('block_size')::int), 0) as pages
       from unnest($1::text[], $2::text[]) as read (schema, name)
       join pg_catalog.pg_namespace as namespace on namespace.nspname = read.schema
       join pg_catalog.pg_class as relation on relation.relnamespace = namespace.oid and relation.relname = read.name`,
    [relations.map((each) => each.schema), relations.map((each) => each.name)],
  );
  return Number(rows[0]?.pages) < SMALL_PAGES;
}
