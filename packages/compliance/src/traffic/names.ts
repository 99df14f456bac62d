/** Names for the numbers of one subject: of its maps, programs and devices. */
import { BPF_ATTACH_TYPE } from '@cpumap/uapi';
import type { ProgramText } from '../subject.ts';

interface ProgramName {
  readonly name: string;
  /** Whether it is for entries of maps. */
  readonly isSecond: boolean;
}

export interface Names {
  readonly maps: Map<number, string>;
  readonly programs: Map<number, ProgramName>;
  /** By ifindex. */
  readonly devices: Map<number, string>;
}

export const createNames = (): Names => ({ maps: new Map(), programs: new Map(), devices: new Map() });

export function programName({ name = 'program', expectedAttachType = 0 }: ProgramText): ProgramName {
  return { name, isSecond: expectedAttachType === BPF_ATTACH_TYPE.XDP_CPUMAP };
}

/** Maps that only second programs redirect to. */
export const isOnward = (mapName: string): boolean => mapName.startsWith('onward');
