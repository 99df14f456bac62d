/** Programs on the tracepoints: what they count is what the engine counts, in all the ways in which they can be attached. */
import { assembleProgram, type BpfEngine, type BpfMap } from '@cpumap/bpf';
import { cpuMapOf, type Host, total } from '@cpumap/host';
import {
  DEVMAP_XMIT_RECORD,
  ENQUEUE_RECORD,
  type EventName,
  EXCEPTION_RECORD,
  KTHREAD_RECORD,
  REDIRECT_RECORD,
} from '@cpumap/tracepoints';
import { BPF_ATTACH_TYPE, BPF_FUNC, BPF_MAP_TYPE, BPF_PROG_TYPE } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { burst } from '../support/frames.ts';
import { device, endClean, send, virtualHost } from '../support/machine.ts';

const FRAMES = 100;

/** Counts events, and adds up what `read` puts in r6. */
const counting = (read: string): string => `
    ${read}
    r1 = map_value(counts) ll
    r2 = *(u64 *)(r1 + 0)
    r2 += 1
    *(u64 *)(r1 + 0) = r2
    r2 = *(u64 *)(r1 + 8)
    r2 += r6
    *(u64 *)(r1 + 8) = r2
    r0 = 0
    exit`;

const field = (offset: number): string => `r6 = *(s32 *)(r1 + ${offset})`;
const argument = (n: number): string => `r6 = *(u64 *)(r1 + ${8 * n})`;
/** What argument n points to, at an offset: as programs with BTF read it, and with bpf_probe_read_kernel. */
const through = (n: number, offset: number): string => `
    r6 = *(u64 *)(r1 + ${8 * n})
    r6 = *(u32 *)(r6 + ${offset})`;
const probed = (n: number, offset: number): string => `
    r3 = *(u64 *)(r1 + ${8 * n})
    r3 += ${offset}
    r1 = r10
    r1 += -8
    r2 = 4
    call ${BPF_FUNC.probe_read_kernel}
    r6 = *(u32 *)(r10 - 8)`;

type Sums = (host: Host) => readonly [events: number, sum: number];
const NIC = 2; // the ifindex of the device that receives
const toCpu1: Sums = (host) => {
  const enqueue = host.statistics().cpus.map(({ trace }) => trace.enqueue[1]!);
  return [enqueue.reduce((n, { events }) => n + events, 0), enqueue.reduce((n, { processed }) => n + processed, 0)];
};
const exceptions = (host: Host) => total(host.statistics(), ({ trace }) => trace.exception);
const kthreads: Sums = (host) => [
  total(host.statistics(), ({ trace }) => trace.kthread.events),
  total(host.statistics(), ({ trace }) => trace.kthread.processed),
];

interface Event {
  readonly event: EventName;
  readonly record: string;
  readonly raw: string;
  readonly tracing: string;
  /** What the program of the device does. */
  readonly device: 'to a cpu' | 'abort' | 'to no device' | 'to a device';
  readonly expected: Sums;
}

const EVENTS: readonly Event[] = [
  {
    event: 'xdp_cpumap_enqueue',
    record: field(ENQUEUE_RECORD.processed),
    raw: argument(1),
    tracing: argument(1),
    device: 'to a cpu',
    expected: toCpu1,
  },
  {
    event: 'xdp_cpumap_kthread',
    record: field(KTHREAD_RECORD.processed),
    raw: argument(1),
    tracing: argument(1),
    device: 'to a cpu',
    expected: kthreads,
  },
  {
    event: 'xdp_cpumap_kthread',
    record: field(KTHREAD_RECORD.xdp_pass),
    raw: probed(4, 4),
    tracing: through(4, 4),
    device: 'to a cpu',
    expected: (host) => [kthreads(host)[0], total(host.statistics(), ({ trace }) => trace.kthread.xdpPass)],
  },
  {
    event: 'xdp_exception',
    record: field(EXCEPTION_RECORD.ifindex),
    raw: probed(0, 0),
    tracing: through(0, 0),
    device: 'abort',
    expected: (host) => [exceptions(host), NIC * exceptions(host)],
  },
  {
    event: 'xdp_redirect_err',
    record: field(REDIRECT_RECORD.err),
    raw: argument(3),
    tracing: argument(3),
    device: 'to no device',
    expected: (host) => {
      const failed = total(host.statistics(), ({ trace }) => trace.redirectErr);
      return [failed, -22 * failed];
    },
  },
  {
    event: 'xdp_redirect',
    record: field(REDIRECT_RECORD.ifindex),
    raw: probed(0, 0),
    tracing: through(0, 0),
    device: 'to a device',
    expected: (host) => {
      const redirected = total(host.statistics(), ({ trace }) => trace.redirect);
      return [redirected, NIC * redirected];
    },
  },
  {
    event: 'xdp_devmap_xmit',
    record: field(DEVMAP_XMIT_RECORD.sent),
    raw: argument(2),
    tracing: argument(2),
    device: 'to a device',
    expected: () => [Math.ceil(64 / 16) + Math.ceil((FRAMES - 64) / 16), FRAMES],
  },
];

const KINDS = [
  ['record', BPF_PROG_TYPE.TRACEPOINT, undefined],
  ['raw', BPF_PROG_TYPE.RAW_TRACEPOINT, undefined],
  ['tracing', BPF_PROG_TYPE.TRACING, BPF_ATTACH_TYPE.TRACE_RAW_TP],
] as const;

async function start(bpfEngine: BpfEngine, what: Event['device']) {
  const host = await virtualHost({ bpfEngine });
  const nic = device(host);
  const other = device(host);
  const cpus = cpuMapOf(host.createMap({ type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize: 8, maxEntries: 2 }));
  const pass = await host.loadProgram({
    name: 'pass',
    code: { bytecode: assembleProgram('r0 = 2\nexit') },
    expectedAttachType: BPF_ATTACH_TYPE.XDP_CPUMAP,
  });
  cpus.set(1, { qsize: 64, program: pass.id });
  const toDevice = (ifindex: number) => `r1 = ${ifindex}\nr2 = 0\ncall ${BPF_FUNC.redirect}\nexit`;
  const text = {
    'to a cpu': `r1 = map(cpus) ll\nr2 = 1\nr3 = 0\ncall ${BPF_FUNC.redirect_map}\nexit`,
    abort: 'r0 = 0\nexit',
    'to no device': toDevice(999),
    'to a device': toDevice(other.ifindex),
  }[what];
  const maps: Record<string, BpfMap> = what === 'to a cpu' ? { cpus: cpus.map } : {};
  host.attachXdp(nic.name, await host.loadProgram({ name: 'xdp', code: { bytecode: assembleProgram(text) }, maps }));
  const counts = host.createMap({ name: 'counts', type: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize: 16, maxEntries: 1 });
  const counted = () => [...new BigInt64Array(counts.lookup(0).buffer)].map(Number);
  return { host, nic, counts, counted };
}

describe.each<BpfEngine>(['jit', 'interp'])('%s', (bpfEngine) => {
  describe.each(KINDS)('%s', (kind, type, expectedAttachType) => {
    it.each(EVENTS)('$event', async (one) => {
      const { host, nic, counts, counted } = await start(bpfEngine, one.device);
      const program = await host.loadProgram({
        name: 'trace',
        type,
        ...(expectedAttachType === undefined ? {} : { expectedAttachType }),
        attachTo: one.event,
        code: { bytecode: assembleProgram(counting(one[kind])), license: 'GPL' },
        maps: { counts },
      });
      const link = await host.attachTracepoint(program);
      await send(host, nic, burst(FRAMES));
      const expected = one.expected(host);
      expect(expected[0]).toBeGreaterThan(0);
      expect(counted()).toEqual(expected);

      await link.detach();
      await send(host, nic, burst(FRAMES));
      expect(counted()).toEqual(expected);
      await endClean(host);
    });
  });

  it('two programs on one event, the second taken off', async () => {
    const { host, nic, counts, counted } = await start(bpfEngine, 'abort');
    const load = () =>
      host.loadProgram({
        name: 'trace',
        type: BPF_PROG_TYPE.TRACEPOINT,
        attachTo: 'xdp_exception',
        code: { bytecode: assembleProgram(counting('r6 = 1')) },
        maps: { counts },
      });
    const first = await host.attachTracepoint(await load());
    const second = await host.attachTracepoint(await load());
    await send(host, nic, burst(10));
    expect(counted()).toEqual([20, 20]);
    await second.detach();
    await second.detach();
    await send(host, nic, burst(10));
    expect(counted()).toEqual([30, 30]);
    await expect(host.attachTracepoint(first.program)).rejects.toMatchObject({ code: 'EEXIST' });
    await endClean(host);
  });
});
