import type { Answer, Person } from '../../src/run/events.ts';
import type { RunState } from '../../src/run/state.ts';
import type { Random } from './random.ts';

export const ADA: Person = { name: 'Ada', role: 'dev' };
const PEOPLE: Person[] = [ADA, { name: 'Grace', role: 'lead' }, { name: 'Barbara', role: 'lead' }];

const openPrompt = (state: RunState) =>
  state.prompts.findLast((each) => each.settled === null && each.closedAt === null);

function answer(state: RunState, by: Person, choose: string): { type: 'prompt-answered'; answer: Answer } | null {
  const prompt = openPrompt(state)?.prompt;
  if (!prompt) return null;
  const { id, round } = prompt;
  return {
    type: 'prompt-answered',
    answer: { prompt: id, round, choose, reason: 'because', by, proof: 'named', from: 't' },
  };
}

/** What somebody does in the middle of the night. */
export function said(state: RunState, random: Random) {
  const by = random.of(PEOPLE);
  if (random.chance(0.15)) {
    const request = random.of(['pause', 'resume', 'resume', 'stop', 'roll-back', 'faster', 'begin-early'] as const);
    return { type: 'requested' as const, request, by, reason: 'because' };
  }
  const options = openPrompt(state)?.prompt.options ?? [];
  const choose = random.chance(0.6) ? options[0] : options[random.between(0, options.length)];
  return answer(state, by, choose?.choose ?? 'nonsense');
}

/** What people do who want the run to end. */
export function agreed(state: RunState, random: Random) {
  const by = random.of(PEOPLE);
  if (state.paused) return { type: 'requested' as const, request: 'resume' as const, by };
  return answer(state, by, openPrompt(state)?.prompt.options[0]?.choose ?? '');
}
