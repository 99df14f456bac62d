import { bytesOfU32, type ObjectFunction, u32Of, VerifierError } from '@cpumap/bpf';
import { cpuMapOf, loadCollection } from '@cpumap/host';
import { BPF_MAP_TYPE, BPF_PROG_TYPE, KernelError, XDP_REDIRECT } from '@cpumap/uapi';
import { afterEach, describe, expect, it } from 'vitest';
import { countingHost, OBJECTS, specOf, withMap, xdpTypes } from './support.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
async function host(options: Parameters<typeof countingHost>[0] = {}) {
  const made = await countingHost(options);
  closers.push(() => made.close());
  return made;
}

const modern = specOf('modern.o');
const seed = specOf('seed-style.o');
const UDP = Buffer.from(
  'ffffffffffff02000000000108004500001c0001000040110000c0a80101c0a801021234000900080000'.padEnd(120, '0'),
  'hex',
);

describe.each(OBJECTS)('%s', (name) => {
  const spec = specOf(name);
  it.each([
    ['virtual', 'jit'],
    ['virtual', 'interp'],
    ['threads', 'jit'],
    ['threads', 'interp'],
  ] as const)('loads whole on %s, %s, and leaves nothing open when it is closed', async (executor, bpfEngine) => {
    const machine = await host({ executor, bpfEngine, cpus: 2 });
    const collection = await loadCollection(machine, spec, { types: xdpTypes(spec) });
    expect([...collection.maps.keys()].sort()).toEqual([...spec.maps.keys()].sort());
    const wanted = [...spec.programs.values()].filter(
      ({ autoload, attachTo }) => autoload && !attachTo.includes('_map_err'),
    );
    expect([...collection.programs.keys()]).toEqual(wanted.map((program) => program.name));
    collection.close();
    collection.close();
    expect([...machine.open]).toEqual([]);
  });
});

describe('programs', () => {
  it('are those that are named, or those that the object and the release agree on', async () => {
    const machine = await host();
    const some = await loadCollection(machine, modern, { programs: ['on_kthread', 'xdp_spread_frags'] });
    expect([...some.programs.keys()]).toEqual(['on_kthread', 'xdp_spread_frags']);
    expect(some.programs.get('xdp_spread_frags')).toMatchObject({ frags: true, type: BPF_PROG_TYPE.XDP });
    const none = await loadCollection(machine, seed);
    expect([...none.programs.keys()]).toEqual([
      'trace_xdp_redirect_err',
      'trace_xdp_exception',
      'trace_xdp_cpumap_enqueue',
      'trace_xdp_cpumap_kthread',
    ]);
    expect(none.notes).toContain(
      'program xdp_prognum0_no_touch is not loaded: section xdp_cpu_map0_no_touch does not say what kind of program it is',
    );
    expect(none.notes).toContain(
      'program trace_xdp_redirect_map_err is not loaded: 6.18 has no event xdp/xdp_redirect_map_err',
    );
    const old = await loadCollection(await host({ release: '4.15' }), seed);
    expect([...old.programs.keys()]).toContain('trace_xdp_redirect_map_err');
  });

  it.each(['jit', 'interp'] as const)('run with their maps (%s)', async (bpfEngine) => {
    const machine = await host({ bpfEngine });
    const { maps, programs } = await loadCollection(machine, modern, { programs: ['xdp_spread'] });
    cpuMapOf(maps.get('cpu_map')!).set(2, { qsize: 8 });
    for (let index = 0; index < 64; index++) maps.get('cpus_available')!.update(index, bytesOfU32(2));
    const result = await machine.testRun(programs.get('xdp_spread')!, { data: UDP, repeat: 3 });
    expect(result.retval).toBe(XDP_REDIRECT);
    const [flow] = [...maps.get('flows')!.entries()];
    expect(new BigUint64Array(flow![1].buffer.slice(0, 16))).toEqual(BigUint64Array.of(3n, 3n * BigInt(UDP.length)));
  });

  it('stand in program arrays where the object says so', async () => {
    const machine = await host();
    const both = await loadCollection(machine, specOf('btf-maps.o'), { programs: ['xdp_main', 'xdp_tail'] });
    const slots = [...both.maps.get('jumps')!.entries()].map(([key, value]) => [u32Of(key), u32Of(value)]);
    expect(slots).toEqual([[1, expect.any(Number)]]);
    expect([...both.programs.values()].map(({ id }) => id)).toContain(slots[0]![1]);
    const one = await loadCollection(machine, specOf('btf-maps.o'), { programs: [] });
    expect(one.notes).toContainEqual(expect.stringMatching(/map jumps: slot 1 stays empty, program \w+ is not loaded/));
  });
});

describe('maps', () => {
  it('hold maps where the object says so', async () => {
    const { maps } = await loadCollection(await host(), specOf('btf-maps.o'), { programs: [] });
    const held = [...maps.get('outer')!.entries()].map(([, value]) => u32Of(value));
    expect(held).toEqual([maps.get('inner_a')!.id, maps.get('inner_b')!.id]);
  });

  it('keep initial contents, and .rodata is frozen', async () => {
    const { maps } = await loadCollection(await host(), modern, { programs: [] });
    const rodata = maps.get('.rodata')!;
    expect([...rodata.lookup(0)]).toEqual([4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 0, 0, 0, 0, 1]);
    expect(rodata.info().frozen).toBe(true);
    expect(() => rodata.update(0, new Uint8Array(20))).toThrow(/EPERM/);
    expect(maps.get('.bss')!.info().frozen).toBe(false);
    const { maps: others } = await loadCollection(await host(), specOf('btf-maps.o'), { programs: [] });
    const data = specOf('btf-maps.o').maps.get('.data')!.data!.contents!;
    expect(others.get('.data')!.lookup(0)).toEqual(new Uint8Array(data));
  });

  it('get sizes that they leave open, of a perf buffer one for each CPU', async () => {
    const open = withMap(modern, 'cpus_available', { maxEntries: 0 });
    const machine = await host();
    await expect(loadCollection(machine, open, { programs: [] })).rejects.toThrow(
      /EINVAL.*modern\.o, array map cpus_available \(section \.maps\): .*give maxEntries for cpus_available/,
    );
    expect([...machine.open]).toEqual([]);
    const { maps } = await loadCollection(machine, open, { programs: [], maxEntries: { cpus_available: 5 } });
    expect(maps.get('cpus_available')!.info().maxEntries).toBe(5);
    const perf = withMap(modern, 'events', {
      type: BPF_MAP_TYPE.PERF_EVENT_ARRAY,
      keySize: 4,
      valueSize: 4,
      maxEntries: 0,
    });
    const other = await loadCollection(machine, perf, { programs: [] });
    expect(other.maps.get('events')!.info().maxEntries).toBe(4);
  });

  it('are clamped when that is asked for, which is said', async () => {
    const machine = await host();
    const huge = withMap(modern, 'flows', { maxEntries: 1 << 30 });
    await expect(loadCollection(machine, huge, { programs: [] })).rejects.toThrow(/modern\.o, hash map flows/);
    const { maps, notes } = await loadCollection(machine, huge, { programs: [], clampMaps: 4096 });
    expect(maps.get('flows')!.info().maxEntries).toBe(4096);
    expect(notes).toEqual([`map flows has 4096 entries instead of ${1 << 30}`]);
    const few = await loadCollection(machine, modern, { programs: [], clampMaps: 100 });
    expect(few.maps.get('events')!.info().maxEntries).toBe(4096); // bytes
    expect(few.notes).toHaveLength(2);
  });

  it('that ask for what is not here are told so', async () => {
    const { notes } = await loadCollection(await host(), specOf('btf-maps.o'), { programs: ['xdp_main', 'xdp_tail'] });
    expect(notes).toEqual(['map rx_cnt asks to be pinned by name: there is no bpffs here, it is not shared']);
  });
});

describe('constants', () => {
  const load = async (constants: Parameters<typeof loadCollection>[2] & object) =>
    loadCollection(await host(), modern, { programs: ['on_enqueue'], ...constants });

  it('are set by name before .rodata is frozen: numbers, bytes, and ids of maps', async () => {
    const mac = Uint8Array.of(9, 0, 6, 5, 4, 3, 2, 1);
    const { maps } = await load({
      constants: { cpus_count: 3, only_ifindex: -1, only_map_id: { mapId: 'cpu_map' }, config: mac },
    });
    const view = new DataView(maps.get('.rodata')!.lookup(0).buffer);
    expect([0, 4, 8].map((at) => view.getUint32(at, true))).toEqual([3, 0xffffffff, maps.get('cpu_map')!.id]);
    expect(new Uint8Array(view.buffer).slice(12, 20)).toEqual(mac);
    expect(modern.maps.get('.rodata')!.data!.contents![0]).toBe(4); // the spec is as it was
  });

  it.each([
    [
      'no such variable',
      { nope: 1 },
      /constant nope.*ENOENT.*modern\.o has no such const volatile variable, but .*cpus_count/,
    ],
    ['a variable that is not constant', { exceptions: 1 }, /ENOENT/],
    ['too large', { cpus_count: 2 ** 32 }, /EINVAL.*4294967296 does not fit in 4 bytes/],
    ['too small', { cpus_count: -(2 ** 31) - 1 }, /does not fit/],
    ['no whole number', { cpus_count: 1.5 }, /no whole number/],
    ['a number for a struct of 6 and 2 bytes', { config: new Uint8Array(7) }, /it has 8 bytes, not 7/],
    ['no such map', { cpus_count: { mapId: 'nope' } }, /map nope, which is not there/],
  ])('%s is refused', async (_, constants, message) => {
    const machine = await host();
    await expect(loadCollection(machine, modern, { programs: [], constants })).rejects.toThrow(message);
    expect([...machine.open]).toEqual([]);
  });
});

describe('a failure', () => {
  const failure = async (spec: typeof modern, options: Parameters<typeof loadCollection>[2]): Promise<Error> => {
    const machine = await host();
    const error: unknown = await loadCollection(machine, spec, options).then(
      () => undefined,
      (refusal: unknown) => refusal,
    );
    expect([...machine.open]).toEqual([]);
    return error as Error;
  };

  it('of the verifier keeps its log, and names file, program and section', async () => {
    const error = await failure(specOf('btf-maps.o'), { programs: ['xdp_main', 'on_enqueue'] });
    expect(error).toBeInstanceOf(VerifierError);
    expect((error as VerifierError).log).toMatch(/invalid func unknown#195896080/);
    expect(error.message).toMatch(
      /btf-maps\.o, program on_enqueue \(section \?tp_btf\/xdp_cpumap_enqueue\): slot 1 wants .*sk_like/,
    );
  });

  it('for a program that is not there names those that are', async () => {
    expect((await failure(modern, { programs: ['nope'] })).message).toMatch(/modern\.o.*no program nope.*xdp_spread/);
  });

  it('for a section that says nothing asks for the type', async () => {
    const error = await failure(seed, { programs: ['xdp_prognum0_no_touch'] });
    expect(error).toBeInstanceOf(KernelError);
    expect(error.message).toMatch(/program xdp_prognum0_no_touch \(section xdp_cpu_map0_no_touch\).*the caller has to/);
  });

  it('for a size of a map that is not there names those that are', async () => {
    expect((await failure(modern, { maxEntries: { nope: 1 } })).message).toMatch(/map nope.*ENOENT.*cpu_map/);
  });

  it('of a map comes before any program', async () => {
    const error = await failure(withMap(modern, 'rx_cnt', { keySize: 8 }), {});
    expect(error.message).toMatch(
      /BPF_MAP_CREATE.*EINVAL.*modern\.o, percpu_array map rx_cnt \(section \.maps\): an array has/,
    );
  });

  /** on_exception with a call, or a load, of something of the kernel. */
  function withExtern(code: number[], weak: boolean) {
    const program = modern.programs.get('on_exception')!;
    const changed: ObjectFunction = {
      ...program,
      code: Uint8Array.from([...code, 0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]),
      references: [{ slot: 0, kind: 'extern', target: 'bpf_something', offset: 0 }],
      lines: [],
      core: [],
    };
    const entry = { ...program, ...changed };
    return {
      ...modern,
      programs: new Map(modern.programs).set('on_exception', entry),
      functions: new Map(modern.functions).set('on_exception', entry),
      externs: new Map([['bpf_something', { name: 'bpf_something', weak, declared: true, section: '.ksyms' }]]),
    };
  }
  const LOAD = [0x18, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

  it('for a function of the kernel says that there is none', async () => {
    const error = await failure(withExtern([0x85, 0, 0, 0, 0, 0, 0, 0], false), { programs: ['on_exception'] });
    expect(error.message).toMatch(
      /ENOENT.*program on_exception .*slot 0 needs bpf_something, a function or variable of the kernel/,
    );
  });

  it('does not come from a weak variable of the kernel: its address is 0', async () => {
    const { programs } = await loadCollection(await host(), withExtern(LOAD, true), { programs: ['on_exception'] });
    expect([...programs.keys()]).toEqual(['on_exception']);
  });
});
