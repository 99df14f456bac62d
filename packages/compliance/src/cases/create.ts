/** BPF_MAP_CREATE of every type: sizes, bounds and flags. A map that is created is asked how it describes itself. */
import type { MapSpec } from '@cpumap/bpf';
import type { Case } from '../case.ts';
import type { Subject } from '../subject.ts';
import { SHAPES, type Shape, specOn } from './shapes.ts';

const SIZES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 64, 255, 256, 257, 260, 264, 512, 513, 4096];
const ENTRIES = [0, 1, 2, 3, 5, 255, 256, 257, 4096, 8192, 12288, 65536];

/** 'ok' and what the map says of itself, or the errno. */
function created(subject: Subject, spec: MapSpec): string {
  const map = subject.createMap(spec);
  const { keySize, valueSize, maxEntries, flags } = map.info();
  map.close();
  return `ok: ${keySize} ${valueSize} ${maxEntries} 0x${flags.toString(16)}`;
}

function createCases(shape: Shape): Case[] {
  const { group } = shape;
  const vary = (name: string, values: readonly number[], field: keyof MapSpec): Case => ({
    group,
    name: `create: ${name}`,
    run(subject, ask) {
      const spec = specOn(subject, shape);
      for (const value of values) ask(`${name} ${value}`, () => created(subject, { ...spec, [field]: value }));
    },
  });
  return [
    vary('key size', SIZES, 'keySize'),
    vary('value size', SIZES, 'valueSize'),
    vary('entries', ENTRIES, 'maxEntries'),
    {
      group,
      name: 'create: flags',
      run(subject, ask) {
        const spec = specOn(subject, shape);
        const base = spec.flags ?? 0;
        for (let bit = 0; bit < 32; bit++) {
          const flags = (base ^ (1 << bit)) >>> 0;
          ask(`flags 0x${flags.toString(16)}`, () => created(subject, { ...spec, flags }));
        }
        for (const flags of [0x18, 0x180, 0x8, 0x10]) {
          ask(`flags and 0x${flags.toString(16)}`, () => created(subject, { ...spec, flags: base | flags }));
        }
      },
    },
    {
      group,
      name: 'create: the order of checks',
      run(subject, ask) {
        const spec = specOn(subject, shape);
        ask('too many and a bad value size', () => created(subject, { ...spec, maxEntries: 0xffffffff, valueSize: 5 }));
        ask('too many', () => created(subject, { ...spec, maxEntries: 0xffffffff }));
        ask('none and a bad flag', () => created(subject, { ...spec, maxEntries: 0, flags: (1 << 31) >>> 0 }));
        ask('a bad name', () => created(subject, { ...spec, name: 'a-b' }));
        ask('a long name', () => created(subject, { ...spec, name: 'fifteen_letters' }));
      },
    },
  ];
}

export const CREATE_CASES: readonly Case[] = SHAPES.flatMap(createCases);
