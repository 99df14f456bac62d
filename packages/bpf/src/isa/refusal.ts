import { KernelError } from '@cpumap/uapi';

/** The answer to a program that is no program. @throws KernelError EINVAL */
export function refuseInstruction(slot: number, hint: string): never {
  throw new KernelError('EINVAL', 'bpf(BPF_PROG_LOAD)', { hint: `slot ${slot}: ${hint}` });
}
