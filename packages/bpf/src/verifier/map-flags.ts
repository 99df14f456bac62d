/** What programs may do with a map's values. */
import { BPF_F_RDONLY_PROG, BPF_MAP_TYPE } from '@cpumap/uapi';
import type { VerifierMap } from './verifier-types.ts';

/** The flags as created; the kernel makes devmaps read-only for programs whatever they say. */
export function programFlags({ type, flags }: VerifierMap): number {
  const isDevmap = type === BPF_MAP_TYPE.DEVMAP || type === BPF_MAP_TYPE.DEVMAP_HASH;
  return isDevmap ? flags | BPF_F_RDONLY_PROG : flags;
}
