/** What programs send to user space: ring buffers, perf buffers, lines of bpf_trace_printk; and a program that never ends. */
import {
  assembleProgram,
  type BpfEngine,
  type BpfMap,
  type MapSpec,
  openPerfBuffer,
  openRingBuffer,
} from '@cpumap/bpf';
import { createHost, type Host, total } from '@cpumap/host';
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { burst, numberedFrame } from '../support/frames.ts';
import { device, endClean, send } from '../support/machine.ts';
import { call, keep, onStack } from './support/fragments.ts';
import { OUT } from './support/kernel-case.ts';

const RING: MapSpec = { type: BPF_MAP_TYPE.RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096 };
const PERF: MapSpec = { type: BPF_MAP_TYPE.PERF_EVENT_ARRAY, keySize: 4, valueSize: 4, maxEntries: 2 };

const reserve = (size: number, flags = 0): string => `
    r1 = map(ring) ll
    r2 = ${size}
    r3 = ${flags}
    ${call('ringbuf_reserve')}
    if r0 == 0 goto none`;

const output = (size: number, flags: number | string): string => `
    r1 = map(ring) ll
    r2 = r10
    r2 += -16
    r3 = ${size}
    r4 = ${flags}
    ${call('ringbuf_output')}`;

const query = (what: number | string, n: number): string => `
    r1 = map(ring) ll
    r2 = ${what}
    ${call('ringbuf_query')}
    ${keep(n)}`;

const perf = (flags: string): string => `
    ${onStack('sample', 16)}
    r2 = map(perf) ll
    r3 = ${flags}
    r4 = r10
    r4 += -16
    r5 = 8
    ${call('perf_event_output')}
    exit`;

const text = (bytes: Uint8Array, length = bytes.length): string => Buffer.from(bytes.subarray(0, length)).toString();

const printed: string[] = [];

async function machine(bpfEngine: BpfEngine, source: string, specs: Readonly<Record<string, MapSpec>>) {
  printed.length = 0;
  const host: Host = await createHost({
    cpus: 2,
    executor: 'virtual',
    memoryBytes: 1 << 28,
    bpfEngine,
    onPrintk: (line, cpu) => printed.push(`${cpu}: ${line}`),
  });
  const named = Object.entries(specs).map(([name, spec]) => [name, host.createMap({ name, ...spec })] as const);
  const maps: Record<string, BpfMap> = Object.fromEntries(named);
  const code = { bytecode: assembleProgram(source), license: 'GPL' };
  const program = await host.loadProgram({ name: 'test', code, maps });
  return { host, maps, program };
}

describe.each<BpfEngine>(['jit', 'interp'])('%s', (bpfEngine) => {
  const out = (maps: Record<string, BpfMap>) => [...new BigInt64Array(maps.out!.lookup(0).buffer)].map(Number);

  it('a record is reserved and submitted, another discarded, a third written at once', async () => {
    const source = `
    ${reserve(16)}
    r6 = r0
    r1 = 0x65767265736572 ll
    *(u64 *)(r6 + 0) = r1
    *(u64 *)(r6 + 8) = 7
    ${query(0, 0)}
    r1 = r6
    r2 = 0
    ${call('ringbuf_submit')}
    ${reserve(8)}
    *(u64 *)(r0 + 0) = 0
    r1 = r0
    r2 = 0
    ${call('ringbuf_discard')}
    ${onStack('written', 16)}
    ${output(8, 0)}
    ${keep(1)}
    ${output(8, 4)}
    ${keep(2)}
    ${output(8, '0x100000000 ll')}
    ${keep(3)}
    ${query(0, 4)}
    ${query(1, 5)}
    ${query(2, 6)}
    ${query(3, 7)}
    ${query(4, 8)}
    ${query('0x100000000 ll', 9)}
  none:
    r0 = 2
    exit`;
    const { host, maps, program } = await machine(bpfEngine, source, { ring: RING, out: OUT });
    await program.testRun({ data: numberedFrame(0) });
    // bytes in the ring; 0 and twice EINVAL; bytes, size, consumer's and producer's place; nothing for what is not known
    expect(out(maps).slice(0, 10)).toEqual([24, 0, -22, -22, 56, 4096, 0, 56, 0, 0]);
    const ring = openRingBuffer(maps.ring!);
    const records: string[] = [];
    expect(ring.consume((record) => records.push(text(record)))).toBe(2);
    expect(records).toEqual(['reserve\0\x07\0\0\0\0\0\0\0', 'written\0']);
    expect(ring.poll()).toBe(false);
    await host.close();
  });

  it('a full ring gives no record, and EAGAIN', async () => {
    const source = `
    ${onStack('0123456', 16)}
    ${output(8, 0)}
    ${keep(0)}
    ${reserve(8)}
    r1 = r0
    r2 = 0
    ${call('ringbuf_submit')}
    r0 = 1
    exit
  none:
    r0 = 2
    exit`;
    const { host, maps, program } = await machine(bpfEngine, source, { ring: RING, out: OUT });
    expect(await program.testRun({ data: numberedFrame(0), repeat: 127 })).toMatchObject({ retval: 1 });
    expect(await program.testRun({ data: numberedFrame(0) })).toMatchObject({ retval: 2 });
    expect(out(maps)[0]).toBe(0);
    expect(await program.testRun({ data: numberedFrame(0) })).toMatchObject({ retval: 2 });
    expect(out(maps)[0]).toBe(-11);
    await host.close();
  });

  it.each([
    ['no bytes of the packet', '0xffffffff ll', 0, 0],
    ['20 bytes of it', '0x14ffffffff ll', 20, 0],
    ['all of it', '0x3cffffffff ll', 60, 0],
    ['more than there is', '0x3dffffffff ll', 0, -14],
    ['an unknown flag', '0x100000ffffffff ll', 0, -22],
    ['a CPU without a buffer', '1', 0, -2],
    ['an index beyond the map', '2', 0, -7],
  ])('a perf sample with %s', async (_name, flags, bytes, answer) => {
    const { host, maps, program } = await machine(bpfEngine, perf(flags), { perf: PERF });
    const buffer = openPerfBuffer(maps.perf!, { cpu: 0, pages: 1 });
    const frame = numberedFrame(77);
    const { retval } = await program.testRun({ data: frame });
    expect(retval | 0).toBe(answer);
    const samples: Uint8Array[] = [];
    expect(buffer.consume((sample) => samples.push(sample))).toBe(answer === 0 ? 1 : 0);
    if (answer === 0) {
      expect(text(samples[0]!, 6)).toBe('sample');
      expect(samples[0]!.slice(8, 8 + bytes)).toEqual(frame.slice(0, bytes));
    }
    buffer.close();
    await host.close();
  });

  it('a perf sample with bytes of the packet that lie in several buffers', async () => {
    const { host, maps, program } = await machine(bpfEngine, perf('0x3cffffffff ll'), { perf: PERF });
    const buffer = openPerfBuffer(maps.perf!, { cpu: 0, pages: 1 });
    const frame = numberedFrame(77);
    expect((await program.testRun({ data: frame, ctx: { data_end: 21 } })).retval).toBe(0);
    const samples: Uint8Array[] = [];
    expect(buffer.consume((sample) => samples.push(sample))).toBe(1);
    expect(samples[0]!.slice(8, 68)).toEqual(frame);
    buffer.close();
    await host.close();
  });

  it('bpf_trace_printk and bpf_trace_vprintk print what bpf_snprintf makes, without the newline', async () => {
    const source = `
    ${onStack('%d %x %llu\n', 64)}
    r1 = r10
    r1 += -64
    r2 = 12
    r3 = -5
    r4 = 255
    r5 = 0x123456789a ll
    ${call('trace_printk')}
    ${keep(0)}
    *(u64 *)(r10 - 16) = 42
    *(u64 *)(r10 - 8) = 43
    ${onStack('%05d|%-4u|', 64)}
    r1 = r10
    r1 += -64
    r2 = 11
    r3 = r10
    r3 += -16
    r4 = 16
    ${call('trace_vprintk')}
    ${keep(1)}
    ${onStack('%z', 64)}
    r1 = r10
    r1 += -64
    r2 = 3
    ${call('trace_printk')}
    ${keep(2)}
    r0 = 2
    exit`;
    const { host, maps, program } = await machine(bpfEngine, source, { out: OUT });
    await program.testRun({ data: numberedFrame(0), cpu: 1 });
    expect(printed).toEqual(['1: -5 ff 78187493530', '1: 00042|43  |']);
    expect(out(maps).slice(0, 3)).toEqual([18, 11, -22]);
    await host.close();
  });

  it('the value of another CPU', async () => {
    const at = (cpu: string, n: number): string => `
    r1 = map(percpu) ll
    r2 = r10
    r2 += -4
    r3 = ${cpu}
    ${call('map_lookup_percpu_elem')}
    r6 = -1
    if r0 == 0 goto missing${n}
    r6 = *(u64 *)(r0 + 0)
  missing${n}:
    r0 = r6
    ${keep(n)}`;
    const source = `
    *(u32 *)(r10 - 4) = 1
    ${at('0', 0)}
    ${at('1', 1)}
    ${at('2', 2)}
    ${at('-1', 3)}
    r0 = 2
    exit`;
    const percpu = { type: BPF_MAP_TYPE.PERCPU_ARRAY, keySize: 4, valueSize: 8, maxEntries: 2 };
    const { host, maps, program } = await machine(bpfEngine, source, { percpu, out: OUT });
    maps.percpu!.update(1, new Uint8Array(BigUint64Array.of(10n, 11n).buffer));
    await program.testRun({ data: numberedFrame(0), cpu: 1 });
    expect(out(maps).slice(0, 4)).toEqual([10, 11, -1, -1]);
    await host.close();
  });
});

// the compiler alone: its budget takes the interpreter 20 s
it('a program that is ended is XDP_ABORTED once, gives its record back, and the next one runs', async () => {
  const nested = (label: string) => `
  r1 = ${1 << 23}
  r2 = code_addr(${label}) ll
  r3 = 0
  r4 = 0
  ${call('loop')}`;
  const source = `
  ${reserve(8)}
  r6 = r0
  *(u64 *)(r6 + 0) = 1
  ${nested('outer')}
  r1 = r6
  r2 = 0
  ${call('ringbuf_submit')}
none:
  r0 = 1
  exit
outer:
  ${nested('inner')}
  r0 = 0
  exit
inner:
  r0 = 0
  exit`;
  const { host, maps, program } = await machine('jit', source, { ring: RING });
  const nic = device(host);
  const link = host.attachXdp(nic.name, program);
  await send(host, nic, burst(1));
  link.detach();
  expect(total(host.statistics(), ({ xdp }) => xdp.aborted)).toBe(1);
  expect(total(host.statistics(), ({ trace }) => trace.exception)).toBe(1);
  expect(host.reports).toHaveLength(1);
  expect(host.reports[0]).toMatch(/^program \d+ on CPU 0 threw ProgramFault: .*used up/);
  const ring = openRingBuffer(maps.ring!);
  expect(ring.consume(() => undefined)).toBe(0); // the record was discarded
  expect(ring.poll()).toBe(false);

  const code = { bytecode: assembleProgram('r0 = 1\nexit') };
  host.attachXdp(nic.name, await host.loadProgram({ name: 'drop', code }));
  await send(host, nic, burst(10));
  expect(total(host.statistics(), ({ xdp }) => xdp.drop)).toBe(10);
  await endClean(host);
});
