import type { Person } from '../../src/run/events.ts';
import type { Runbook } from '../../src/runbook/plan.ts';
import { parseRunbook } from '../../src/runbook/sources.ts';
import { sources } from '../runbook/document.ts';

/** The people of the runbook, in their roles. */
export const ADA: Person = { name: 'Ada', role: 'dev' };
export const GRACE: Person = { name: 'Grace', role: 'lead' };
export const BARBARA: Person = { name: 'Barbara', role: 'lead' };

const PARTS = {
  window: 'window: { opens: 2030-03-04T02:00:00Z, closes: 2030-03-04T04:00:00Z }',
  roles: `
roles:
  dev: { title: Developer, people: [{ name: Ada }] }
  lead: { title: Tech Lead, people: [{ name: Grace }, { name: Barbara }] }`,
  prepare: `
prepare:
  - id: before
    title: Before
    at: -48h
    owner: dev
    steps:
      - { id: approve, title: Approval, kind: signoff, role: lead, statement: Approval granted }`,
  timeline: `
timeline:
  - id: move
    title: Move rows
    at: "02:00"
    estimate: 60m
    owner: dev
    steps:
      - { id: table, title: Make the table, kind: sql, files: [sql/table.sql], undo: { files: [sql/drop.sql] } }`,
  rollback: 'rollback: { approver: lead }',
  rest: '',
};

const FILES = {
  'sql/table.sql': 'create table archive ();\n',
  'sql/drop.sql': 'drop table archive;\n',
  'sql/sweep.sql': 'delete from orders where owner is null;\n',
  'sql/copy.sql': 'insert into archive select from orders;\n',
  'sql/empty.sql': 'truncate archive;\n',
  'sql/count.sql': 'select count(*) from orders;\n',
};

/**
 * A small runbook: rows move into an archive, in a night of 2030. Ada operates, Grace and Barbara lead.
 * @param parts sections of it in YAML, each in place of the one it has; `rest` is what else it has
 * @param files what its SQL files hold
 */
export function archiveRunbook(parts: Partial<typeof PARTS> = {}, files: Record<string, string> = FILES): Runbook {
  const sections = ['runbook: 1', 'id: night', 'title: Move the archive', ...Object.values({ ...PARTS, ...parts })];
  return parseRunbook(sources(sections.join('\n'), files));
}
