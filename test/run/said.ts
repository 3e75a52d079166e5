/** Something to put on record. */
export const says = (reason: string) =>
  ({ type: 'requested', request: 'pause', by: { role: 'ops', name: 'Ada' }, reason }) as const;
