/** The backend end to end: frames through a veth pair of the test's own and a cpumap of the running kernel. */
import { assembleProgram, type ProgramSpec } from '@cpumap/bpf';
import { cpuMapOf } from '@cpumap/host';
import { BPF_ATTACH_TYPE, BPF_FUNC, BPF_MAP_TYPE } from '@cpumap/uapi';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createLinuxBackend, type LinuxBackend, type LinuxBackendOptions } from '../src/backend.ts';
import { describeInNamespace } from './support/kernel.ts';
import { createVeth, mountTracefs, sendFrames, unmountTracefs, until } from './support/namespace.ts';

const FRAME = new Uint8Array(64).fill(0xaa); // of no protocol that answers
const code = (text: string) => ({ bytecode: assembleProgram(text) });
const redirect = (backend: LinuxBackend, frags = false) => {
  const map = backend.createMap({
    name: 'cpu_map',
    type: BPF_MAP_TYPE.CPUMAP,
    keySize: 4,
    valueSize: 8,
    maxEntries: 2,
  });
  const text = `
    r1 = map(cpu_map) ll
    r2 = 1
    r3 = 0
    call ${BPF_FUNC.redirect_map}
    exit`;
  const spec: ProgramSpec = { name: 'to_cpu_1', code: code(text), maps: { cpu_map: map }, frags };
  return { map, spec };
};
const entry = (verdict: number): ProgramSpec => ({
  name: 'entry',
  code: code(`r0 = ${verdict}\nexit`),
  expectedAttachType: BPF_ATTACH_TYPE.XDP_CPUMAP,
});

let backend: LinuxBackend | undefined;
const create = (options?: LinuxBackendOptions): LinuxBackend => {
  backend = createLinuxBackend(options);
  return backend;
};
afterEach(async () => {
  await backend?.close();
});

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
function totals(linux: LinuxBackend) {
  const { cpus } = linux.statistics();
  const all = (read: (trace: (typeof cpus)[number]['trace']) => number): number =>
    sum(cpus.map(({ trace }) => read(trace)));
  return {
    enqueued: all((trace) => sum(trace.enqueue.map(({ processed }) => processed))),
    processed: all((trace) => trace.kthread.processed),
    pass: all((trace) => trace.kthread.xdpPass),
    drop: all((trace) => trace.kthread.xdpDrop),
    redirect: all((trace) => trace.redirect),
    redirectErr: all((trace) => trace.redirectErr),
    exception: all((trace) => trace.exception),
  };
}

describeInNamespace('the running kernel as a backend', () => {
  beforeAll(() => {
    createVeth('cpumap0', 'cpumap1');
  });

  describe.each(['perf records', 'raw tracepoints'])('counting by %s', (source) => {
    beforeAll(() => {
      if (source !== 'perf records') return undefined;
      mountTracefs();
      return unmountTracefs;
    });

    it.each([
      ['native', 'no program', undefined, { pass: 0, drop: 0 }],
      ['generic', 'no program', undefined, { pass: 0, drop: 0 }],
      ['native', 'a program that passes', 2, { pass: 100, drop: 0 }],
      ['native', 'a program that drops', 1, { pass: 0, drop: 100 }],
      ['generic', 'a program that drops', 1, { pass: 0, drop: 100 }],
    ] as const)('%s: every frame is counted where it went, with %s', async (mode, _, verdict, expected) => {
      const linux = create({ countRedirects: true });
      const { map, spec } = redirect(linux);
      const second = verdict === undefined ? undefined : await linux.loadProgram(entry(verdict));
      cpuMapOf(map).set(1, { qsize: 2048, program: second?.fd ?? 0 });
      expect(cpuMapOf(map).get(1)).toEqual({ qsize: 2048, program: second?.id ?? 0 });
      const link = linux.attachXdp('cpumap0', await linux.loadProgram(spec), mode);
      const received = (): number => linux.statistics().devices[0]!.counters.rx_packets!;
      const before = received();
      sendFrames('cpumap1', FRAME, 100);
      await until('100 frames at the kthread', () => totals(linux).processed >= 100);
      link.detach();
      expect(totals(linux)).toEqual({
        enqueued: 100,
        processed: 100,
        redirect: 100,
        redirectErr: 0,
        exception: 0,
        ...expected,
      });
      expect(received() - before).toBe(100);
      expect(linux.statistics().cpus[1]!.trace.kthread.processed).toBe(100);
    });
  });
});
