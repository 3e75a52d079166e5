import { expect, it } from 'vitest';
import { openLab } from './lab.ts';
import { bringAbout, held, kinds } from './suite.ts';

it('a run comes to the same end whatever befalls it: some faults of every kind', { timeout: 600_000 }, async () => {
  await using lab = await openLab();
  const summaries = await bringAbout(lab, { kinds: Object.keys(kinds(1, false)), seed: 1, full: false });
  expect(summaries.flatMap(({ wrong }) => wrong)).toEqual([]);
  expect(summaries.filter((each) => !held(each))).toEqual([]);
});
