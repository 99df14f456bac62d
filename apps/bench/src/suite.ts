/** What a suite is: something that can be measured, checked for correctness before it is timed. */
export interface SuiteOptions {
  /** A few seconds in all, to see that everything works; its figures mean nothing. */
  readonly smoke: boolean;
  /** Frames per round, where the suite moves frames. */
  readonly frames: number | undefined;
  readonly rounds: number | undefined;
}

export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export interface SuiteResult {
  readonly suite: string;
  readonly what: string;
  readonly figures: readonly Figure[];
}

export interface Suite {
  readonly name: string;
  readonly what: string;
  /** @throws Error when the run is not correct: a wrong run is not timed */
  run(options: SuiteOptions): Promise<readonly Figure[]>;
}
