/** What a suite is: something that can be measured, checked for correctness before it is timed. */
import type { Spread } from './stats.ts';

export interface SuiteOptions {
  /** A few seconds in all, to see that everything works; its figures mean nothing. */
  readonly smoke: boolean;
  /** Frames per round, where the suite moves frames. */
  readonly frames: number | undefined;
  readonly rounds: number | undefined;
}

export interface Figure extends Spread {
  readonly name: string;
  readonly unit: string;
}

/** A picture of figures: bars beside each other, or lines over a quantity. */
export interface Plot {
  /** File name without ending; unique. */
  readonly name: string;
  readonly title: string;
  readonly kind: 'bars' | 'lines';
  /** What `x` of the points is; with lines a number on a logarithmic axis. */
  readonly xName: string;
  readonly unit: string;
  readonly series: readonly PlotSeries[];
}
export interface PlotSeries {
  readonly name: string;
  readonly points: readonly (Spread & { readonly x: number | string })[];
}

export interface Measured {
  readonly figures: readonly Figure[];
  readonly plots?: readonly Plot[];
  /** What could not be measured here, with the reason. */
  readonly skipped?: readonly string[];
}

export interface SuiteResult extends Measured {
  readonly suite: string;
  readonly what: string;
}

export interface Suite {
  readonly name: string;
  readonly what: string;
  /** @throws Error when the run is not correct: a wrong run is not timed */
  run(options: SuiteOptions): Promise<Measured>;
}
