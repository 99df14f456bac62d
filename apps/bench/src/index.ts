/**
 * Measurements of the engine, as suites that can be run one by one.
 *
 * @packageDocumentation
 */
import { deliver } from './deliver.ts';
import { footprint } from './footprint.ts';
import { memory } from './memory.ts';
import { program } from './program.ts';
import { start } from './start.ts';
import type { Suite } from './suite.ts';

export type { Spread } from './stats.ts';
export { spreadOf } from './stats.ts';
export type { Figure, Suite, SuiteOptions, SuiteResult } from './suite.ts';

export const SUITES: readonly Suite[] = [program, deliver, memory, footprint, start];
