/** The running kernel as a subject: bpf(2). Needs Linux, root's rights and koffi. */
import {
  createLinuxMap,
  createLinuxTrace,
  type LinuxProgram,
  type LinuxTrace,
  loadLinuxProgram,
  possibleCpus,
} from '@cpumap/linux';
import { BPF_MAP_TYPE, BPF_PROG_TYPE, KernelError } from '@cpumap/uapi';
import { programSpec } from './program-spec.ts';
import type { Subject, SubjectMap } from './subject.ts';
import { createKernelTraffic, type KernelTraffic } from './traffic/kernel-traffic.ts';
import { createNames, programName } from './traffic/names.ts';
import type { Traffic } from './traffic/traffic.ts';

/** Maps whose values name interfaces of the namespace that the thread is in. */
const HOLDS_DEVICES = new Set<number>([BPF_MAP_TYPE.DEVMAP, BPF_MAP_TYPE.DEVMAP_HASH]);

/** Why the kernel cannot be asked here; undefined when it can. */
export function kernelProblem(): string | undefined {
  try {
    createLinuxMap({ type: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize: 4, maxEntries: 1 }).close();
    return undefined;
  } catch (error) {
    if (error instanceof KernelError) return error.message;
    throw error;
  }
}

export function kernelSubject(): Subject {
  const open: { close(): void }[] = [];
  const kept: { close(): void }[] = [];
  const names = createNames();
  const programs = new Map<number, LinuxProgram>(); // by descriptor
  let trace: LinuxTrace | undefined;
  let traffic: KernelTraffic | undefined;

  /** A descriptor that traces itself out when it is closed. */
  function keepTraced(id: number, add: (of: LinuxTrace) => void, remove: (of: LinuxTrace) => void): void {
    const own = trace;
    if (own === undefined || id === 0) return;
    add(own);
    open.push({ close: () => remove(own) });
  }

  async function openTraffic(): Promise<Traffic> {
    if (traffic !== undefined) return traffic;
    trace = createLinuxTrace();
    const pass = loadLinuxProgram(programSpec({ text: 'r0 = 2\n exit', name: 'pass' }), { maps: {} });
    traffic = createKernelTraffic({ trace, names, program: (handle) => programs.get(handle)!, pass });
    kept.push(trace, pass, traffic);
    return traffic;
  }

  const subject: Subject = {
    name: 'kernel',
    kind: 'kernel',
    possibleCpus: possibleCpus(),
    createMap(spec) {
      const map = createLinuxMap(spec);
      open.push(map);
      names.maps.set(map.id, spec.name ?? 'map');
      if (spec.type === BPF_MAP_TYPE.CPUMAP) {
        keepTraced(
          map.id,
          (own) => own.addMap(map.id),
          (own) => own.removeMap(map.id),
        );
      }
      const subjectMap: SubjectMap = { ...map, handle: map.fd };
      const devices = traffic;
      if (devices === undefined || !HOLDS_DEVICES.has(map.type)) return subjectMap;
      return { ...subjectMap, update: (...args) => devices.inside(() => map.update(...args)) };
    },
    async loadProgram(program) {
      const loaded = loadLinuxProgram(programSpec(program), { maps: program.maps ?? {} });
      open.push(loaded);
      programs.set(loaded.fd, loaded);
      names.programs.set(loaded.id, programName(program));
      if (loaded.type === BPF_PROG_TYPE.XDP) {
        keepTraced(
          loaded.id,
          (own) => own.addProgram(loaded.id),
          (own) => {
            traffic?.release(loaded);
            own.removeProgram(loaded.id);
          },
        );
      }
      return { id: loaded.id, handle: loaded.fd, testRun: (run) => loaded.testRun(run), close: loaded.close };
    },
    traffic: openTraffic,
    clear() {
      for (const item of open.splice(0).reverse()) item.close();
    },
    keep() {
      kept.push(...open.splice(0));
    },
    async close() {
      subject.clear();
      for (const item of kept.splice(0).reverse()) item.close();
      trace = undefined;
      traffic = undefined;
    },
  };
  return subject;
}
