import type { Command } from 'commander';
import { lockWarnings, runbookLockLines } from '../runbook/lock-lines.ts';
import { parseRunbook, readSources, statementCount } from '../runbook/sources.ts';
import { inert } from '../ui/inert.ts';
import { print } from './print.ts';
import { orProblems } from './problems.ts';

/** `runbook check`: would it run? Reads the YAML and the SQL; asks no database. */
export function register(program: Command): void {
  program
    .command('check')
    .description('would it run? reads the runbook and its SQL, and asks no database')
    .argument('[file]', 'the runbook', 'runbook.yaml')
    .action(async (file: string) => {
      const summary = await orProblems(async () => {
        const sources = await readSources(file);
        const runbook = parseRunbook(sources);
        const { document, activities } = runbook;
        const warnings = lockWarnings(runbook);
        const steps = activities.reduce((sum, { steps }) => sum + steps.length, 0);
        return [
          `${file} is in order: ${document.title}`,
          `  ${activities.length} activities, ${steps} steps`,
          `  ${Object.keys(sources.files).length} SQL files, ${statementCount(sources)} statements`,
          `  ${Object.keys(document.messages).length} messages, ${document.success.length} success criteria, ${document.risks.length} risks`,
          '',
          'Locks, by step. What blocks reads or writes is waited for a second at most, and tried again; then people decide:',
          ...runbookLockLines(runbook).map((line) => `  ${line}`),
          ...(warnings.length === 0 ? [] : ['', 'Beside a live application, look at these again:']),
          ...warnings.map(({ file, line, message }) => `  ${file}:${line}: ${message}`),
        ];
      });
      if (summary) print(`${summary.map(inert).join('\n')}\n`);
    });
}
