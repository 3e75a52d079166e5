import type { StepKind } from '../runbook/step-schema.ts';
import type { Kind } from './kind.ts';

/** Every kind of step there is. */
export const KINDS: { [K in StepKind]?: Kind<K> } = {};
