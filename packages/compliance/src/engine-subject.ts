/** The engine as a subject: a machine of its own, on the virtual executor or on threads. A descriptor is an id there. */
import { createHost } from '@cpumap/host';
import { programSpec } from './program-spec.ts';
import type { Subject, SubjectMap } from './subject.ts';

export interface EngineSubjectOptions {
  readonly cpus: number;
  readonly executor?: 'virtual' | 'threads';
  readonly bpfEngine?: 'jit' | 'interp';
}

export async function engineSubject(options: EngineSubjectOptions): Promise<Subject> {
  const { cpus, executor = 'virtual', bpfEngine = 'jit' } = options;
  const host = await createHost({ cpus, executor, bpfEngine, seed: 1 });
  const open: SubjectMap[] = [];

  return {
    name: bpfEngine === 'jit' ? `engine, ${executor}` : `engine, ${executor}, ${bpfEngine}`,
    kind: 'engine',
    possibleCpus: cpus,
    createMap(spec) {
      const map = host.createMap(spec);
      const subjectMap: SubjectMap = { ...map, handle: map.id };
      open.push(subjectMap);
      return subjectMap;
    },
    async loadProgram(program) {
      const loaded = await host.loadProgram(programSpec(program));
      return { id: loaded.id, handle: loaded.id, testRun: (run) => loaded.testRun(run) };
    },
    clear() {
      for (const map of open.splice(0).reverse()) map.close();
    },
    keep() {
      open.length = 0; // closing the host closes all maps
    },
    close: () => host.close(),
  };
}
