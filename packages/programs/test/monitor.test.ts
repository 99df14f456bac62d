/** The monitoring programs on records as the tracepoints write them. */
import { arrayMapTypes, attachMapLookup, type BpfMap, createMap } from '@cpumap/bpf';
import { createAllocator, createMemory } from '@cpumap/smp';
import { ENQUEUE_RECORD, EXCEPTION_RECORD, KTHREAD_RECORD, REDIRECT_RECORD } from '@cpumap/tracepoints';
import { DATAREC } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { type MonitorEvent, type MonitorMapName, monitorMaps, monitorProgram } from '../src/index.ts';
import { startBytecode, valuesOf } from './support/engines.ts';
import { ENGINES, type Engine } from './support/harness.ts';

const NR_CPUS = 4;
const CPU = 1;
const RECORD = {
  xdp_redirect_err: REDIRECT_RECORD,
  xdp_redirect_map_err: REDIRECT_RECORD,
  xdp_exception: EXCEPTION_RECORD,
  xdp_cpumap_enqueue: ENQUEUE_RECORD,
  xdp_cpumap_kthread: KTHREAD_RECORD,
} satisfies Record<MonitorEvent, Readonly<Record<string, number>>>;

/** A CPU of four with these maps, and a function that fires an event there. */
function monitors(engine: Engine) {
  const memory = createMemory(1 << 17);
  const allocator = createAllocator(memory);
  const types = arrayMapTypes(memory, allocator, NR_CPUS);
  const maps = new Map<MonitorMapName, BpfMap>(
    monitorMaps(NR_CPUS).map((spec, i) => [spec.name, createMap({ memory, allocator, types }, spec, i + 1)]),
  );
  const mapLookupElem = attachMapLookup(memory, CPU);
  const addresses = Object.fromEntries([...maps].map(([name, { pointer }]) => [name, pointer]));

  function fire(event: MonitorEvent, fields: Record<string, number>): number {
    const spec = monitorProgram(event, { maps: Object.fromEntries(maps), nrCpus: NR_CPUS });
    const offsets: Readonly<Record<string, number>> = RECORD[event];
    const used = Object.keys(spec.maps!).map((name) => maps.get(name as MonitorMapName)!);
    const instance = startBytecode(engine, spec, {
      memory,
      allocator,
      maps: addresses,
      values: used.flatMap((map) => valuesOf(map, mapLookupElem)),
      helpers: { mapLookupElem, redirectMap: () => 0 },
      context: offsets.sizeof!,
    });
    const record = allocator.alloc(offsets.sizeof!);
    for (const [name, value] of Object.entries(fields)) memory.u32[(record + offsets[name]!) >> 2] = value;
    return instance(record);
  }

  /** [processed, dropped, issue] of a CPU. */
  function counted(name: MonitorMapName, key = 0, cpu = CPU): number[] {
    const words = new BigUint64Array(maps.get(name)!.lookup(key).buffer);
    const at = (cpu * DATAREC.sizeof) / 8;
    return [...words.subarray(at, at + 3)].map(Number);
  }
  return { fire, counted };
}

describe.each(ENGINES)('on the %s', (engine) => {
  it.each(['xdp_redirect_err', 'xdp_redirect_map_err'] as const)('%s counts by error or none', (event) => {
    const { fire, counted } = monitors(engine);
    for (const err of [-22, -95, 0]) expect(fire(event, { err, map_id: 7, act: 4 })).toBe(0);
    expect(counted('redirect_err_cnt', 1)).toEqual([0, 2, 0]);
    expect(counted('redirect_err_cnt', 0)).toEqual([0, 1, 0]);
    expect(counted('redirect_err_cnt', 1, 0)).toEqual([0, 0, 0]);
  });

  it('xdp_exception counts', () => {
    const { fire, counted } = monitors(engine);
    for (let i = 0; i < 3; i++) expect(fire('xdp_exception', { act: i, ifindex: 2, prog_id: 9 })).toBe(0);
    expect(counted('exception_cnt')).toEqual([0, 3, 0]);
  });

  it('xdp_cpumap_enqueue counts by the CPU that gets the frames, and bulks that hold any', () => {
    const { fire, counted } = monitors(engine);
    fire('xdp_cpumap_enqueue', { processed: 8, drops: 0, to_cpu: 2 });
    fire('xdp_cpumap_enqueue', { processed: 5, drops: 3, to_cpu: 2 });
    fire('xdp_cpumap_enqueue', { processed: 0, drops: 1, to_cpu: 3 }); // as generic XDP says of a full ring
    expect([2, 3, 0].map((key) => counted('cpumap_enqueue_cnt', key))).toEqual([
      [13, 3, 2],
      [0, 1, 0],
      [0, 0, 0],
    ]);
  });

  it.each([NR_CPUS, -1])('xdp_cpumap_enqueue for CPU %i is not counted', (to_cpu) => {
    const { fire, counted } = monitors(engine);
    expect(fire('xdp_cpumap_enqueue', { processed: 8, drops: 0, to_cpu })).toBe(1);
    expect([0, 1, 2, 3].flatMap((key) => counted('cpumap_enqueue_cnt', key))).toEqual(new Array(12).fill(0));
  });

  it('xdp_cpumap_kthread counts frames, drops and the turns after a sleep', () => {
    const { fire, counted } = monitors(engine);
    fire('xdp_cpumap_kthread', { processed: 8, drops: 0, sched: 1, xdp_pass: 8 });
    fire('xdp_cpumap_kthread', { processed: 8, drops: 2, sched: 0, xdp_drop: 6 });
    fire('xdp_cpumap_kthread', { processed: 0, drops: 0, sched: 1 });
    expect(counted('cpumap_kthread_cnt')).toEqual([16, 2, 2]);
  });
});
