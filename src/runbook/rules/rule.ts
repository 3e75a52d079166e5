import type { Outline } from '../outline.ts';
import type { Path } from '../yaml-text.ts';

/** Says what is wrong, at a place of the document. */
export type Report = (path: Path, message: string, part?: 'key' | 'value') => void;

/** One thing that must hold beyond the form of the document. Looks only at parts that are well formed. */
export type Rule = (outline: Outline, report: Report) => void;
