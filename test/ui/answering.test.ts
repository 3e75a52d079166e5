import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { OPENS, openTestRun, orphans } from './run.ts';
import { answers, asked, MINUTE, requests, show } from './show.ts';

describe('answering', () => {
  it('takes a choice, a reason and a name, and puts nothing on record before the last Enter', async () => {
    const run = await openTestRun();
    await asked(run);
    const { terminal } = show(run, 100, 30);
    await terminal.shows('What shall become of the orphans?');
    terminal.press('enter');
    await terminal.shows('Choose an answer');
    terminal.press({ type: '2' });
    await terminal.shows(/› 2 drop/);
    terminal.press('enter');
    await terminal.shows('Why?');
    terminal.press('enter');
    await terminal.shows('A reason is needed');
    // Letters that are keys elsewhere are letters here; what is pasted is one line of text.
    terminal.press({ type: 'plq' }, { type: '\u001b[200~R\r\nq\u001b[201~' }, 'enter');
    await terminal.shows('Who answers?');
    expect(terminal.read()).not.toMatch(/\d Ada/);
    terminal.press('enter');
    await terminal.shows('Say who answers');
    terminal.press('down', 'down');
    await terminal.shows(/› 2 Barbara \(Tech Lead\)/);
    terminal.press('enter');
    await terminal.shows('Barbara (Tech Lead) answers “drop”, because: plqR q.');
    expect(await answers(run)).toEqual([]);
    terminal.press('enter');
    await eventually(async () =>
      expect(await answers(run)).toEqual([
        {
          prompt: 'orphans',
          round: 1,
          choose: 'drop',
          reason: 'plqR q',
          by: { name: 'Barbara', role: 'lead' },
          proof: 'named',
          binds: expect.stringMatching(/^[0-9a-f]{64}$/),
          from: 'test:1',
        },
      ]),
    );
    await terminal.shows('Barbara (Tech Lead) answered “drop”');
    await run.settles('orphans');
    expect((await run.state()).prompts[0]?.settled?.choose).toBe('drop');
  });

  it('wants every item of a checklist ticked before it says done', async () => {
    const run = await openTestRun();
    await run.happens(
      OPENS + 90 * MINUTE,
      { type: 'step-begun', step: 'seen', attempt: 1 },
      { type: 'step-asked', step: 'seen', result: { summary: '' } },
      {
        type: 'prompt-opened',
        prompt: {
          id: 'seen',
          round: 1,
          kind: 'manual',
          step: 'seen',
          question: 'Look at the archive',
          evidence: [],
          items: ['Open an old order', 'Open a new order'],
          options: [{ choose: 'done', says: 'Every item has been seen to.', effect: 'proceed', reason: false }],
          who: ['dev'],
        },
      },
    );
    const { terminal } = show(run, 80, 24);
    await terminal.shows('[ ] Open an old order');
    terminal.press('down', { type: ' ' }, { type: '1' }, 'enter');
    await terminal.shows('Tick every item');
    await terminal.shows('[✓] Open an old order');
    terminal.press({ type: ' ' }, { type: '1' }, 'enter', 'enter');
    await terminal.shows('Ada (Developer) answers “done”');
    terminal.press('enter');
    await eventually(async () => expect((await answers(run)).map((each) => each.choose)).toEqual(['done']));
  });

  it('offers, with --as, only people of that role, and says from where the others may answer', async () => {
    const run = await openTestRun();
    await asked(run);
    const { terminal: dev } = show(run, 100, 30, { role: 'dev' });
    await dev.shows(
      `For Tech Lead to answer. Not from this terminal: \`runbook attach ${dirname(run.path)} --as lead\``,
    );
    dev.press({ type: '1' }, 'enter');
    await dev.shows(/answer\..*Not from this terminal.*Not from this terminal/s);
    await run.happens(OPENS, { type: 'prompt-opened', prompt: { ...orphans(), id: 'more', who: [] } });
    const { terminal: lead } = show(run, 100, 30, {
      name: 'test:2',
      me: { name: 'Grace', role: 'lead' },
      role: 'lead',
    });
    await lead.shows('1 of 2, Tab for the next');
    lead.press('tab', { type: '1' }, 'enter');
    await lead.shows('Who answers? › 1 Grace (Tech Lead) 2 Barbara (Tech Lead) arrows');
  });

  it('sends nothing once somebody else was faster', async () => {
    const run = await openTestRun();
    await asked(run);
    const { terminal } = show(run, 100, 30);
    await terminal.shows('What shall become of the orphans?');
    terminal.press({ type: '1' }, 'enter', 'down', 'enter');
    await terminal.shows('Grace (Tech Lead) answers “leave”');
    const by = { name: 'Barbara', role: 'lead' };
    await run.journal.append('terminal', OPENS, [
      {
        type: 'prompt-answered',
        answer: { prompt: 'orphans', round: 1, choose: 'leave', by, proof: 'named', from: 'test:2' },
      },
    ]);
    await run.settles('orphans');
    await terminal.shows('NO LONGER ASKED');
    terminal.press('enter', 'escape');
    await terminal.shows('Next: Database size');
    terminal.press({ type: 'p' });
    await terminal.shows('PAUSED');
    expect((await answers(run)).map((each) => each.from)).toEqual(['test:2']);
  });

  it('tells whoever was too late that their answer is on record, and does not count', async () => {
    const run = await openTestRun();
    await asked(run);
    const { terminal } = show(run, 100, 30);
    await terminal.shows('What shall become of the orphans?');
    const answer = { prompt: 'orphans', round: 1, proof: 'named' as const };
    const append = (name: string, choose: string, from: string) =>
      run.journal.append('terminal', OPENS, [
        { type: 'prompt-answered', answer: { ...answer, choose, by: { name, role: 'lead' }, from } },
      ]);
    await append('Barbara', 'leave', 'test:2');
    await run.settles('orphans');
    await append('Grace', 'leave', 'test:1');
    await terminal.shows('Your “leave” does not count, and is on record. Barbara has already answered: leave.');
  });

  it.each([
    { other: 'drop', reason: [{ type: 'nobody' }, 'enter'] as const, counts: 'counts, not the “drop” of Barbara.' },
    { other: 'leave', reason: [], counts: 'counts; after it came the “leave” of Barbara.' },
  ])('tells both of two people who answered at once which answer counts: $other', async ({ other, reason, counts }) => {
    const run = await openTestRun();
    await asked(run);
    const [one, two] = [show(run, 100, 30).terminal, show(run, 80, 24, { name: 'test:2' }).terminal];
    await Promise.all([one, two].map((terminal) => terminal.shows('What shall become of the orphans?')));
    one.press({ type: '1' }, 'enter', { type: '1' }, 'enter', 'enter');
    await two.shows('Grace (Tech Lead) has answered “leave”; it is yet to be acted on.');
    two.press({ type: other === 'drop' ? '2' : '1' }, 'enter', ...reason, { type: '2' }, 'enter', 'enter');
    await one.shows(`Barbara (Tech Lead) answered “${other}”`);
    await run.settles('orphans');
    await one.shows(`Your “leave” ${counts}`);
    await two.shows(`Your “${other}” does not count, and is on record. It came second: Grace had`);
  });

  it('says in place why an answer would not count, and takes another one', async () => {
    const run = await openTestRun();
    const grace = { name: 'Grace', role: 'lead' };
    await run.happens(
      OPENS + 40 * MINUTE,
      { type: 'requested', request: 'roll-back', by: grace, reason: 'orders are slow' },
      {
        type: 'prompt-opened',
        prompt: {
          id: 'rollback',
          round: 1,
          kind: 'rollback',
          question: 'Grace asks to roll back: orders are slow',
          evidence: [],
          options: [{ choose: 'approve', says: 'Undo it all.', effect: 'roll-back', reason: false, approves: true }],
          notBy: [{ name: 'Grace', why: 'asked for it' }],
          who: ['lead'],
        },
      },
    );
    const { terminal } = show(run, 80, 24);
    await terminal.shows('Grace asks to roll back');
    terminal.press({ type: '1' }, 'enter', 'down');
    await terminal.shows('a second person approves it');
    terminal.press('enter', 'enter');
    await terminal.shows('Grace (Tech Lead) answers “approve”');
    expect(await answers(run)).toEqual([]);
    terminal.press('escape');
    await terminal.shows('Who answers?');
    terminal.press('down', 'enter', 'enter');
    await eventually(async () => expect((await answers(run)).map((each) => each.by.name)).toEqual(['Barbara']));
  });

  it('keeps the keys from acting under the hands of somebody whose question is settled meanwhile', async () => {
    const run = await openTestRun();
    await asked(run);
    const { terminal } = show(run, 80, 24);
    await terminal.shows('What shall become of the orphans?');
    terminal.press({ type: '2' }, 'enter', { type: 'they are sto' });
    await terminal.shows('they are sto');
    const by = { name: 'Barbara', role: 'lead' };
    await run.journal.append('terminal', OPENS, [
      {
        type: 'prompt-answered',
        answer: { prompt: 'orphans', round: 1, choose: 'leave', by, proof: 'named', from: 'test:2' },
      },
    ]);
    await run.settles('orphans');
    await terminal.shows('Barbara (Tech Lead) has answered “leave” while you were answering.');
    terminal.press({ type: 'pq' }, 'enter', { type: 'R' });
    await terminal.shows('You had written: they are sto');
    terminal.press('escape');
    await terminal.shows('Next: Database size');
    expect(await requests(run)).toEqual([]);
  });

  it('goes from one open question to the next', async () => {
    const run = await openTestRun();
    await asked(run);
    const other = { ...orphans(), id: 'tripwire.slow', kind: 'tripwire' as const, question: 'It is slow. Carry on?' };
    await run.happens(OPENS + 20 * MINUTE, { type: 'prompt-opened', prompt: other });
    const { terminal } = show(run, 80, 24);
    await terminal.shows('1 of 2, Tab for the next, waits for 8m');
    terminal.press('tab');
    await terminal.shows('It is slow. Carry on?');
    terminal.press('tab');
    await terminal.shows('What shall become of the orphans?');
  });

  it('keeps what the pointer is on in sight when a question does not fit', async () => {
    const run = await openTestRun();
    const long = 'It goes on for longer than the terminal is high. '.repeat(12);
    const prompt = orphans();
    await run.happens(OPENS + 12 * MINUTE, {
      type: 'prompt-opened',
      prompt: { ...prompt, options: prompt.options.map((each) => ({ ...each, says: long })) },
    });
    const { terminal } = show(run, 60, 16);
    await terminal.shows('What shall become of the orphans?');
    terminal.press({ type: '2' });
    await terminal.shows(/› 2 drop/);
    terminal.press('enter');
    await terminal.shows('Why?');
  });

  it('knows nothing of what was typed before there was a screen', async () => {
    const run = await openTestRun();
    await asked(run);
    const { terminal } = show(run, 100, 30, { typed: 'p1\r' });
    await terminal.shows('What shall become of the orphans?');
    terminal.press({ type: '?' });
    await terminal.shows('Keys');
    expect(await requests(run)).toEqual([]);
  });
});
