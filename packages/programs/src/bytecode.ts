/** What the programs are when they are asked for: specs whose code is bytecode, the same for every CPU, maps by name. */
import type { BytecodeCode, ProgramSpec } from '@cpumap/bpf';

export interface BytecodeSpec extends Omit<ProgramSpec, 'constants'> {
  /** BPF_PROG_TYPE: XDP, or TRACEPOINT for those that monitor. */
  readonly type: number;
  readonly code: BytecodeCode;
}
