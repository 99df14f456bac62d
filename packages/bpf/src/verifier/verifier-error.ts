/** The verifier's "no": the errno that Linux gives for such a program, with the whole log as the kernel would print it. */
import { type ErrnoName, KernelError } from '@cpumap/uapi';

export class VerifierError extends KernelError {
  /** Ends with the offending instruction, its state, the message and the line of statistics. */
  readonly log: string;
  /** The kernel's sentence alone. */
  readonly verdict: string;
  /** Of the offending instruction; undefined where the program as a whole is refused. */
  readonly slot: number | undefined;

  constructor(code: ErrnoName, verdict: string, log: string, slot: number | undefined, hint: string) {
    super(code, 'bpf(BPF_PROG_LOAD)', { hint });
    this.log = log;
    this.verdict = verdict;
    this.slot = slot;
  }
}
