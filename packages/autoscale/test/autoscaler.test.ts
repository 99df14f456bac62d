/** The controller on machines that are only numbers: constant loads, changes, drops, and policies that fail. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AutoscalerOptions, createAutoscaler, type Policy, sampleOf } from '../src/index.ts';
import { createPlant, type Plant } from './support/plant.ts';

const scalerOf = ({ backend, steering }: Plant, options: Partial<AutoscalerOptions> = {}) =>
  createAutoscaler({ backend, steering, coolDown: 0, ...options });

/** Sizes of the active set, tick by tick. */
function sizes(plant: Plant, scaler: ReturnType<typeof scalerOf>, loads: readonly number[]): number[] {
  scaler.tick();
  return loads.map((load) => {
    plant.run(load);
    return scaler.tick().active.length;
  });
}
const constant = (load: number, ticks: number): number[] => new Array(ticks).fill(load);

describe('a constant load', () => {
  const settings = fc
    .record({
      nrCpus: fc.integer({ min: 1, max: 12 }),
      truth: fc.integer({ min: 1000, max: 1_000_000 }),
      load: fc.double({ min: 0, max: 15, noNaN: true }),
      /** What is said that a CPU takes, relative to the truth; undefined: to be learned. */
      said: fc.option(fc.double({ min: 0.2, max: 3, noNaN: true }), { nil: undefined }),
      band: fc.tuple(
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        fc.double({ min: 0.51, max: 0.9, noNaN: true }),
        fc.double({ min: 0.9, max: 1.1, noNaN: true }),
      ),
      bounds: fc.tuple(fc.nat(11), fc.nat(11)),
      coolDown: fc.nat(4),
      /** Few slots carry most: a spread that no number of CPUs makes even. */
      heavy: fc.array(fc.record({ slot: fc.nat(255), weight: fc.nat(200) }), { maxLength: 6 }),
    })
    .map(({ nrCpus, said, truth, load, band: [low, target, high], bounds, heavy, coolDown }) => {
      const [min, max] = bounds.map((n) => 1 + (n % nrCpus)).sort((a, b) => a - b) as [number, number];
      const weights = new Array<number>(256).fill(1);
      for (const { slot, weight } of heavy) weights[slot]! += weight;
      const capacity = said === undefined ? {} : { capacity: said * truth };
      return {
        nrCpus,
        truth,
        load: load * truth,
        weights,
        options: { low, target, high, min, max, coolDown, ...capacity },
      };
    });

  it('is answered by a set that does not change any more', () => {
    fc.assert(
      fc.property(settings, ({ nrCpus, truth, load, weights, options }) => {
        const plant = createPlant(nrCpus, truth, weights);
        const scaler = scalerOf(plant, options);
        const converged = (2 * nrCpus + 2) * (options.coolDown + 1);
        sizes(plant, scaler, constant(load, converged));
        const before = scaler.active;
        for (const _ of constant(load, 60)) {
          plant.run(load);
          scaler.tick();
          expect(scaler.active).toBe(before);
        }
        expect(before.length).toBeGreaterThanOrEqual(options.min);
        expect(before.length).toBeLessThanOrEqual(options.max);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('with a capacity of 1000 frames per second', () => {
  it('the fewest CPUs at 70 % or less', () => {
    const plant = createPlant(8, 1000);
    expect(
      sizes(plant, scalerOf(plant, { capacity: 1000 }), [100, 600, 900, 2000, 2500, 2600, 2000, 1100, 100]),
    ).toEqual([1, 1, 2, 3, 3, 4, 4, 2, 1]);
  });

  it('waits after a change, but not when frames are dropped', () => {
    const plant = createPlant(8, 1000);
    const scaler = scalerOf(plant, { capacity: 1000, coolDown: 3 });
    expect(sizes(plant, scaler, [100, 100, 100, 100, 900, 900, 900, 900])).toEqual([8, 8, 8, 1, 1, 1, 1, 2]);
    expect(sizes(plant, scaler, [5000, 5000])).toEqual([8, 8]);
  });
});

describe('what drops teach', () => {
  it('one CPU more in the next interval, and not fewer again under the same load', () => {
    const plant = createPlant(8, 500);
    const scaler = scalerOf(plant, { capacity: 1000 });
    expect(sizes(plant, scaler, constant(1300, 30))).toEqual([2, ...constant(3, 29)]);
  });

  it('is forgotten when the load is half', () => {
    const plant = createPlant(8, 500);
    const scaler = scalerOf(plant, { capacity: 1000 });
    sizes(plant, scaler, constant(1300, 5));
    plant.run(600);
    expect(scaler.tick().capacity).toBe(1000);
  });
});

it('without a capacity, one CPU less at a time until one is busy', () => {
  const plant = createPlant(4, 1000);
  const scaler = scalerOf(plant);
  expect(sizes(plant, scaler, constant(1500, 8))).toEqual([3, 2, 1, 2, 2, 2, 2, 2]);
});

describe('a policy that fails', () => {
  const cases: [string, Policy, RegExp][] = [
    [
      'throws',
      () => {
        throw new Error('no idea');
      },
      /policy failed: Error: no idea/,
    ],
    ['answers nothing', () => undefined as never, /answered undefined, not a list/],
    ['answers null', () => null as never, /answered null/],
    ['wants no CPU', () => [], /wants 0 CPUs, not 1 to 4/],
    ['wants a CPU that there is not', () => [0, 7], /wants CPU 7/],
    ['wants something else', () => ['1'] as never, /wants CPU 1/],
    ['names a CPU twice', () => [1, 1], /twice/],
  ];
  it.each(cases)('%s: the set stays, and it is said', (_name, bad, text) => {
    const plant = createPlant(4, 1000);
    const problems: string[] = [];
    let policy: Policy = () => [2, 3];
    const scaler = scalerOf(plant, {
      policy: (...asked) => policy(...asked),
      onProblem: (problem) => problems.push(problem),
    });
    sizes(plant, scaler, [100]);
    expect(scaler.active).toEqual([2, 3]);
    policy = bad;
    plant.run(100);
    expect(scaler.tick()).toMatchObject({ active: [2, 3], changed: false });
    expect(problems).toEqual([expect.stringMatching(text)]);
    policy = () => [1];
    plant.run(100);
    expect(scaler.tick().active).toEqual([1]);
  });
});

it.each([
  [{ min: 0 }, /min 0/],
  [{ max: 5 }, /<= 4/],
  [{ min: 3, max: 2 }, /min 3 and max 2/],
  [{ low: 0.7 }, /low < target/],
  [{ capacity: 0 }, /capacity is 0/],
  [{ coolDown: -1 }, /coolDown is -1/],
])('settings %j are refused', (options, hint) => {
  expect(() => scalerOf(createPlant(4, 1000), options)).toThrow(
    expect.objectContaining({ code: 'EINVAL', hint: expect.stringMatching(hint) }),
  );
});

it('a closed one does not tick', () => {
  const scaler = scalerOf(createPlant(4, 1000));
  scaler.close();
  scaler.close();
  expect(() => scaler.tick()).toThrow(expect.objectContaining({ code: 'EINVAL' }));
});

it('a sample is rates, drops and what waits', () => {
  const plant = createPlant(2, 1000);
  plant.steering.setActive([1]);
  const before = plant.backend.statistics();
  plant.run(1600);
  const after = plant.backend.statistics();
  expect(sampleOf(before, after)).toEqual([
    { cpu: 0, enqueuedPerSecond: 0, drops: 0, bulkAverage: 0, processedPerSecond: 0, schedPerSecond: 0, depth: 0 },
    {
      cpu: 1,
      enqueuedPerSecond: 1600,
      drops: 600,
      bulkAverage: 8,
      processedPerSecond: 1000,
      schedPerSecond: 0,
      depth: 0,
    },
  ]);
  expect(() => sampleOf(after, after)).toThrow(RangeError);
});
