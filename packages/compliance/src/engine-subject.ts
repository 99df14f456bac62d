/** The engine as a subject: a machine of its own, on the virtual executor or on threads. A descriptor is an id there. */
import { createHost, type LoadedProgram } from '@cpumap/host';
import { programSpec } from './program-spec.ts';
import type { Subject, SubjectMap } from './subject.ts';
import { createEngineTraffic } from './traffic/engine-traffic.ts';
import { createNames, programName } from './traffic/names.ts';
import type { Traffic } from './traffic/traffic.ts';

export interface EngineSubjectOptions {
  readonly cpus: number;
  readonly executor?: 'virtual' | 'threads';
  readonly bpfEngine?: 'jit' | 'interp';
}

export async function engineSubject(options: EngineSubjectOptions): Promise<Subject> {
  const { cpus, executor = 'virtual', bpfEngine = 'jit' } = options;
  const host = await createHost({ cpus, executor, bpfEngine, seed: 1, traceRecords: 16384 });
  const open: SubjectMap[] = [];
  const names = createNames();
  const programs = new Map<number, LoadedProgram>();
  let traffic: Promise<Traffic> | undefined;

  return {
    name: bpfEngine === 'jit' ? `engine, ${executor}` : `engine, ${executor}, ${bpfEngine}`,
    kind: 'engine',
    possibleCpus: cpus,
    createMap(spec) {
      const map = host.createMap(spec);
      const subjectMap: SubjectMap = { ...map, handle: map.id };
      open.push(subjectMap);
      names.maps.set(map.id, spec.name ?? 'map');
      return subjectMap;
    },
    async loadProgram(program) {
      const loaded = await host.loadProgram(programSpec(program));
      programs.set(loaded.id, loaded);
      names.programs.set(loaded.id, programName(program));
      return { id: loaded.id, handle: loaded.id, testRun: (run) => loaded.testRun(run), close() {} };
    },
    traffic() {
      traffic ??= createEngineTraffic({ host, names, program: (handle) => programs.get(handle)! });
      return traffic;
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
