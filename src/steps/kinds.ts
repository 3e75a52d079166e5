import type { StepKind } from '../runbook/step-schema.ts';
import { backfill } from './backfill/backfill.ts';
import { check } from './check/check.ts';
import { command } from './command.ts';
import { decision } from './decision.ts';
import { http } from './http.ts';
import { index } from './index.ts';
import { isolation } from './isolation/isolation.ts';
import type { Kind } from './kind.ts';
import { manual } from './manual.ts';
import { measure } from './measure/measure.ts';
import { monitor } from './monitor.ts';
import { notify } from './notify.ts';
import { policies } from './policies/policies.ts';
import { signoff } from './signoff.ts';
import { sql } from './sql.ts';

/** Every kind of step there is. */
export const KINDS: { [K in StepKind]: Kind<K> } = {
  backfill,
  check,
  command,
  decision,
  http,
  index,
  isolation,
  manual,
  measure,
  monitor,
  notify,
  policies,
  signoff,
  sql,
};
