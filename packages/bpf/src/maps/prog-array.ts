/**
 * BPF_MAP_TYPE_PROG_ARRAY: programs for tail calls. A slot holds a program's id, which is its descriptor too; a program
 * that is in no slot any more may still run, so nothing is freed here.
 */

import type { BpfProgram } from '../program.ts';
import type { BpfMap, MapType } from './bpf-map.ts';
import { type FdArrayParts, fdArrayType } from './fd-array.ts';
import { createMapOwners } from './map-owner.ts';
import { refuse, refuseDescriptor } from './map-refusal.ts';

export interface ProgArrayParts extends FdArrayParts {
  /** The program that a descriptor stands for. */
  readonly programByFd: (fd: number) => BpfProgram | undefined;
  /** The map that a descriptor stands for. */
  readonly mapByFd: (fd: number) => BpfMap | undefined;
}

export function progArrayType(parts: ProgArrayParts): MapType {
  const owners = createMapOwners(true);
  const type = fdArrayType(parts, {
    get(map, fd) {
      const command = 'BPF_MAP_UPDATE_ELEM';
      const program = parts.programByFd(fd) ?? refuseDescriptor(command, fd, 'program', parts.mapByFd(fd));
      const problem = owners.problemOf(map, program);
      if (problem !== undefined) refuse('EINVAL', command, problem);
      return program.id;
    },
    put() {},
    idOf: (id) => id,
  });
  return {
    ...type,
    programUses(map, program) {
      const problem = owners.problemOf(map, program);
      if (problem !== undefined) refuse('EINVAL', 'BPF_PROG_LOAD', problem);
    },
    free(map) {
      owners.forget(map);
      type.free(map);
    },
  };
}
