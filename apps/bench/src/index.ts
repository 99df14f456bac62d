/**
 * Measurements of the engine, beside its peers where there are any, as suites that can be run one by one.
 *
 * @packageDocumentation
 */
import { costs } from './costs.ts';
import { datapath, datapathLb, deliver } from './datapath.ts';
import { footprint } from './footprint.ts';
import { mapUpdate } from './map-update.ts';
import { memory } from './memory.ts';
import { program } from './program.ts';
import { replay } from './replay.ts';
import { ring } from './ring.ts';
import { scale } from './scale.ts';
import { stages } from './stages.ts';
import { start } from './start.ts';
import type { Suite } from './suite.ts';
import { wakeup } from './wakeup.ts';

export type { Spread } from './stats.ts';
export { percentile, spreadOf } from './stats.ts';
export type { Figure, Measured, Plot, PlotSeries, Suite, SuiteOptions, SuiteResult } from './suite.ts';

export const SUITES: readonly Suite[] = [
  datapath,
  datapathLb,
  deliver,
  stages,
  costs,
  program,
  ring,
  wakeup,
  scale,
  replay,
  mapUpdate,
  memory,
  footprint,
  start,
];
