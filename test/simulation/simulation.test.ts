import { expect, it } from 'vitest';
import { simulate } from './simulate.ts';

it('keeps its promises whatever happens in between: hundreds of nights', async () => {
  const outcomes = new Set<string>();
  const befell = new Set<string>();
  for (let seed = 1; seed <= 200; seed += 1) {
    const story = await simulate(seed);
    outcomes.add(story.outcome);
    for (const what of Object.keys(story.befell)) befell.add(what);
  }
  expect([...outcomes].sort()).toEqual(['aborted', 'done', 'rolled-back']);
  expect([...befell].sort()).toEqual(['clock jumped', 'disk full', 'killed', 'second start', 'suspended']);
});

it('comes to the same journal by the same seed', async () => {
  const [first, again] = [await simulate(7), await simulate(7)];
  expect(first.records.length).toBeGreaterThan(10);
  expect(again.records.at(-1)?.hash).toBe(first.records.at(-1)?.hash);
});
