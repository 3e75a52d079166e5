import { afterEach, describe, expect, it, vi } from 'vitest';
import { ADA } from '../run/archive.ts';
import { eventually } from '../support/eventually.ts';
import { OPENS, openTestRun } from './run.ts';
import { asked, MINUTE, requests, show } from './show.ts';

// Ink asks once, when it is loaded, whether there is colour.
vi.hoisted(() => {
  process.env.FORCE_COLOR = '1';
});

afterEach(() => vi.unstubAllEnvs());

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

it('draws the screen anew once its size has settled, whatever a change of size has left on it', async () => {
  const run = await openTestRun();
  await asked(run);
  const { terminal } = show(run, 100, 30);
  await terminal.shows('What shall become of the orphans?');
  terminal.resize(90, 30);
  // What a frame for another size leaves in rows that are never drawn again, as nothing in them changes.
  await new Promise<void>((drawn) => terminal.emulator.write('\u001b[2;1Hleft over\u001b[30;1H', drawn));
  await eventually(() => expect(terminal.text()).not.toContain('left over'));
  await terminal.shows('can roll back until');
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

it('shows a warning before anything else, once, to who has just started the run', async () => {
  const run = await openTestRun({ rehearsal: false });
  const { terminal } = show(run, 80, 24, { since: 0 });
  const later = show(run, 80, 24, { name: 'test:2' }).terminal;
  await later.shows('Move the archive');
  await run.happens(OPENS, { type: 'warned', host: 'bastion', warning: 'This host ends the run at logout.' });
  await terminal.shows('WARNING This host ends the run at logout.');
  terminal.press({ type: 'p' }, 'enter');
  await terminal.shows('on bastion: This host ends');
  await later.shows('on bastion: This host ends');
  expect(await requests(run)).toEqual([]);
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
