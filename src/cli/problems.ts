import { problemLine, RunbookInvalid } from '../runbook/problems.ts';
import { inert } from '../ui/inert.ts';
import { complain } from './print.ts';

/**
 * Does something with a runbook; when the runbook is wrong, says everything that is on stderr, sets exit code 2 and returns
 * undefined.
 */
export async function orProblems<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RunbookInvalid)) throw error;
    const { problems } = error;
    for (const problem of problems) complain(inert(problemLine(problem)));
    complain(`\n${problems.length === 1 ? '1 problem' : `${problems.length} problems`}; nothing was run.`);
    process.exitCode = 2;
    return undefined;
  }
}
