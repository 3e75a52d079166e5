import type pg from 'pg';
import { signIn, value } from './flagship.ts';

export interface PlanNode {
  'Node Type': string;
  'Plan Rows': number;
  Plans?: PlanNode[];
}

/** How the server would answer this. */
export async function planOf(on: pg.Client, sql: string): Promise<PlanNode> {
  const [plan] = (await value(on, `explain (format json) ${sql}`)) as [{ Plan: PlanNode }];
  return plan.Plan;
}

/** Kinds of the nodes of the plan by which a user reads all clients they may see; sequential scans only where there is no other way. */
export async function nodes(on: pg.Client, user: string): Promise<string[]> {
  await on.query('set local enable_seqscan = off');
  await signIn(on, user);
  return kinds(await planOf(on, 'select * from clients'));
}

function kinds(node: PlanNode): string[] {
  return [node['Node Type'], ...(node.Plans ?? []).flatMap(kinds)];
}

interface Fired {
  'Trigger Name': string;
  'Constraint Name'?: string;
  Calls: number;
}

/** The triggers that fire for a statement, which is carried out, with how often each did. */
export async function triggersFired(on: pg.Client, sql: string): Promise<Fired[]> {
  const [plan] = (await value(on, `explain (analyze, format json) ${sql}`)) as [{ Triggers: Fired[] }];
  return plan.Triggers;
}

/** Two users of different tenants, who own clients. */
export async function twoOwners(on: pg.Client): Promise<[ada: string, ben: string]> {
  const { rows } = await on.query<{ id: string }>(
    `select id from profiles where exists (select from clients where org_id = profiles.id)
     and not exists (select from user_roles where user_id = profiles.id) order by id limit 2`,
  );
  return rows.map(({ id }) => id) as [string, string];
}
