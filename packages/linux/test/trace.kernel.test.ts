/** Records and programs at tracepoints on the running kernel: what they say is what Linux 6.18 says. */
import { assembleProgram, type ProgramSpec } from '@cpumap/bpf';
import { cpuMapOf } from '@cpumap/host';
import type { TraceRecord } from '@cpumap/tracepoints';
import { BPF_ATTACH_TYPE, BPF_FUNC, BPF_MAP_TYPE, BPF_PROG_TYPE } from '@cpumap/uapi';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createLinuxBackend, type LinuxBackend } from '../src/backend.ts';
import { libc } from '../src/libc.ts';
import type { LinuxProgram } from '../src/linux-program.ts';
import { openLinuxRingBuffer } from '../src/ring-buffer.ts';
import { describeInNamespace } from './support/kernel.ts';
import { createVeth, mountTracefs, sendFrames, unmountTracefs, until } from './support/namespace.ts';

const FRAME = new Uint8Array(64).fill(0xaa);
const { CPUMAP, DEVMAP, ARRAY, RINGBUF } = BPF_MAP_TYPE;
const code = (text: string) => ({ bytecode: assembleProgram(text) });
const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

let linux: LinuxBackend;
const create = (): LinuxBackend => {
  linux = createLinuxBackend();
  return linux;
};
afterEach(() => linux.close());

const map = (type: number, valueSize = 4, maxEntries = 2) =>
  linux.createMap({ name: 'target', type, keySize: 4, valueSize, maxEntries });

/** Calls bpf_redirect_map(target, key, flags) and returns XDP_REDIRECT whatever it says. */
const redirectMap = (target: ReturnType<typeof map>, key: number): ProgramSpec => ({
  name: 'main',
  code: code(`r1 = map(target) ll\nr2 = ${key}\nr3 = 0\ncall ${BPF_FUNC.redirect_map}\nr0 = 4\nexit`),
  maps: { target },
});
const plain = (text: string): ProgramSpec => ({ name: 'main', code: code(text) });

const live = (program: LinuxProgram, repeat: number) => program.testRun({ data: FRAME, repeat, liveFrames: true });

/** A record without what differs between two runs. */
function steady({ event, fields }: TraceRecord, ids: Record<number, string>): unknown {
  const { common_pid: _, common_type: __, cpu: ___, prog_id, map_id, sched: ____, ...rest } = fields;
  return { event, ...rest, map: ids[map_id!] ?? map_id, ours: prog_id === undefined || ids[prog_id] === 'main' };
}

describeInNamespace('trace records of the kernel', () => {
  beforeAll(() => {
    createVeth('cpumap0', 'cpumap1');
  });
  const ifindex = (name: string): number => libc().ifindexOf(name);

  describe.each(['perf records', 'raw tracepoints'])('by %s', (source) => {
    beforeAll(() => {
      if (source !== 'perf records') return undefined;
      mountTracefs();
      return unmountTracefs;
    });

    it('20 frames of one poll are enqueued as 8, 8 and 4, then taken as 8, 8 and 4', async () => {
      create();
      const target = map(CPUMAP, 8);
      cpuMapOf(target).set(1, { qsize: 64 });
      const program = await linux.loadProgram(redirectMap(target, 1));
      const subscription = linux.trace.subscribe(['xdp_cpumap_enqueue', 'xdp_cpumap_kthread']);
      await live(program, 20);
      const records: TraceRecord[] = [];
      await until('20 frames at the kthread', () => {
        const batch = subscription.read();
        expect(batch.lost).toBe(0);
        records.push(...batch.records);
        const taken = records.filter(({ event }) => event === 'xdp_cpumap_kthread');
        return taken.reduce((sum, { fields }) => sum + fields.processed!, 0) >= 20;
      });
      const enqueued = records.filter(({ event }) => event === 'xdp_cpumap_enqueue');
      const cpu = enqueued[0]!.cpu;
      expect(enqueued.map((record) => linux.trace.format(record))).toEqual(
        [8, 8, 4].map(
          (processed) =>
            `xdp_cpumap_enqueue: enqueue cpu=${cpu} map_id=${target.id} action=REDIRECT processed=${processed} drops=0 to_cpu=1`,
        ),
      );
      const taken = records.filter(({ event, fields }) => event === 'xdp_cpumap_kthread' && fields.processed! > 0);
      expect(taken.map(({ fields }) => fields.processed)).toEqual([8, 8, 4]);
      expect(taken.every(({ cpu, fields }) => cpu === 1 && fields.cpu === 1 && fields.map_id === target.id)).toBe(true);
      expect(taken.every(({ fields }) => fields.common_pid !== process.pid)).toBe(true);
      subscription.close();
      subscription.close();
    });

    it('redirects: to an entry, to an interface, through a devmap, to nothing', async () => {
      create();
      const subscription = linux.trace.subscribe(['xdp_redirect', 'xdp_redirect_err']);
      linux.attachXdp('cpumap1', await linux.loadProgram(plain('r0 = 1\nexit'))); // so that its peer can send
      const cpus = map(CPUMAP);
      cpus.update(1, u32(64));
      const devices = map(DEVMAP);
      devices.update(1, u32(ifindex('cpumap0')));
      const ids: Record<number, string> = { [cpus.id]: 'cpus', [devices.id]: 'devices' };
      for (const spec of [
        redirectMap(cpus, 1),
        redirectMap(devices, 1),
        redirectMap(cpus, 0),
        plain(`r1 = ${ifindex('cpumap0')}\nr2 = 0\ncall ${BPF_FUNC.redirect}\nexit`),
        plain('r0 = 4\nexit'),
      ]) {
        const program = await linux.loadProgram(spec);
        ids[program.id] = 'main';
        await live(program, 1);
      }
      const to_ifindex = ifindex('cpumap0');
      const records = subscription.read().records;
      const common = { common_flags: 0, common_preempt_count: 0, act: 4, ifindex: 1, ours: true };
      const ok = { event: 'xdp_redirect', ...common, err: 0 };
      const failed = { event: 'xdp_redirect_err', ...common };
      const INT_MAX = 2147483647;
      expect(records.map((record) => steady(record, ids))).toEqual([
        { ...ok, to_ifindex: 0, map: 'cpus', map_index: 1 },
        { ...ok, to_ifindex, map: 'devices', map_index: 1 },
        { ...failed, err: -22, to_ifindex: 0, map: INT_MAX, map_index: 0 },
        { ...ok, to_ifindex, map: INT_MAX, map_index: 0 },
        { ...failed, err: -56, to_ifindex: 0, map: 0, map_index: 0 },
      ]);
      const errnos = new Map<number, number>();
      for (const { trace } of linux.statistics().cpus) {
        for (const [errno, count] of trace.errnos) errnos.set(errno, (errnos.get(errno) ?? 0) + count);
      }
      expect(errnos).toEqual(
        new Map([
          [22, 1],
          [56, 1],
        ]),
      );
      subscription.close();
    });

    it('exceptions, and frames sent by a devmap', async () => {
      create();
      const subscription = linux.trace.subscribe(['xdp_exception', 'xdp_devmap_xmit']);
      const program = await linux.loadProgram(plain('r0 = 0\nexit'));
      const link = linux.attachXdp('cpumap0', program);
      sendFrames('cpumap1', FRAME, 3);
      const exceptions = (): number => linux.statistics().cpus.reduce((sum, { trace }) => sum + trace.exception, 0);
      await until('3 exceptions', () => exceptions() === 3);
      link.detach();
      const ids = { [program.id]: 'main' };
      expect(subscription.read().records.map((record) => linux.trace.format(record))).toEqual(
        new Array(3).fill(`xdp_exception: prog_id=${program.id} action=ABORTED ifindex=${ifindex('cpumap0')}`),
      );
      linux.attachXdp('cpumap1', await linux.loadProgram(plain('r0 = 1\nexit')));
      const devices = map(DEVMAP);
      devices.update(1, u32(ifindex('cpumap0')));
      await live(await linux.loadProgram(redirectMap(devices, 1)), 3);
      expect(subscription.read().records.map((record) => steady(record, ids))).toEqual([
        {
          event: 'xdp_devmap_xmit',
          common_flags: 0,
          common_preempt_count: 0,
          from_ifindex: 1,
          to_ifindex: ifindex('cpumap0'),
          act: 4,
          sent: 3,
          drops: 0,
          err: 0,
          map: undefined,
          ours: true,
        },
      ]);
      subscription.close();
    });

    it("others' cpumaps are not counted and not recorded", async () => {
      const other = createLinuxBackend();
      try {
        create();
        cpuMapOf(map(CPUMAP, 8)).set(1, { qsize: 64 });
        const subscription = linux.trace.subscribe();
        const theirs = other.createMap({ type: CPUMAP, keySize: 4, valueSize: 8, maxEntries: 2 });
        cpuMapOf(theirs).set(1, { qsize: 64 });
        await live(await other.loadProgram(redirectMap(theirs, 1)), 10);
        await live(await other.loadProgram(plain('r0 = 4\nexit')), 10);
        const processed = (backend: LinuxBackend): number =>
          backend.statistics().cpus.reduce((sum, { trace }) => sum + trace.kthread.processed + trace.redirectErr, 0);
        await until('20 events there', () => processed(other) === 20);
        expect(processed(linux)).toBe(0);
        expect(subscription.read()).toEqual({ records: [], lost: 0 });
      } finally {
        await other.close();
      }
    });

    it.each([
      ['TRACEPOINT', { type: BPF_PROG_TYPE.TRACEPOINT }, '*(s32 *)(r1 + 20)'],
      ['RAW_TRACEPOINT', { type: BPF_PROG_TYPE.RAW_TRACEPOINT }, '*(s32 *)(r1 + 24)'],
      [
        'TRACING',
        { type: BPF_PROG_TYPE.TRACING, expectedAttachType: BPF_ATTACH_TYPE.TRACE_RAW_TP },
        '*(s32 *)(r1 + 24)',
      ],
    ])("a user's %s program runs at each firing until it is detached", async (kind, type, errnoAt) => {
      if (kind === 'TRACEPOINT' && source !== 'perf records') return; // hints.kernel.test.ts has its error
      create();
      const last = map(ARRAY, 4, 1);
      const load = errnoAt.replace('s32', kind === 'TRACEPOINT' ? 'u32' : 'u64');
      const text = `
        r7 = ${load}
        *(u32 *)(r10 - 4) = 0
        r1 = map(target) ll
        r2 = r10
        r2 += -4
        call ${BPF_FUNC.map_lookup_elem}
        if r0 == 0 goto out
        *(u32 *)(r0 + 0) = r7
      out:
        r0 = 0
        exit`;
      const spec = { name: 'errno', code: { ...code(text), license: 'GPL' }, ...type, maps: { target: last } };
      const link = await linux.attachTracepoint(await linux.loadProgram({ ...spec, attachTo: 'xdp_redirect_err' }));
      expect(link.event).toBe('xdp_redirect_err');
      await expect(linux.attachTracepoint(link.program)).rejects.toThrow(expect.objectContaining({ code: 'EEXIST' }));
      const wrong = await linux.loadProgram(plain('r0 = 4\nexit'));
      await live(wrong, 1);
      expect(new Int32Array(last.lookup(0).buffer)[0]).toBe(-56);
      await link.detach();
      last.update(0, u32(0));
      await live(wrong, 1);
      expect(new Int32Array(last.lookup(0).buffer)[0]).toBe(0);
    });
  });

  it('a ring buffer that a program fills is read in order, and what found no room is missing', async () => {
    create();
    const records = linux.createMap({ type: RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096 });
    const text = `
      r6 = *(u32 *)(r1 + 4)
      r7 = *(u32 *)(r1 + 0)
      r6 -= r7
      *(u64 *)(r10 - 8) = r6
      r1 = map(target) ll
      r2 = r10
      r2 += -8
      r3 = 8
      r4 = 0
      call ${BPF_FUNC.ringbuf_output}
      exit`;
    const program = await linux.loadProgram({ name: 'main', code: code(text), maps: { target: records } });
    const ring = openLinuxRingBuffer(records);
    expect(ring.poll()).toBe(false);
    for (let round = 0; round < 4; round++) {
      for (let length = 60; length < 160; length++) await program.testRun({ data: new Uint8Array(length) });
      expect(ring.poll()).toBe(true);
      const lengths: number[] = [];
      expect(ring.consume((record) => lengths.push(record[0]!))).toBe(100);
      expect(lengths).toEqual(Array.from({ length: 100 }, (_, i) => 60 + i));
    }
    for (let i = 0; i < 300; i++) await program.testRun({ data: FRAME });
    expect(ring.consume(() => {})).toBe(4096 / 16 - 1); // one byte of a ring is never used
    ring.close();
    ring.close();
    expect(() => ring.poll()).toThrow(expect.objectContaining({ code: 'EBADF' }));
    expect(() => openLinuxRingBuffer(map(ARRAY))).toThrow('is no ring buffer');
  });
});
