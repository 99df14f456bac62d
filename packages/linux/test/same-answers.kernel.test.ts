/** One text for both backends: what the engine does in this process is what the running kernel does. Linux 6.18. */
import { assembleProgram, type BpfMap, type BpfProgram, type ProgramSpec } from '@cpumap/bpf';
import { type Backend, type BackendStatistics, cpuMapOf, createHost, type TestRunOptions } from '@cpumap/host';
import { BPF_ANY, BPF_ATTACH_TYPE, BPF_EXIST, BPF_FUNC, BPF_MAP_TYPE, BPF_NOEXIST, KernelError } from '@cpumap/uapi';
import { expect, it } from 'vitest';
import { createLinuxBackend } from '../src/backend.ts';
import type { LinuxProgram } from '../src/linux-program.ts';
import { possibleCpus } from '../src/possible-cpus.ts';
import { describeInNamespace } from './support/kernel.ts';
import { until } from './support/namespace.ts';

type Any = Backend<BackendStatistics>;
type Runnable = BpfProgram & { testRun(options: TestRunOptions): Promise<unknown> };
interface Side {
  readonly backend: Any;
  load(spec: ProgramSpec): Promise<Runnable>;
  /** What an entry takes for a program: a descriptor; the engine's are ids. */
  numberOf(program: BpfProgram): number;
  /** Until something is so. */
  wait(what: string, condition: () => boolean): Promise<void>;
}

async function engine(): Promise<Side> {
  const host = await createHost({ cpus: possibleCpus(), executor: 'virtual' });
  return {
    backend: host,
    load: (spec) => host.loadProgram(spec),
    numberOf: ({ id }) => id,
    wait: (_, condition) => host.advance(Number.POSITIVE_INFINITY, condition),
  };
}

async function kernel(): Promise<Side> {
  const linux = createLinuxBackend();
  return {
    backend: linux,
    load: (spec) => linux.loadProgram(spec),
    numberOf: (program) => (program as LinuxProgram).fd,
    wait: until,
  };
}

/** The same on both sides, one after the other; then they are closed. */
async function onBoth<T>(act: (side: Side) => Promise<T>): Promise<{ engine: T; kernel: T }> {
  const answers: T[] = [];
  for (const open of [engine, kernel]) {
    const side = await open();
    try {
      answers.push(await act(side));
    } finally {
      await side.backend.close();
    }
  }
  return { engine: answers[0]!, kernel: answers[1]! };
}

function answer(act: () => unknown): unknown {
  try {
    return act() ?? 'ok';
  } catch (error) {
    if (error instanceof KernelError) return error.code;
    throw error;
  }
}

const code = (text: string) => ({ bytecode: assembleProgram(text) });
const createCpuMap = (backend: Any, valueSize = 8, maxEntries = possibleCpus() + 2): BpfMap =>
  backend.createMap({ name: 'cpu_map', type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize, maxEntries });
const toCpu1 = (map: BpfMap): ProgramSpec => ({
  name: 'to_cpu_1',
  code: code(`r1 = map(cpu_map) ll\nr2 = 1\nr3 = 0\ncall ${BPF_FUNC.redirect_map}\nexit`),
  maps: { cpu_map: map },
});

describeInNamespace('engine and kernel', () => {
  it('answer the same to every combination of size, key and flags', async () => {
    const answers = await onBoth(async ({ backend }) => {
      const all: Record<string, unknown> = {};
      for (const valueSize of [0, 3, 4, 6, 8, 9]) {
        for (const maxEntries of [0, 1, 4, 70000]) {
          all[`create ${valueSize} ${maxEntries}`] = answer(() => {
            createCpuMap(backend, valueSize, maxEntries).close();
          });
        }
      }
      const cpuMap = createCpuMap(backend);
      const map = cpuMapOf(cpuMap);
      for (const cpu of [0, 1, possibleCpus(), possibleCpus() + 1, possibleCpus() + 2, 0xffffffff]) {
        for (const flags of [BPF_ANY, BPF_NOEXIST, BPF_EXIST, 3, 4]) {
          for (const qsize of [0, 1, 16384, 16385]) {
            const key = `${cpu} ${flags} ${qsize}`;
            all[`set ${key}`] = answer(() => map.set(cpu, { qsize }, flags));
            all[`get ${key}`] = answer(() => [...cpuMap.lookup(cpu)]);
            all[`next ${key}`] = answer(() => [...cpuMap.getNextKey(cpu)]);
            all[`delete ${key}`] = answer(() => map.delete(cpu));
          }
        }
      }
      return all;
    });
    expect(Object.keys(answers.kernel).length).toBe(24 + 6 * 5 * 4 * 4);
    expect(answers.engine).toEqual(answers.kernel);
  });

  it.each([
    ['no second program', undefined],
    ['a program that passes', 2],
    ['a program that drops', 1],
    ['a program that aborts', 0],
  ])('move 20 frames the same way, with %s: the same events, the same counts', async (_, verdict) => {
    const seen = await onBoth(async ({ backend, load, numberOf, wait }) => {
      const cpuMap = createCpuMap(backend);
      const entry = (returned: number): ProgramSpec => ({
        name: 'entry',
        code: code(`r0 = ${returned}\nexit`),
        expectedAttachType: BPF_ATTACH_TYPE.XDP_CPUMAP,
      });
      const program = verdict === undefined ? 0 : numberOf(await load(entry(verdict)));
      cpuMapOf(cpuMap).set(1, { qsize: 64, program });
      const main = await load(toCpu1(cpuMap));
      const subscription = backend.trace.subscribe();
      const kthread = () => backend.statistics().cpus[1]!.trace.kthread;
      await main.testRun({ data: new Uint8Array(64).fill(0xaa), repeat: 20, liveFrames: true });
      await wait('20 frames at the kthread', () => kthread().processed >= 20);
      const lines = subscription
        .read()
        .records.filter(({ event, fields }) => event !== 'xdp_cpumap_kthread' || fields.processed! > 0)
        .map((record) =>
          backend.trace
            .format(record)
            .replace(`map_id=${cpuMap.id}`, 'map_id=MAP')
            .replace(`prog_id=${main.id}`, 'prog_id=MAIN')
            .replace(/ifindex=\d+ to_/, 'ifindex=IN to_') // a test run's frames come in on another device here
            .replace(/enqueue cpu=\d/, 'enqueue cpu=RX')
            .replace(/sched=\d/, 'sched=ANY'),
        );
      const { events: _events, sched: _sched, ...counts } = kthread();
      return {
        redirects: lines.filter((l) => /redirect:/.test(l)),
        others: lines.filter((l) => !/redirect:/.test(l)),
        counts,
      };
    });
    expect(seen.kernel.redirects).toHaveLength(20);
    expect(seen.engine).toEqual(seen.kernel);
  });
});
