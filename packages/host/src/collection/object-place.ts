/** Errors of a collection: the kernel's refusal, with the file and the part of it that was refused in front of the hint. */
import { VerifierError } from '@cpumap/bpf';
import { KernelError } from '@cpumap/uapi';

/** "modern.o, program xdp_spread (section xdp)", for messages. */
export function placeOf(file: string, what: string, name: string, section: string): string {
  return `${file === '' ? 'object' : file}, ${what} ${name} (section ${section})`;
}

/** The same error, whose hint begins with the place; what is no KernelError is thrown as it is. */
export function withPlace(error: unknown, place: string): unknown {
  if (error instanceof VerifierError) {
    const { code, verdict, log, slot, hint } = error;
    return new VerifierError(code, verdict, log, slot, `${place}: ${hint ?? verdict}`);
  }
  if (error instanceof KernelError) {
    const { code, syscall, hint } = error;
    return new KernelError(code, syscall, { hint: hint === undefined ? place : `${place}: ${hint}`, cause: error });
  }
  return error;
}
