/**
 * Who may share a cpumap (5.18 and later): the first program that uses the map, or is put in one of its entries, fixes
 * whether the map's programs cope with multi-buffer frames; all later ones must match (bpf_prog_map_compatible).
 */

import type { BpfProgram } from '@cpumap/bpf';
import { BPF_ATTACH_TYPE } from '@cpumap/uapi';

export interface MapOwners {
  /** Why a program must not use the map, or undefined; the first one becomes its owner. */
  problemOfUser(map: number, program: BpfProgram): string | undefined;
  /** Why a program must not be put in an entry. The attach type is looked at first: a refused program owns nothing. */
  problemOfEntry(map: number, program: BpfProgram): string | undefined;
  forget(map: number): void;
}

const yesNo = (frags: boolean): string => (frags ? 'with' : 'without');

export function createMapOwners(): MapOwners {
  const owners = new Map<number, BpfProgram>();

  function problemOfUser(map: number, program: BpfProgram): string | undefined {
    const owner = owners.get(map);
    if (owner === undefined) {
      owners.set(map, program);
      return undefined;
    }
    if (owner.frags === program.frags) return undefined;
    return (
      `program ${program.name} is ${yesNo(program.frags)} frags support, but the map belongs to ${owner.name}, ` +
      `which is ${yesNo(owner.frags)}: load both with or both without`
    );
  }

  return {
    problemOfUser,
    problemOfEntry(map, program) {
      if (program.expectedAttachType !== BPF_ATTACH_TYPE.XDP_CPUMAP) {
        return `program ${program.name} was not loaded for cpumap entries: expected_attach_type must be BPF_XDP_CPUMAP`;
      }
      return problemOfUser(map, program);
    },
    forget(map) {
      owners.delete(map);
    },
  };
}
