import { describe, expect, it } from 'vitest';
import { ADA } from '../run/archive.ts';
import { eventually } from '../support/eventually.ts';
import { OPENS, openTestRun } from './run.ts';
import { asked, MINUTE, requests, show } from './show.ts';

describe('keys', () => {
  it('asks to roll back only after its words were typed and a reason given', async () => {
    const run = await openTestRun();
    const { terminal } = show(run, 100, 30);
    await terminal.shows('Move the archive');
    terminal.press({ type: 'R' });
    await terminal.shows('Nothing has been done yet that could be undone.');
    await run.happens(OPENS + 40 * MINUTE, { type: 'step-begun', step: 'move-rows', attempt: 1 });
    await terminal.shows(/▶ 02:30 {2}Move rows/);
    terminal.press({ type: 'R' });
    await terminal.shows('ROLL BACK?');
    terminal.press({ type: 'yes' }, 'enter');
    await terminal.shows('Type “roll back”, or press Esc.');
    expect(await requests(run)).toEqual([]);
    for (const _ of 'yes') terminal.press({ type: '\u007f' });
    terminal.press({ type: 'roll back' }, 'enter', { type: 'orders are slow' }, 'enter');
    await terminal.shows('Ada (Developer) wants to roll back');
    await terminal.shows('rollback asked for');
    expect(await requests(run)).toMatchObject([{ request: 'roll-back', reason: 'orders are slow', by: ADA }]);
  });

  it('asks on Ctrl+C, and stops on the second one', async () => {
    const run = await openTestRun();
    const { terminal, ended } = show(run, 80, 24);
    await terminal.shows('Move the archive');
    terminal.press('ctrlC');
    await terminal.shows('STOP?');
    expect(await requests(run)).toEqual([]);
    terminal.press('ctrlC');
    await eventually(async () => expect(await requests(run)).toMatchObject([{ request: 'stop' }]));
    await run.happens(OPENS, { type: 'conductor-left', why: 'somebody asked it to stop' });
    expect((await ended).conductor).toBeNull();
    expect(terminal.emulator.buffer.active.type).toBe('normal');
  });

  it('leaves the run at work where Ctrl+C is answered so', async () => {
    const run = await openTestRun({ rehearsal: false });
    const { terminal, ended } = show(run, 80, 24);
    await terminal.shows('Move the archive');
    terminal.press('ctrlC', { type: '4' });
    await terminal.shows('› 4 Keep going, and leave this terminal, which says how to come back.');
    terminal.press('enter');
    expect((await ended).stopping).toBeNull();
    expect((await run.state()).conductor).not.toBeNull();
  });

  it('asks nothing of the run for somebody who only watches', async () => {
    const run = await openTestRun();
    await asked(run);
    const { terminal, ended } = show(run, 100, 30, { me: { name: 'eve', role: '' } });
    await terminal.shows('eve (watching)');
    for (const letter of ['p', 'R', '1']) {
      terminal.press({ type: letter });
      await terminal.shows('You only watch. q leaves, and says how to come back and answer.');
      terminal.press({ type: 'l' });
      await terminal.shows('has it conducted on');
      terminal.press('escape');
      await terminal.shows('What shall become of the orphans?');
    }
    terminal.press('ctrlC');
    await ended;
    expect(await requests(run)).toEqual([]);
  });

  it('pauses, and leaves the run alone when it is left', async () => {
    const run = await openTestRun({ rehearsal: false });
    const { terminal, ended } = show(run, 80, 24);
    await terminal.shows('Move the archive');
    terminal.press({ type: 'p' });
    await terminal.shows('PAUSED');
    terminal.press({ type: 'q' });
    expect((await ended).paused).toBe(true);
    expect((await run.records()).at(-1)?.event).toMatchObject({ type: 'terminal-left', terminal: 'test:1' });
    expect((await run.state()).conductor).not.toBeNull();
  });

  it('asks before a rehearsal is left, which ends with its terminal', async () => {
    const run = await openTestRun();
    const { terminal } = show(run, 80, 24);
    await terminal.shows('Move the archive');
    terminal.press({ type: 'q' });
    await terminal.shows('3 End the rehearsal');
    terminal.press('escape', { type: 'q' }, { type: '3' }, 'enter');
    await eventually(async () => expect(await requests(run)).toMatchObject([{ request: 'stop' }]));
  });

  it('leaves a rehearsal alone where it was only attached to', async () => {
    const run = await openTestRun();
    const { terminal, ended } = show(run, 80, 24, { attached: true });
    await terminal.shows('Move the archive');
    terminal.press('ctrlC', { type: '3' });
    await terminal.shows('› 3 End the rehearsal');
    await terminal.shows('4 Keep going, and leave');
    terminal.press('escape');
    await terminal.shows(/^(?![\s\S]*STOP\?)/);
    terminal.press({ type: 'q' });
    await ended;
    expect(await requests(run)).toEqual([]);
    expect((await run.state()).conductor).not.toBeNull();
  });

  it('asks for speed and workers for the backfill at work', async () => {
    const run = await openTestRun();
    await run.happens(OPENS + 20 * MINUTE, { type: 'window-began' });
    const { terminal } = show(run, 80, 24);
    await terminal.shows('About to begin');
    terminal.press({ type: '>' });
    await terminal.shows('No backfill is at work that workers');
    terminal.press({ type: '+' });
    await terminal.shows('No backfill is at work that has a speed');
    await run.happens(OPENS + 31 * MINUTE, { type: 'step-begun', step: 'move-rows', attempt: 1 });
    await terminal.shows('▶ 02:30');
    terminal.press({ type: '>' });
    await terminal.shows('+ - speed · > < workers');
    await terminal.shows('asked for 2 workers');
    terminal.press({ type: '<' });
    await terminal.shows('asked for 1 worker');
    terminal.press({ type: '<' });
    await terminal.shows('A backfill has 1 to 16 workers');
    terminal.press({ type: '+' });
    await eventually(async () => expect((await run.state()).speed).toBe(2));
  });

  it('shows log, SQL, journal and help on the whole screen, and comes back', async () => {
    const run = await openTestRun();
    const { terminal } = show(run, 80, 24);
    await terminal.shows('Next: Database size');
    terminal.press({ type: 's' });
    await terminal.shows('select pg_database_size(current_database());');
    terminal.press({ type: 'l' });
    await terminal.shows('bound to db1/shop');
    terminal.press({ type: '?' });
    await terminal.shows('ask to roll back');
    terminal.press({ type: 'j' });
    await terminal.shows(/\d [\da-f]{8} terminal-attached \{"terminal":"test:1"/);
    terminal.press('home');
    await terminal.shows(/1 \d\d:\d\d:\d\d [\da-f]{8} run-opened/);
    // On a page the key that leaves the screen leads back, as in any pager.
    terminal.press({ type: 'q' });
    await terminal.shows('Next: Database size');
  });

  it('shows the SQL of a step as it is run, for each of its tables, indented as it was written', async () => {
    const run = await openTestRun();
    await run.happens(OPENS + 30 * MINUTE, { type: 'step-begun', step: 'move-rows', attempt: 1 });
    const { terminal } = show(run, 100, 40);
    await terminal.shows(/▶ 02:30 {2}Move rows/);
    terminal.press({ type: 's' });
    await terminal.shows('sql/move.sql for orders');
    await terminal.shows('update "public"."clients" set archived = true');
    await terminal.shows(/^locks UPDATE: ROW EXCLUSIVE on orders: blocks no reads, and writes only of rows it writes/m);
    await terminal.shows(/^ {2}where ctid >= '\(0,0\)'/m);
    expect(terminal.text()).not.toContain(':"schema"');
  });
});
