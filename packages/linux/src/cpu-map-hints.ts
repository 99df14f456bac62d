/** A cpumap of the kernel whose update says what was wrong: the kernel folds most of it into ENOMEM. */
import { type BpfProgram, u32Of } from '@cpumap/bpf';
import { BPF_CPUMAP_VAL, KernelError } from '@cpumap/uapi';
import { explainCpuMapUpdate, type KernelFacts } from './explain.ts';
import type { LinuxMap } from './linux-map.ts';
import type { LinuxProgram } from './linux-program.ts';

export interface CpuMapHintParts {
  readonly kernel: KernelFacts;
  readonly programs: ReadonlyMap<number, LinuxProgram>;
  /** By map; an entry's program becomes the owner of a map that has none. */
  readonly owners: Map<number, BpfProgram>;
}

export function cpuMapWithHints(map: LinuxMap, { kernel, programs, owners }: CpuMapHintParts): LinuxMap {
  const { maxEntries } = map.info();
  return {
    ...map,
    update(key, value, flags) {
      const view = new DataView(value.buffer, value.byteOffset, value.length);
      const fd = value.length === BPF_CPUMAP_VAL.sizeof ? view.getInt32(BPF_CPUMAP_VAL.bpf_prog, true) : 0;
      const program = fd > 0 ? [...programs.values()].find((candidate) => candidate.fd === fd) : undefined;
      try {
        map.update(key, value, flags);
        if (program !== undefined && !owners.has(map.id)) owners.set(map.id, program);
      } catch (error) {
        if (!(error instanceof KernelError) || error.hint !== undefined) throw error;
        const entry = {
          cpu: typeof key === 'number' ? key : u32Of(key),
          qsize: view.getUint32(BPF_CPUMAP_VAL.qsize, true),
          fd,
          maxEntries,
        };
        const hint = explainCpuMapUpdate(error.code, entry, { program, owner: owners.get(map.id) }, kernel);
        throw hint === undefined ? error : new KernelError(error.code, error.syscall, { hint, cause: error });
      }
    },
  };
}
