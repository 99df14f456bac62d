/** Devmaps and the xskmap as bpf(2) sees them: the answers of Linux 6.18, and what 4.15 lacks. */
import { type BpfMap, type BpfProgram, createMap, type MapSpec, u32Of } from '@cpumap/bpf';
import { attachMachine, createAllocator, createMachine, createMemory } from '@cpumap/smp';
import { BPF_ATTACH_TYPE, BPF_MAP_TYPE, BPF_PROG_TYPE, featuresOf, KernelError, type Release } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { devMapTypes, xskMapType } from '../src/index.ts';
import { CREATES, SERIES, type Step, type Word } from './kernel-answers.ts';

const KNOWN_DEVICE = 1;
/** Descriptors of programs, by what these were loaded for. */
const FDS: Readonly<Record<string, number>> = { devmap: 11, cpumap: 12, device: 13, nofd: 9999 };
const ATTACH_TYPES: Readonly<Record<number, number>> = {
  11: BPF_ATTACH_TYPE.XDP_DEVMAP,
  12: BPF_ATTACH_TYPE.XDP_CPUMAP,
  13: BPF_ATTACH_TYPE.XDP,
};
const PROGRAM_ID = 100; // plus the descriptor

function createTypes(release: Release) {
  const memory = createMemory(1 << 22);
  const allocator = createAllocator(memory);
  const machine = attachMachine(memory, createMachine(allocator, 1));
  machine.setAsleep(0, true);
  const device = allocator.alloc(64);
  const programByFd = (fd: number): BpfProgram | undefined => {
    const expectedAttachType = ATTACH_TYPES[fd];
    if (expectedAttachType === undefined) return undefined;
    const id = PROGRAM_ID + fd;
    const type = BPF_PROG_TYPE.XDP;
    return { id, name: 'p', type, expectedAttachType, attachTo: undefined, frags: false, mapIds: [] };
  };
  const { array, hash } = devMapTypes({
    memory,
    allocator,
    machine,
    features: featuresOf(release),
    programByFd,
    deviceByIndex: (ifindex) => (ifindex === KNOWN_DEVICE ? device : 0),
    prepareClones: () => undefined, // nothing is sent here
  });
  const types = new Map([
    [BPF_MAP_TYPE.DEVMAP, array],
    [BPF_MAP_TYPE.DEVMAP_HASH, hash],
    [BPF_MAP_TYPE.XSKMAP, xskMapType(memory, allocator)],
  ]);
  return (spec: MapSpec) => createMap({ memory, allocator, types }, spec, 1);
}

function answerOf<T>(operation: () => T): { answer: string; result?: T } {
  try {
    return { answer: 'ok', result: operation() };
  } catch (error) {
    if (error instanceof KernelError) return { answer: error.code };
    throw error;
  }
}

const typeOf = (name: string): number => BPF_MAP_TYPE[name as keyof typeof BPF_MAP_TYPE];

const bytesOf = (value: readonly Word[]): Uint8Array =>
  new Uint8Array(Uint32Array.from(value, (word) => (typeof word === 'string' ? FDS[word]! : word)).buffer);

const wordsOf = (bytes: Uint8Array): Word[] =>
  [...new Uint32Array(bytes.buffer)].map((word) => (word > PROGRAM_ID ? 'id' : word));

/** The step as the map answers it. */
function take(map: BpfMap, step: Step): Step {
  switch (step[0]) {
    case 'update': {
      const [op, key, value, flags] = step;
      return [op, key, value, flags, answerOf(() => map.update(key, bytesOf(value), flags)).answer];
    }
    case 'delete':
      return ['delete', step[1], answerOf(() => map.delete(step[1])).answer];
    case 'lookup': {
      const { answer, result } = answerOf(() => map.lookup(step[1]));
      return result === undefined ? ['lookup', step[1], answer] : ['lookup', step[1], answer, wordsOf(result)];
    }
    case 'next': {
      const { answer, result } = answerOf(() => map.getNextKey(step[1] ?? undefined));
      return result === undefined ? ['next', step[1], answer] : ['next', step[1], answer, u32Of(result)];
    }
  }
}

describe('Linux 6.18', () => {
  it('creates them', () => {
    const create = createTypes('6.18');
    for (const one of CREATES) {
      const [name, keySize, valueSize, maxEntries, flags] = one;
      const { answer } = answerOf(() => create({ type: typeOf(name), keySize, valueSize, maxEntries, flags }));
      expect([name, keySize, valueSize, maxEntries, flags, answer]).toEqual(one);
    }
  });

  it.each(SERIES)('$type with values of $valueSize bytes', ({ type, valueSize, maxEntries, steps }) => {
    const map = createTypes('6.18')({ type: typeOf(type), keySize: 4, valueSize, maxEntries });
    expect(steps.map((step) => take(map, step))).toEqual(steps);
  });
});

describe('4.15', () => {
  it.each([
    [4, 'ok'],
    [8, 'EINVAL'],
  ])('values of %i bytes: %s', (valueSize, expected) => {
    const create = createTypes('4.15');
    const spec = { type: BPF_MAP_TYPE.DEVMAP, keySize: 4, valueSize, maxEntries: 4 };
    expect(answerOf(() => create(spec)).answer).toBe(expected);
  });
});
