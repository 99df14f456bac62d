/**
 * Random traffic on two subjects at once: bursts of random frames between changes of what they meet. After every step
 * both must have answered the same and have seen the same.
 *
 * What the kernel's scheduler decides is not compared: how batches split that are taken on another CPU than the one that
 * receives, and whatever a second program's own target does with them.
 */
import fc from 'fast-check';
import { type Answer, answerOf, answerOfAsync } from '../answer.ts';
import { setEntry } from '../cases/traffic/setup.ts';
import type { Plan } from '../traffic/frames.ts';
import type { Seen } from '../traffic/traffic.ts';
import { differ } from './differ.ts';
import { MAIN_NAMES, ROOMY, reset, SECOND_NAMES, SLOTS, type TrafficSide } from './traffic-side.ts';

type Sides = readonly [TrafficSide, TrafficSide];
/** Sizes of the rings of the two CPUs' entries; 0 where there is none. */
interface Model {
  readonly rings: [number, number];
}
type Command = fc.AsyncCommand<Model, Sides>;

const QSIZES = [1, 2, 7, 8, 9, 31, 32, 33, 64, ROOMY, ROOMY, ROOMY];
const POLL = 64;

async function onBoth(what: string, sides: Sides, act: (side: TrafficSide) => Promise<Answer>): Promise<void> {
  differ(what, [await act(sides[0]), await act(sides[1])], sides);
}

const entry = (cpu: 0 | 1, qsize: number, second: string): Command => ({
  check: () => true,
  async run({ rings }, sides) {
    rings[cpu] = qsize;
    await onBoth(`${this}`, sides, async ({ target, seconds }) =>
      answerOf(() => setEntry(target, cpu, qsize, seconds[second])),
    );
  },
  toString: () => `entry ${cpu}: ring of ${qsize}, program ${second}`,
});

const remove = (cpu: 0 | 1): Command => ({
  check: ({ rings }) => rings[cpu] > 0,
  async run({ rings }, sides) {
    rings[cpu] = 0;
    await onBoth(`${this}`, sides, async ({ target }) => answerOf(() => target.delete(cpu)));
  },
  toString: () => `delete entry ${cpu}`,
});

/**
 * Without what depends on the scheduler, and without exceptions of a test run, which the kernel does not fire (see the
 * known differences). `isExact`: all entries that frames went to are on the CPU that received.
 */
function comparable(
  { onward, xmit, batches, sums, delivered, ...seen }: Seen,
  isExact: boolean,
  generic: boolean,
): Answer {
  const events = seen.events.filter((line) => generic || !line.startsWith('exception'));
  const own = Object.fromEntries(Object.entries(batches).filter(([name]) => name.startsWith('target')));
  const redirects = onward.filter((line) => !line.startsWith('cpumap_enqueue')).sort();
  const all = { events, sums, delivered, onward: redirects };
  return (isExact ? { ...all, xmit, batches: own } : all) as unknown as Answer;
}

interface BurstSeed {
  readonly main: string;
  readonly cpu: 0 | 1;
  readonly generic: boolean;
  readonly plans: readonly Plan[];
}

function burst({ main, cpu, generic, plans }: BurstSeed): Command {
  const other = cpu === 0 ? 1 : 0;
  const goesOver = plans.some(({ key }) => key === other);
  return {
    // the ring of an entry of the other CPU is emptied while it is filled
    check: ({ rings }) => !goesOver || rings[other] === 0 || rings[other] === ROOMY,
    async run({ rings }, sides) {
      const isExact = !goesOver || rings[other] === 0;
      await onBoth(`${this}`, sides, ({ send, mains, device, ...side }) =>
        answerOfAsync(async () => {
          const more = { cpu, ...(generic && { generic: device }) };
          return comparable(await send(mains[main]!, plans, more), isExact, generic);
        }).catch((cause) => {
          throw new Error(`${this} failed on ${side.subject.name}: ${cause}`, { cause });
        }),
      );
    },
    toString() {
      const frames = plans.map(({ length, key, flags, verdict }) => `${key}/${flags}/${verdict}/${length}`).join(' ');
      return `${plans.length} frames ${generic ? 'generic ' : ''}on CPU ${cpu}, ${main}: ${frames}`;
    },
  };
}

const plan: fc.Arbitrary<Plan> = fc.record({
  length: fc.oneof(fc.constant(60), fc.integer({ min: 14, max: 200 }), fc.integer({ min: 14, max: 1500 })),
  key: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(0, 1) },
    { weight: 1, arbitrary: fc.integer({ min: 2, max: SLOTS }) },
  ),
  flags: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.constantFrom(1, 2)),
  verdict: fc.constantFrom(2, 4, 4),
});

/** Frames whose own CPU is `cpu` alone, or both; the last is what small rings need. */
const frames = (cpu: number): fc.Arbitrary<readonly Plan[]> =>
  fc.tuple(fc.array(plan, { minLength: 1, maxLength: POLL, size: 'max' }), fc.boolean()).map(([plans, isOwn]) =>
    plans.map((one, i) => {
      const key = isOwn && one.key! < 2 ? cpu : one.key!;
      // what programs part by the plan's verdict and by the number are flows of their own
      return { ...one, key, flow: 4 * key + one.verdict! / 2 - 1 + 2 * (i & 1) };
    }),
  );

const bursts: fc.Arbitrary<Command> = fc
  .record({
    main: fc.constantFrom(...MAIN_NAMES),
    cpu: fc.constantFrom<0 | 1>(0, 1),
    generic: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  })
  .chain((seed) => frames(seed.cpu).map((plans) => burst({ ...seed, plans })));

const changes: fc.Arbitrary<Command> = fc
  .tuple(fc.constantFrom<0 | 1>(0, 1), fc.constantFrom(...QSIZES), fc.constantFrom(...SECOND_NAMES))
  .map((seed) => entry(...seed));

const removals: fc.Arbitrary<Command> = fc.constantFrom<0 | 1>(0, 1).map(remove);

export function trafficSequences(maxCommands: number): fc.Arbitrary<Iterable<Command>> {
  const command = fc.oneof(
    { weight: 5, arbitrary: bursts },
    { weight: 4, arbitrary: changes },
    { weight: 1, arbitrary: removals },
  );
  return fc.commands([command], { maxCommands, size: 'max' });
}

/** Runs a sequence on entries that are as new. @throws Error that names the step after which the two differ */
export async function runTraffic(sides: Sides, commands: Iterable<Command>): Promise<void> {
  for (const side of sides) reset(side);
  await fc.asyncModelRun((): { model: Model; real: Sides } => ({ model: { rings: [0, 0] }, real: sides }), commands);
}
