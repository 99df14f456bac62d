/** Random traffic on two engines: threads see what the virtual executor sees, and a difference is noticed. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EngineSubjectOptions, engineSubject } from '../src/engine-subject.ts';
import { runTraffic, trafficSequences } from '../src/model/traffic-sequence.ts';
import { type TrafficSide, trafficSide } from '../src/model/traffic-side.ts';

const SEED = Number(process.env.COMPLIANCE_SEED ?? 1);
const MAX_COMMANDS = 20;
const TIMEOUT = 120_000;

async function onEngines(
  other: Partial<EngineSubjectOptions>,
  numRuns: number,
  change: (side: TrafficSide) => TrafficSide = (side) => side,
): Promise<void> {
  const sides = [
    await trafficSide(await engineSubject({ cpus: 2 })),
    change(await trafficSide(await engineSubject({ cpus: 2, ...other }))),
  ] as const;
  try {
    const property = fc.asyncProperty(trafficSequences(MAX_COMMANDS), (commands) => runTraffic(sides, commands));
    await fc.assert(property, { numRuns, seed: SEED });
  } finally {
    for (const { subject } of sides) await subject.close();
  }
}

describe('random traffic on two engines', () => {
  it.for<Partial<EngineSubjectOptions>>([{ executor: 'threads' }, { bpfEngine: 'interp' }])(
    'is the same with %o',
    { timeout: TIMEOUT },
    (options) => onEngines(options, 100),
  );

  it.for<[string, (side: TrafficSide) => TrafficSide]>([
    ['a second program drops instead of passing', (s) => ({ ...s, seconds: { ...s.seconds, pass: s.seconds.drop } })],
    ['a program changes nothing', (s) => ({ ...s, seconds: { ...s.seconds, metadata: undefined } })],
    ['another first program runs', (s) => ({ ...s, mains: { ...s.mains, 'hit or verdict': s.mains['as planned']! } })],
    [
      'a frame is one byte longer',
      (s) => ({
        ...s,
        send: (program, [first, ...rest], more) => s.send(program, [{ ...first!, length: 61 }, ...rest], more),
      }),
    ],
  ])('is not when %s', { timeout: TIMEOUT }, async ([, change]) => {
    await expect(onEngines({}, 100, change)).rejects.toThrow(/Property failed/);
  });
});
