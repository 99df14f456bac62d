/** The running kernel as a subject: bpf(2). Needs Linux, root's rights and koffi. */
import { createLinuxMap, loadLinuxProgram, possibleCpus } from '@cpumap/linux';
import { BPF_MAP_TYPE, KernelError } from '@cpumap/uapi';
import { programSpec } from './program-spec.ts';
import type { Subject } from './subject.ts';

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

  const subject: Subject = {
    name: 'kernel',
    kind: 'kernel',
    possibleCpus: possibleCpus(),
    createMap(spec) {
      const map = createLinuxMap(spec);
      open.push(map);
      return { ...map, handle: map.fd };
    },
    async loadProgram(program) {
      const loaded = loadLinuxProgram(programSpec(program), { maps: program.maps ?? {} });
      open.push(loaded);
      return { id: loaded.id, handle: loaded.fd, testRun: (run) => loaded.testRun(run) };
    },
    clear() {
      for (const item of open.splice(0).reverse()) item.close();
    },
    keep() {
      kept.push(...open.splice(0));
    },
    async close() {
      subject.clear();
      for (const item of kept.splice(0).reverse()) item.close();
    },
  };
  return subject;
}
