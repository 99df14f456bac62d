/**
 * Who may share a cpumap (5.18 and later): its owner fixes whether the map's programs cope with multi-buffer frames, and
 * what is put in an entry must have been loaded for that place.
 */

import { type BpfProgram, createMapOwners, type MapOwners } from '@cpumap/bpf';
import { BPF_ATTACH_TYPE } from '@cpumap/uapi';

export interface CpuMapOwners extends MapOwners {
  /** Why a program must not be put in an entry. The attach type is looked at first: a refused program owns nothing. */
  problemOfEntry(map: number, program: BpfProgram): string | undefined;
}

export function createCpuMapOwners(): CpuMapOwners {
  const owners = createMapOwners(false);

  return {
    ...owners,
    problemOfEntry(map, program) {
      if (program.expectedAttachType !== BPF_ATTACH_TYPE.XDP_CPUMAP) {
        return `program ${program.name} was not loaded for cpumap entries: expected_attach_type must be BPF_XDP_CPUMAP`;
      }
      return owners.problemOf(map, program);
    },
  };
}
