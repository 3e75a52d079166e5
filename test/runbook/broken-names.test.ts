import { describe, test } from 'vitest';
import { decision, runbook } from './document.ts';
import { expectProblems } from './marked.ts';

describe('names', () => {
  const cases: [string, string, string[]][] = [
    [
      'a step twice, in another phase',
      runbook({
        steps: decision('one'),
        rest: 'after:\n- { id: later, title: L, at: +1h, owner: dev, steps: [{ id: ‸one, kind: notify, title: N, messages: [done] }] }',
      }),
      ["the id 'one' is already that of another step"],
    ],
    [
      'an unknown list',
      runbook({ steps: '  - { id: s, kind: notify, title: S, messages: [done], for_each: ‸table }' }),
      ["there is no list 'table'; did you mean 'tables'?"],
    ],
    [
      'a list called like something every object has',
      runbook({ steps: '  - { id: s, kind: notify, title: S, messages: [done], for_each: ‸constructor }' }),
      ["there is no list 'constructor'"],
    ],
    [
      'people who have to answer, of whom nobody is named',
      runbook({
        roles: 'roles: { dev: { title: Developer }, qa: { title: QA, people: [] } }',
        steps: [
          '- { id: s, kind: signoff, title: S, role: ‸dev, statement: Done }',
          decision('d', ', who: [‸dev, ‸qa]'),
        ].join('\n'),
        rollback: 'rollback: { approver: ‸qa }',
      }),
      ['dev', 'dev', 'qa', 'qa'].map(
        (role) => `nobody is named as '${role}', who has to answer here; give the role its people`,
      ),
    ],
    [
      'letters that have changed places, which is one mistake and not two',
      runbook({ rollback: 'rollback: { approver: ‸dve }' }),
      ["there is no role 'dve'; did you mean 'dev'?"],
    ],
    [
      'a step called like the question before a rollback',
      runbook({ steps: decision('‸rollback') }),
      ["'rollback' is the question before the way back; name this one otherwise"],
    ],
    [
      'who mails are from and go to',
      runbook({
        rest: [
          'mail: { from: ‸Operations, reply_to: ‸"{{settings.app_url}}\\nBcc: a@b.example" }',
          'audiences: { all: { addresses: [‸"a@b.example\\nBcc: c@d.example"] } }',
        ].join('\n'),
      }),
      [
        "from: 'Operations' is no sender; write it like Operations <ops@example.com>",
        "reply_to: '{{settings.app_url}}\\nBcc: a@b.example' is no mail address; write one, or {{settings.…}}",
        "'a@b.example\\nBcc: c@d.example' is not a mail address",
      ],
    ],
    [
      'an unknown message and audience',
      runbook({
        messages:
          'messages: { done: { mail: ‸everyone, subject: S, body: B } }\nmail: { from: a@b.example }\naudiences: { everybody: { addresses: [a@b.example] } }',
        steps: '  - { id: s, kind: notify, title: S, messages: [‸don] }',
      }),
      ["there is no audience 'everyone'; did you mean 'everybody'?", "there is no message 'don'; did you mean 'done'?"],
    ],
    [
      'an item without a name, and one twice',
      runbook({ lists: 'lists: { tables: [‸{ schema: public }, { name: a }, { name: ‸a }] }' }),
      ['an item needs a name; steps repeated for it are called by it', "'public.a' is already in this list"],
    ],
    [
      'lists of lists',
      runbook({
        lists:
          'lists: { tables: [{ name: a }, { name: b }], all: [tables, ‸tables], odd: [‸all, ‸tabels, { name: c }] }',
      }),
      [
        "'public.a' is already in this list",
        "'all' names other lists itself; name those here",
        "there is no list 'tabels'; did you mean 'tables'?",
      ],
    ],
    [
      'steps of criteria and risks',
      runbook({
        steps: decision('one'),
        rest: 'success: [{ id: c, says: C, steps: [‸onee] }]\nrisks: [{ id: r, says: R, impact: I, probability: P, mitigation: M, tripwire: { step: ‸two, over: 1h } }]',
      }),
      ["there is no step 'onee'; did you mean 'one'?", "there is no step 'two'"],
    ],
    [
      'a decision that comes later',
      runbook({
        steps: `  - { id: s, kind: notify, title: S, messages: [done], when: { decision: ‸d, chose: [go] } }\n  ${decision('d')}`,
      }),
      ["'d' comes later in the timeline; name one before this step"],
    ],
    [
      'a choice that a decision does not offer',
      runbook({
        steps: `  ${decision('d')}\n  - { id: s, kind: notify, title: S, messages: [done], when: { decision: d, chose: [go, ‸stpo] } }`,
      }),
      ["'d' does not offer 'stpo'; did you mean 'stop'?"],
    ],
    [
      'a decision that is none',
      runbook({
        steps:
          '  - { id: n, kind: notify, title: N, messages: [done] }\n  - { id: s, kind: notify, title: S, messages: [done], when: { decision: ‸n, chose: [go] } }',
      }),
      ["'n' is a notify step; a decision or signoff is needed here"],
    ],
    [
      'a choice after a later failure that does not try again',
      runbook({
        steps: `  - { id: s, kind: notify, title: S, messages: [done], when: { decision: m, chose: [more, ‸stop] } }
  - { id: m, kind: manual, title: M, items: [I], on_failure: [{ choose: more, says: S, effect: retry }, { choose: stop, says: S, effect: abort }] }`,
      }),
      ["'m' does not offer 'stop'; it offers more"],
    ],
    [
      'a decision asked once for each',
      runbook({
        steps: `  ${decision('d', ', for_each: tables')}\n  - { id: s, kind: notify, title: S, messages: [done], when: { decision: ‸d, chose: [go] } }`,
      }),
      ["'d' is asked once for each of 'tables'; it has no one answer"],
    ],
    [
      'comparing with what nobody remembered',
      runbook({ steps: '  - { id: c, kind: check, title: C, catalog: ‸compare }' }),
      ['no earlier step remembers the catalog to compare with'],
    ],
    [
      'a decision that decides whether it is asked',
      runbook({ steps: decision('d', ', when: { decision: ‸d, chose: [go] }') }),
      ["'d' is this step itself; name one before this step"],
    ],
    [
      'an answer by somebody who may not give it',
      runbook({
        steps: '- { id: s, kind: signoff, title: S, role: qa, statement: Done }',
        rest: 'rehearsal: { answers: { s: { choose: sign, as: ‸dev } } }',
      }),
      ["'s' is for qa to answer, not for dev"],
    ],
    [
      'an answer to nothing, and one that is not offered',
      runbook({
        steps: decision('d'),
        rest: 'rehearsal: { answers: { ‸e: { choose: go, as: dev }, d: { choose: ‸gone, as: dev }, d.failed: { choose: retry, as: dev } } }',
      }),
      ["nothing asks 'e'; did you mean 'd'?", "'d' does not offer 'gone'; did you mean 'go'?"],
    ],
  ];
  test.each(cases)('%s', (_, written, messages) => expectProblems(written, messages));
});
