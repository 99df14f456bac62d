/**
 * Random sequences of map operations on two subjects at once. After every operation both must have answered the same and
 * hold the same. There is no model besides: each subject is the other's.
 */
import type { MapBatch, MapSpec } from '@cpumap/bpf';
import fc from 'fast-check';
import { type Answer, answerOf, answerOfAsync, hex } from '../answer.ts';
import { contentsOf } from '../cases/elements.ts';
import { differ } from './differ.ts';
import { type Flavour, specOnSide, type ValueSeed } from './flavour.ts';
import type { Side, SideParts } from './side.ts';

type Sides = readonly [Side, Side];
type Command = fc.AsyncCommand<object, Sides>;

const FLAGS = fc.oneof(
  { weight: 5, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.constantFrom(1, 2) },
  { weight: 1, arbitrary: fc.constantFrom(3, 4, 5, 8, 2 ** 32, 2 ** 40) },
);
const ELEM_FLAGS = fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.constantFrom(1, 4, 8, 2 ** 32));

/** The commands of a flavour, for maps of one spec. */
function commandsOf(flavour: Flavour, spec: MapSpec): fc.Arbitrary<Command>[] {
  const { ordered } = flavour;
  const key = fc.constantFrom(...flavour.keys);
  const value = flavour.values;
  const contents = (side: Side): Answer => contentsOf(side.map, ordered, (bytes) => flavour.show(side, bytes));
  const bytes = (side: Side, seed: ValueSeed): Uint8Array => flavour.bytes(side, spec, seed);
  const text = ({ word, kind }: ValueSeed): string => `{${word}, ${kind}}`;
  const pairs = (side: Side, { keys, values, next }: MapBatch): Answer => {
    const found = keys.map((at, i) => `${hex(at)}=${flavour.show(side, values[i]!)}`);
    return { found: ordered ? found : found.sort(), ended: next === undefined };
  };

  const command = (name: string, act: (side: Side) => Promise<Answer>): Command => ({
    check: () => true,
    async run(_, sides) {
      const [left, right] = sides;
      differ(name, [await act(left), await act(right)], sides);
      differ(`contents after ${name}`, [contents(left), contents(right)], sides);
    },
    toString: () => name,
  });
  const now = (name: string, act: (side: Side) => unknown): Command =>
    command(name, async (side) => answerOf(() => act(side)));
  const read = (side: Side, found: Uint8Array): string => flavour.show(side, found);

  const single: fc.Arbitrary<Command>[] = [
    fc
      .tuple(key, value, FLAGS)
      .map(([at, seed, flags]) =>
        now(`update ${hex(at)} ${text(seed)} flags ${flags}`, (side) => side.map.update(at, bytes(side, seed), flags)),
      ),
    fc
      .tuple(key, FLAGS)
      .map(([at, flags]) => now(`lookup ${hex(at)} flags ${flags}`, (side) => read(side, side.map.lookup(at, flags)))),
    key.map((at) => now(`delete ${hex(at)}`, (side) => side.map.delete(at))),
    fc
      .tuple(key, FLAGS)
      .map(([at, flags]) =>
        now(`lookup and delete ${hex(at)} flags ${flags}`, (side) => read(side, side.map.lookupAndDelete(at, flags))),
      ),
  ];
  const walks = [
    key.map((at) => now(`key after ${hex(at)}`, (side) => side.map.getNextKey(at))),
    fc.constant(now('first key', (side) => side.map.getNextKey(undefined))),
  ];
  const batches: fc.Arbitrary<Command>[] = [
    fc.tuple(fc.array(fc.tuple(key, value), { minLength: 1, maxLength: 4 }), ELEM_FLAGS).map(([items, elemFlags]) =>
      now(
        `update batch ${items.map(([at, seed]) => `${hex(at)} ${text(seed)}`).join(', ')} flags ${elemFlags}`,
        ({ map, ...side }) =>
          map.updateBatch(
            items.map(([at]) => at),
            items.map(([, seed]) => bytes({ map, ...side }, seed)),
            { elemFlags },
          ),
      ),
    ),
    fc
      .tuple(fc.array(key, { minLength: 1, maxLength: 4 }), ELEM_FLAGS)
      .map(([keys, elemFlags]) =>
        now(`delete batch ${keys.map(hex).join(', ')} flags ${elemFlags}`, ({ map }) =>
          map.deleteBatch(keys, { elemFlags }),
        ),
      ),
    // as many as there can be: where a smaller batch of a hash ends is up to its buckets
    ELEM_FLAGS.map((elemFlags) =>
      now(`lookup batch flags ${elemFlags}`, (side) => pairs(side, side.map.lookupBatch(undefined, 64, { elemFlags }))),
    ),
    ELEM_FLAGS.map((elemFlags) =>
      now(`lookup and delete batch flags ${elemFlags}`, (side) =>
        pairs(side, side.map.lookupAndDeleteBatch(undefined, 64, { elemFlags })),
      ),
    ),
  ];
  const use = fc.boolean().map((frags) =>
    command(`a program ${frags ? 'with' : 'without'} frags uses it`, (side) =>
      answerOfAsync(async () => {
        const text = 'r1 = map(target) ll\n r2 = 0\n r3 = 2\n call 51\n exit';
        await side.subject.loadProgram({ text, maps: { target: side.map }, frags });
      }),
    ),
  );
  const freeze = fc.constant(now('freeze', ({ map }) => map.freeze()));
  const weighted = fc.oneof(
    { weight: 12, arbitrary: fc.oneof({ weight: 3, arbitrary: single[0]! }, ...single.slice(1)) },
    ...(ordered ? [{ weight: 3, arbitrary: fc.oneof(...walks) }] : []),
    { weight: 4, arbitrary: fc.oneof(...batches) },
    ...(flavour.redirects ? [{ weight: 1, arbitrary: use }] : []),
    { weight: 1, arbitrary: fc.oneof({ weight: 3, arbitrary: single[2]! }, freeze) },
  );
  return [weighted];
}

export interface Sequence {
  readonly spec: MapSpec;
  readonly commands: Iterable<Command>;
}

/** Sequences on maps of a flavour. */
export function sequences(flavour: Flavour, maxCommands: number): fc.Arbitrary<Sequence> {
  return fc
    .constantFrom(...flavour.specs)
    .chain((spec) =>
      fc.commands(commandsOf(flavour, spec), { maxCommands, size: 'max' }).map((commands) => ({ spec, commands })),
    );
}

/** Runs a sequence on new maps. @throws Error that names the operation after which the two differ */
export async function runSequence(
  parts: readonly [SideParts, SideParts],
  flavour: Flavour,
  sequence: Sequence,
): Promise<void> {
  const side = (of: SideParts): Side => ({
    ...of,
    map: of.subject.createMap(specOnSide(of, flavour, sequence.spec)),
  });
  const real: Sides = [side(parts[0]), side(parts[1])];
  try {
    await fc.asyncModelRun(() => ({ model: {}, real }), sequence.commands);
  } finally {
    for (const { subject } of real) subject.clear();
  }
}
