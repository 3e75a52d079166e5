/** The folder this process was started in, from which Node finds what it was told to load. */
export const startedIn = process.cwd();

/** npm goes to the package before it runs a script; what a command names is meant from where it was given. */
export function goWhereAsked(): void {
  const { INIT_CWD, npm_lifecycle_event: script } = process.env;
  if (script === 'runbook' && INIT_CWD !== undefined) process.chdir(INIT_CWD);
}
