/**
 * Programs whose answers a running Linux 6.18 gave: what a case is, and how the engine is asked the same thing.
 *
 * A case is one BPF_PROG_TEST_RUN. Beside the verdict it may put numbers in the array `out` (`r1 = map_value(out) ll`),
 * which is how results of helpers are compared.
 */
import { assembleProgram, type BpfEngine, bytesOfU32, type MapSpec } from '@cpumap/bpf';
import { createHost, type Host, type LoadedProgram, type TestRunOptions } from '@cpumap/host';
import { BPF_F_RDONLY_PROG, BPF_MAP_TYPE, KernelError } from '@cpumap/uapi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

export interface KernelCase {
  readonly name: string;
  /** Assembly of the program that is run. */
  readonly text: string;
  /** More programs, for tail calls. They use the same maps. */
  readonly others?: Readonly<Record<string, string>>;
  readonly maps?: Readonly<Record<string, Omit<MapSpec, 'name'>>>;
  /**
   * Elements to put in before: bytes in hexadecimal, or the name of a program (`main` is the one that is run). Maps with
   * BPF_F_RDONLY_PROG are frozen after that.
   */
  readonly elements?: readonly {
    readonly map: string;
    readonly key: number;
    readonly value: string | { readonly program: string };
  }[];
  readonly attachType?: number;
  /** The frame in hexadecimal; default FRAME. */
  readonly data?: string;
  readonly ctx?: TestRunOptions['ctx'];
  readonly repeat?: number;
}

/** What came back; what did not change is left out. */
export interface KernelAnswer {
  /** BPF_PROG_LOAD refused the program. */
  readonly refused?: string;
  readonly errno?: string;
  readonly retval?: number;
  /** Metadata and frame, where they are not what went in. */
  readonly data?: string;
  /** Where the frame begins and ends in them, if not at 0 and the end of what went in. */
  readonly ctx?: readonly [data: number, dataEnd: number];
  /** The signed 64-bit numbers of the array `out`, without the zeros at its end. */
  readonly out?: readonly number[];
  /** What the array `text` holds in the end, one character a byte, without the dots at its end that TEXT began with. */
  readonly text?: string;
}

const ETHERNET = 'ffffffffffff0102030405060800';

/** 64 bytes: an Ethernet header, then 0 to 49. */
export const FRAME = ETHERNET + Array.from({ length: 50 }, (_, i) => i.toString(16).padStart(2, '0')).join('');

export const OUT_NUMBERS = 16;

/** The array that programs leave numbers in. */
export const OUT = { type: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize: 8 * OUT_NUMBERS, maxEntries: 1 } as const;

/** An array for text, and the element that fills it with dots. */
export const TEXT = { type: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize: 64, maxEntries: 1 } as const;
export const DOTS = { map: 'text', key: 0, value: '2e'.repeat(TEXT.valueSize) } as const;

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

async function ask(host: Host, one: KernelCase): Promise<KernelAnswer> {
  const specs = Object.entries({ out: OUT, ...one.maps });
  const maps = Object.fromEntries(specs.map(([name, spec]) => [name, host.createMap({ name, ...spec })]));
  const elements = one.elements ?? [];
  for (const { map, key, value } of elements) {
    if (typeof value === 'string') maps[map]!.update(key, bytesOf(value));
  }
  for (const map of Object.values(maps)) if ((map.info().flags & BPF_F_RDONLY_PROG) !== 0) map.freeze();
  const load = (name: string, text: string) => {
    const bytecode = assembleProgram(text);
    const used = new Set(bytecode.mapReferences.map(({ target }) => target));
    return host.loadProgram({
      name,
      code: { bytecode, license: 'GPL' },
      maps: Object.fromEntries(Object.entries(maps).filter(([map]) => used.has(map))),
      ...(one.attachType === undefined ? {} : { expectedAttachType: one.attachType }),
    });
  };
  const programs = new Map<string, LoadedProgram>();
  try {
    for (const [name, text] of Object.entries({ main: one.text, ...one.others })) {
      programs.set(name, await load(name, text));
    }
  } catch (error) {
    if (error instanceof KernelError) return { refused: error.code };
    throw error;
  }
  const main = programs.get('main')!;
  for (const { map, key, value } of elements) {
    if (typeof value !== 'string') maps[map]!.update(key, bytesOfU32(programs.get(value.program)!.id));
  }
  try {
    const { data = FRAME, ctx, repeat } = one;
    const result = await main.testRun({
      data: bytesOf(data),
      ...(ctx === undefined ? {} : { ctx }),
      ...(repeat === undefined ? {} : { repeat }),
    });
    expect(result.fault).toBeUndefined();
    const out = [...new BigInt64Array(maps.out!.lookup(0).buffer.slice(0))].map(Number);
    while (out.at(-1) === 0) out.pop();
    const after = Buffer.from(result.data).toString('hex');
    const { data: start, data_end: end } = result.ctx;
    const text = maps.text === undefined ? '' : Buffer.from(maps.text.lookup(0)).toString('latin1').replace(/\.+$/, '');
    const moved = start !== (ctx?.data ?? 0) || end !== data.length / 2;
    return {
      retval: result.retval,
      ...(after === data ? {} : { data: after }),
      ...(moved ? { ctx: [start, end] } : {}),
      ...(out.length === 0 ? {} : { out }),
      ...(text === '' ? {} : { text }),
    };
  } catch (error) {
    if (error instanceof KernelError) return { errno: error.code };
    throw error;
  }
}

/** One test for each case and engine: the answer is the kernel's. */
export function itAnswersLikeTheKernel(
  cases: readonly KernelCase[],
  answers: Readonly<Record<string, KernelAnswer>>,
): void {
  describe.each<BpfEngine>(['jit', 'interp'])('%s', (bpfEngine) => {
    let host: Host;
    beforeAll(async () => {
      host = await createHost({ cpus: 2, executor: 'virtual', memoryBytes: 1 << 28, bpfEngine });
    });
    afterAll(() => host.close());
    it.each(cases)('$name', async (one) => {
      expect(await ask(host, one)).toEqual(answers[one.name]);
    });
  });
}
