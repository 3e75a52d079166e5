import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { RunState } from '../../src/run/state.ts';
import { openScreen } from '../../src/ui/screen.tsx';
import { ADA, OPENS, openTestRun, orphans, type TestRun } from './run.ts';
import { FakeTerminal } from './terminal.ts';

// Ink asks once, when it is loaded, whether there is colour.
vi.hoisted(() => {
  process.env.FORCE_COLOR = '1';
});

const MINUTE = 60_000;

interface Shown {
  terminal: FakeTerminal;
  ended: Promise<RunState>;
}

/** The real screen on a fake terminal. It is left when the test has finished. */
function show(
  run: TestRun,
  columns: number,
  rows: number,
  name = 'test:1',
  {
    sign = async () => null as string | null,
    me = ADA,
    role = null as string | null,
    typed = '',
    since = undefined as number | undefined,
  } = {},
): Shown {
  const terminal = new FakeTerminal(columns, rows);
  if (typed !== '') terminal.press({ type: typed });
  const leaving = new AbortController();
  const { stdin, stdout } = terminal;
  const { journal } = run;
  const ended = openScreen({
    journal,
    me,
    role,
    terminal: name,
    stdin,
    stdout,
    signal: leaving.signal,
    sign,
    ...(since === undefined ? {} : { since }),
  });
  onTestFinished(async () => {
    leaving.abort();
    await ended;
  });
  return { terminal, ended };
}

afterEach(() => vi.unstubAllEnvs());

async function asked(run: TestRun, ...prompt: Parameters<typeof orphans>): Promise<void> {
  await run.happens(
    OPENS + 12 * MINUTE,
    { type: 'step-begun', step: 'orphans', attempt: 1 },
    { type: 'step-asked', step: 'orphans', result: { summary: '' } },
    { type: 'prompt-opened', prompt: orphans(...prompt) },
  );
}

const answers = async (run: TestRun) =>
  (await run.records()).flatMap(({ event }) => (event.type === 'prompt-answered' ? [event.answer] : []));
const requests = async (run: TestRun) =>
  (await run.records()).flatMap(({ event }) => (event.type === 'requested' ? [event] : []));

describe.each([
  [80, 24],
  [100, 30],
  [160, 50],
])('at %i columns and %i rows', (columns, rows) => {
  it('shows where the window stands, and the step at work with its progress', async () => {
    const run = await openTestRun({ rehearsal: false });
    await run.happens(OPENS + 50 * MINUTE, { type: 'step-begun', step: 'move-rows', attempt: 1 });
    await run.pulse({
      step: 'move-rows',
      done: 2_000,
      total: 8_000,
      unit: 'rows',
      note: 'slowed: the application waits',
      parts: [
        { name: 'orders', done: 2_000, total: 4_000, state: 'working' },
        { name: 'clients', done: 0, total: 4_000, state: 'waiting' },
      ],
    });
    const { terminal } = show(run, columns, rows);
    await terminal.shows('PRODUCTION db1/shop');
    await terminal.shows(/02:50:\d\d UTC/);
    await terminal.shows('50m in, 1h10m left');
    await terminal.shows(/can roll back until \d\d:\d\d/);
    await terminal.shows(/▶ 02:30 {2}Move rows/);
    await terminal.shows(/Rows into the archive/);
    await terminal.shows(/orders +█+░+ +50%/);
    await terminal.shows(/clients +waiting/);
    await terminal.shows('slowed: the application waits');
    expect(terminal.coloured()).toBe(true);
    expect(terminal.emulator.buffer.active.type).toBe('alternate');
    expect(terminal.rows()[0], 'a frame is no higher than the terminal').toContain('PRODUCTION');
  });

  it('shows a question with its evidence, and every option with its consequence', async () => {
    const run = await openTestRun();
    const rowsOf = Array.from({ length: 60 }, (_, index) => [`order ${index}`, String(index * 1_000)]);
    await asked(run, [{ kind: 'rows', title: 'Orphans', columns: ['row', 'cents'], rows: rowsOf, more: 3 }]);
    const { terminal } = show(run, columns, rows);
    await terminal.shows('What shall become of the orphans?');
    await terminal.shows('1 leave They stay as they are.');
    await terminal.shows('2 drop They are deleted for good.');
    await terminal.shows('For Tech Lead to answer');
    await terminal.shows(/order 1 +1000/);
    expect(terminal.text()).not.toContain('order 59');
    for (let page = 0; page < 60; page += 1) terminal.press('pageDown');
    await terminal.shows(/order 59/);
    await terminal.shows('and 3 more');
    expect(terminal.rows().at(-1)).toContain('help');
  });
});

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
    expect(terminal.text()).not.toContain('Ada (Developer)\n');
    terminal.press('enter');
    await terminal.shows('Say who answers');
    terminal.press('down', 'down');
    await terminal.shows(/› 2 Barbara \(Tech Lead\)/);
    terminal.press('enter');
    await terminal.shows('Barbara (Tech Lead) answers “drop”, because: plqR q.');
    expect(await answers(run)).toEqual([]);
    terminal.press('enter');
    await vi.waitFor(async () =>
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
    terminal.press('up', { type: ' ' }, { type: '1' }, 'enter', 'enter');
    await terminal.shows('Ada (Developer) answers “done”');
    terminal.press('enter');
    await vi.waitFor(async () => expect((await answers(run)).map((each) => each.choose)).toEqual(['done']));
  });

  it('offers, with --as, only people of that role, and says from where the others may answer', async () => {
    const run = await openTestRun();
    await asked(run);
    const { terminal: dev } = show(run, 100, 30, 'test:1', { role: 'dev' });
    await dev.shows('For Tech Lead to answer. Not from this terminal: `runbook attach night-1 --as lead`');
    dev.press({ type: '1' }, 'enter');
    await dev.shows(/answer\..*Not from this terminal.*Not from this terminal/s);
    await run.happens(OPENS, { type: 'prompt-opened', prompt: { ...orphans(), id: 'more', who: [] } });
    const { terminal: lead } = show(run, 100, 30, 'test:2', { me: { name: 'Grace', role: 'lead' }, role: 'lead' });
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
    await terminal.shows('Next: Database size');
    terminal.press('enter', { type: 'p' });
    await terminal.shows('PAUSED');
    expect((await answers(run)).map((each) => each.from)).toEqual(['test:2']);
  });

  it('tells both of two people who answered at once which answer counts', async () => {
    const run = await openTestRun();
    await asked(run);
    const [one, two] = [show(run, 100, 30, 'test:1').terminal, show(run, 80, 24, 'test:2').terminal];
    await Promise.all([one, two].map((terminal) => terminal.shows('What shall become of the orphans?')));
    one.press({ type: '1' }, 'enter', { type: '1' }, 'enter', 'enter');
    await two.shows('Grace (Tech Lead) has answered “leave”; it is yet to be acted on.');
    two.press({ type: '2' }, 'enter', { type: 'nobody' }, 'enter', { type: '2' }, 'enter', 'enter');
    await one.shows('Barbara (Tech Lead) answered “drop”');
    await run.settles('orphans');
    await one.shows('Your “leave” counts, not the “drop” of Barbara.');
    await two.shows('Your “drop” does not count, and is on record. It came second: Grace had');
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
    await vi.waitFor(async () => expect((await answers(run)).map((each) => each.by.name)).toEqual(['Barbara']));
  });
});

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
    await vi.waitFor(async () => expect(await requests(run)).toMatchObject([{ request: 'stop' }]));
    await run.happens(OPENS, { type: 'conductor-left', why: 'somebody asked it to stop' });
    expect((await ended).conductor).toBeNull();
    expect(terminal.emulator.buffer.active.type).toBe('normal');
  });

  it('shows a warning before anything else, once, to who has just started the run', async () => {
    const run = await openTestRun({ rehearsal: false });
    const { terminal } = show(run, 80, 24, 'test:1', { since: 0 });
    const later = show(run, 80, 24, 'test:2').terminal;
    await later.shows('Move the archive');
    await run.happens(OPENS, { type: 'warned', host: 'bastion', warning: 'This host ends the run at logout.' });
    await terminal.shows('WARNING This host ends the run at logout.');
    terminal.press({ type: 'p' }, 'enter');
    await terminal.shows('on bastion: This host ends');
    await later.shows('on bastion: This host ends');
    expect(await requests(run)).toEqual([]);
  });

  it('shows who else is there, and who has gone, also without a word', async () => {
    const run = await openTestRun({ rehearsal: false });
    const grace = { name: 'Grace', role: 'lead' };
    const one = show(run, 100, 30, 'bastion:1').terminal;
    const two = show(run, 80, 24, 'laptop:2', { me: grace });
    await one.shows('1 other here');
    one.press({ type: 'w' });
    await one.shows(/Grace \(Tech Lead\) {2}laptop:2, since 02:00/);
    await one.shows(/Ada \(Developer\) {2}bastion:1, since \d\d:\d\d UTC {2}this terminal/);
    two.terminal.press({ type: 'q' });
    await two.ended;
    await one.shows(/Gone\n {2}Grace \(Tech Lead\) {2}laptop:2, left at 02:00 UTC/);
    const by = { name: 'Eve', role: 'lead' };
    await run.happens(OPENS, { type: 'terminal-attached', terminal: 'train:3', by });
    await run.happens(OPENS, { type: 'terminal-left', terminal: 'train:3', by, silent: true });
    await one.shows(/Gone\n {2}Eve \(Tech Lead\) {2}train:3, silent, taken for gone at 02:00 UTC/);
  });

  it('is on record again when it was given up while it was stopped', async () => {
    const run = await openTestRun();
    show(run, 80, 24);
    await vi.waitFor(async () => expect(Object.keys((await run.state()).terminals)).toEqual(['test:1']));
    await run.happens(OPENS, { type: 'terminal-left', terminal: 'test:1', by: ADA, silent: true });
    expect((await run.state()).terminals).toEqual({});
    await vi.waitFor(async () => expect(Object.keys((await run.state()).terminals)).toEqual(['test:1']), {
      timeout: 20_000,
      interval: 50,
    });
  });

  it('leaves the run at work where Ctrl+C is answered so', async () => {
    const run = await openTestRun({ rehearsal: false });
    const { terminal, ended } = show(run, 80, 24);
    await terminal.shows('Move the archive');
    terminal.press('ctrlC', { type: '4' });
    await terminal.shows('› 4 Keep going, and leave this terminal.');
    terminal.press('enter');
    expect((await ended).stopping).toBe(false);
    expect((await run.state()).conductor).not.toBeNull();
  });

  it('asks nothing of the run for somebody who only watches', async () => {
    const run = await openTestRun();
    await asked(run);
    const { terminal, ended } = show(run, 100, 30, 'test:1', { me: { name: 'eve', role: '' } });
    await terminal.shows('eve (watching)');
    for (const letter of ['p', 'R', '1']) {
      terminal.press({ type: letter });
      await terminal.shows('You only watch. `runbook attach night-1 --as ROLE` answers');
      terminal.press({ type: 'l' });
      await terminal.shows('has it conducted on');
      terminal.press('escape');
      await terminal.shows('What shall become of the orphans?');
    }
    terminal.press('ctrlC');
    await ended;
    expect(await requests(run)).toEqual([]);
  });

  it('knows nothing of what was typed before there was a screen', async () => {
    const run = await openTestRun();
    await asked(run);
    const { terminal } = show(run, 100, 30, 'test:1', { typed: 'p1\r' });
    await terminal.shows('What shall become of the orphans?');
    terminal.press({ type: '?' });
    await terminal.shows('Keys');
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
    await vi.waitFor(async () => expect(await requests(run)).toMatchObject([{ request: 'stop' }]));
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

it('shows a rollback: what is being undone, and how much is still to undo', async () => {
  const run = await openTestRun();
  await run.happens(
    OPENS + 40 * MINUTE,
    { type: 'step-begun', step: 'move-rows', attempt: 1 },
    { type: 'step-finished', step: 'move-rows', attempt: 1, result: { summary: 'moved' }, workMs: 60_000 },
    { type: 'requested', request: 'roll-back', by: ADA, reason: 'orders are slow' },
    { type: 'rollback-begun', reason: 'orders are slow' },
    { type: 'undo-begun', step: 'move-rows' },
  );
  const { terminal } = show(run, 80, 24);
  await terminal.shows('ROLLING BACK, 1 step to undo');
  await terminal.shows(/Undoing: Rows into the archive .* of 1m/);
  await terminal.shows(/↶ 02:30 {2}Move rows/);
  await run.happens(OPENS + 41 * MINUTE, {
    type: 'undo-finished',
    step: 'move-rows',
    result: { summary: 'all back' },
    workMs: 900,
  });
  await terminal.shows('Rows into the archive undone: all back');
  await terminal.shows('ROLLED BACK, being checked');
  await terminal.shows('100% undone');
});

it('follows the size of the terminal', async () => {
  const run = await openTestRun();
  await asked(run);
  const { terminal } = show(run, 120, 40);
  await terminal.shows(/Pre-checks.*│/);
  terminal.resize(80, 24);
  await terminal.shows(/^─{80}$/m);
  await terminal.shows('2 drop They are deleted for good.');
  expect(terminal.text()).not.toContain('│');
  terminal.resize(120, 30);
  await terminal.shows(/Pre-checks.*│/);
  expect(terminal.rows()[0]).toContain('Move the archive');
  expect(terminal.rows().at(-1)).toContain('help');
});

it('says that the next step begins at once within a window that has begun', async () => {
  const run = await openTestRun();
  const skipped = (step: string) => ({ type: 'step-skipped' as const, step, why: 'not needed' });
  await run.happens(OPENS + 5 * MINUTE, skipped('size'), skipped('orphans'));
  const { terminal } = show(run, 80, 24);
  await terminal.shows('Next: Rows into the archive');
  await terminal.shows('About to begin.');
  // The clock is set back: what has begun goes on.
  await run.happens(OPENS - 40 * MINUTE, { type: 'requested', request: 'pause', by: ADA });
  await terminal.shows('Paused. Press p to carry on.');
  await run.happens(OPENS - 40 * MINUTE, { type: 'requested', request: 'resume', by: ADA });
  await terminal.shows('About to begin.');
});

it('says when the window opens', async () => {
  const run = await openTestRun({ begun: false });
  await run.happens(OPENS - 40 * MINUTE);
  const { terminal } = show(run, 80, 24);
  await terminal.shows(/Begins in \d+m, at 4 Mar 02:00 UTC/);
});

it('ends when the run ends', async () => {
  const run = await openTestRun();
  const { terminal, ended } = show(run, 80, 24);
  await terminal.shows('Move the archive');
  await run.happens(OPENS + MINUTE, { type: 'run-finished', outcome: 'done', why: 'every step is finished' });
  expect((await ended).outcome?.outcome).toBe('done');
  const last = (await run.records()).map(({ event }) => event.type).filter((type) => type !== 'clock-jumped');
  expect(last.at(-1), 'nothing is added to a run that has ended').toBe('run-finished');
});

it('is left, and not broken, when its terminal goes away', async () => {
  const run = await openTestRun();
  const { terminal, ended } = show(run, 80, 24);
  await terminal.shows('Move the archive');
  terminal.stdout.emit('error', Object.assign(new Error('write EIO'), { code: 'EIO' }));
  expect((await ended).outcome).toBeNull();
  expect((await run.state()).conductor).not.toBeNull();
});

it('keeps text from outside from doing anything to the terminal', async () => {
  const run = await openTestRun();
  const hostile = [
    ['\u001b[2J\u001b[31mred', '1'],
    ['over\rwritten', '2'],
    ['\u202Egnp.exe', '3'],
    ['宽宽 wide', '4'],
    ['zero\u200Bwidth', '5'],
    ['\u001b]0;title\u0007', '6'],
    ['\u009b5mblink', '7'],
  ];
  await asked(run, [
    { kind: 'rows', title: 'Names\u001b[8m', columns: ['na\u001bme', 'n'], rows: hostile, more: 0 },
    { kind: 'text', title: 'Output', text: 'first\u001b[H line\nsecond\u0000 line' },
  ]);
  const { terminal } = show(run, 100, 40);
  await terminal.shows('^[[2J^[[31mred');
  await terminal.shows('over^Mwritten');
  await terminal.shows('<U+202E>gnp.exe');
  await terminal.shows('zero<U+200B>width');
  await terminal.shows('^[]0;title^G');
  await terminal.shows('<U+009B>5mblink');
  await terminal.shows(/first\^\[\[H line/);
  await terminal.shows(/second\^@ line/);
  const column = (text: string) => {
    const { active } = terminal.emulator.buffer;
    const row = terminal.rows().findIndex((each) => each.includes(text));
    const line = active.getLine(active.viewportY + row);
    return Array.from({ length: 100 }).findLastIndex(
      (_, cell) => (line?.getCell(cell)?.getChars() ?? '').trim() !== '',
    );
  };
  expect(column('wide'), 'wide characters keep the columns in line').toBe(column('gnp.exe'));
  expect(terminal.written).not.toContain('\u001b[2J');
  expect(terminal.written).not.toContain('\u202E');
  expect(terminal.written).not.toContain('\u009b');
});

it('shows the whole of a value that is too long for its column', async () => {
  const run = await openTestRun();
  const using = `org_id = auth.uid() ${'and true '.repeat(99)}or is_admin()`;
  await asked(run, [
    { kind: 'rows', title: 'Policies', columns: ['name', 'using'], rows: [['Admins', using]], more: 0 },
  ]);
  const { terminal } = show(run, 80, 24);
  await terminal.shows('e shows it all');
  expect(terminal.text()).not.toContain('is_admin()');
  terminal.press({ type: 'e' });
  await terminal.shows(/using +org_id = auth/);
  await terminal.shows('or is_admin()');
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
  await terminal.shows('Barbara (Tech Lead) has answered “leave” while you were writing.');
  terminal.press({ type: 'pq' }, 'enter', { type: 'R' });
  await terminal.shows('You had written: they are sto');
  terminal.press('escape');
  await terminal.shows('Next: Database size');
  expect(await requests(run)).toEqual([]);
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

it('says what size it needs, and takes no answer that cannot be read', async () => {
  const run = await openTestRun();
  await asked(run);
  const { terminal } = show(run, 80, 24);
  await terminal.shows('What shall become of the orphans?');
  terminal.resize(40, 10);
  await terminal.shows('40×10 is too small; 60×16 will do.');
  await terminal.shows('1 question open');
  terminal.press({ type: '1' }, 'enter');
  terminal.resize(80, 24);
  await terminal.shows('1 leave They stay as they are.');
  expect(terminal.text()).not.toContain('›');
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

it('needs neither colour nor Unicode', async () => {
  vi.stubEnv('NO_COLOR', '1');
  vi.stubEnv('LC_ALL', 'C');
  const run = await openTestRun({ rehearsal: false });
  await asked(run, [{ kind: 'text', title: 'Output', text: 'Grüße' }]);
  const { terminal } = show(run, 80, 24);
  await terminal.shows('# PRODUCTION');
  await terminal.shows('? 02:00');
  await terminal.shows('2 drop They are deleted for good.');
  await terminal.shows('Gr??e');
  expect(terminal.text()).toMatch(/^[\n -~]*$/);
  expect(terminal.coloured()).toBe(false);
});

it('asks for speed and workers for the backfill at work', async () => {
  const run = await openTestRun();
  await run.happens(OPENS + 20 * MINUTE, { type: 'window-began' });
  const { terminal } = show(run, 80, 24);
  await terminal.shows('About to begin');
  terminal.press({ type: '>' });
  await terminal.shows('No backfill is at work');
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
  await vi.waitFor(async () => expect((await run.state()).speed).toBe(2));
});

it('says that it is cut off while its journal does not answer, and comes back by itself', async () => {
  const run = await openTestRun();
  const cut = Promise.withResolvers<void>();
  let answers: Promise<void> = Promise.resolve();
  const read = async (after: number) => {
    await answers;
    return await run.journal.read(after);
  };
  const { terminal } = show({ ...run, journal: { ...run.journal, read } }, 80, 24);
  await terminal.shows('can roll back');
  answers = cut.promise;
  try {
    await terminal.shows('Cut off from the journal: what is shown is old.');
  } finally {
    cut.resolve();
  }
  await terminal.shows('can roll back');
});
