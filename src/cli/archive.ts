import type { Journal } from '../run/journal/journal.ts';

/** The arguments of a command make no sense. */
export class WrongArguments extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Nothing that is kept here goes by that name. */
export class NoSuchRun extends WrongArguments {
  constructor(name: string | undefined, known: string[], where: string) {
    const others = known.length > 0 ? ` Known: ${known.join(', ')}.` : ` No run has been opened ${where} yet.`;
    super(name === undefined ? `There is no run to look at.${others}` : `There is no run called ${name}.${others}`);
  }
}

/** Where journals are kept. Everything throws JournalFailed, and ConnectionFailed where it is a database. */
export interface Archive {
  /** The names of the runs that have been opened, in no order; one whose opening was cut short may be among them. */
  names(): Promise<string[]>;
  /** Opens the journal of a run; without a name, of the run opened last. @throws NoSuchRun */
  open(run: string | undefined): Promise<Journal>;
  /** Opens the journal of a run that is about to be opened, which is made unless it is there. */
  make(run: string): Promise<Journal>;
}
