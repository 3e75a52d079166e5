/** Every name a message of the runbook may use in `{{…}}`, besides `settings.*`. */
export const MESSAGE_NAMES = [
  'title',
  'percent',
  'step',
  'window.date',
  'window.hours',
  'window.opens',
  'window.closes',
  'window.duration',
  'issue',
  'current_status',
  'expected',
  'outcome',
  'journal.records',
  'journal.head',
] as const;

export type MessageName = (typeof MESSAGE_NAMES)[number];
