import type { Runbook } from '../../src/runbook/plan.ts';
import { parseRunbook } from '../../src/runbook/sources.ts';
import { sources } from '../runbook/document.ts';

/** One of each sort of step that matters to what comes next, in a window of which the waits are short. */
const YAML = `
runbook: 1
id: simulated
title: Simulated
window: { opens: 2030-03-04T02:00:00Z, closes: 2030-03-04T02:30:00Z }
roles:
  dev: { title: Developer, people: [{ name: Ada }] }
  lead: { title: Tech Lead, people: [{ name: Grace }, { name: Barbara }] }
prepare:
  - id: before
    title: Before
    at: -1m
    owner: dev
    steps:
      - { id: approve, title: Approval, kind: signoff, role: lead, statement: Approval granted }
timeline:
  - id: move
    title: Move rows
    at: "02:00"
    estimate: 10m
    owner: dev
    steps:
      - { id: backup, title: Back up, kind: command, run: [backup], verify: [is-backed-up] }
      - { id: table, title: Make the table, kind: sql, files: [a.sql], undo: { files: [b.sql] } }
      - id: orphans
        title: Orphans
        kind: decision
        question: What shall become of the orphans?
        options:
          - { choose: keep, says: They stay., effect: proceed }
          - { choose: drop, says: They are deleted., effect: proceed, reason: true }
      - { id: sweep, title: Delete the orphans, kind: sql, files: [a.sql], when: { decision: orphans, chose: [drop] } }
      - { id: copy, title: Copy the rows, kind: sql, files: [a.sql], undo: { files: [b.sql] } }
  - id: look
    title: Look at it
    at: "02:10"
    estimate: 5m
    owner: dev
    steps:
      - { id: again, title: Copy what is missing, kind: sql, files: [a.sql], when: { decision: count, chose: [copy] } }
      - id: count
        title: Count them
        kind: check
        sql: a.sql
        expect: { value: { equals: 0 } }
        on_failure:
          - { choose: retry, says: Count again., effect: retry }
          - { choose: copy, says: Copy what is missing and count again., effect: retry }
          - { choose: accept, says: Go on., effect: accept, reason: true }
          - { choose: roll-back, says: Undo everything., effect: roll-back, reason: true }
          - { choose: abort, says: Stop here., effect: abort, reason: true }
      - { id: announce, title: Announce, kind: command, run: [announce], verify: [is-announced] }
risks: [{ id: slow, says: The copy is slow, probability: low, impact: low, mitigation: Wait, tripwire: { step: copy, over: 1s } }]
rollback: { approver: lead, steps: [{ id: as-before, title: As before, kind: check, sql: a.sql, expect: { value: { equals: 0 } } }] }
`;

export const simulated: Runbook = parseRunbook(sources(YAML, { 'a.sql': 'select 0;\n', 'b.sql': 'select 0;\n' }));
