/** The end of a path: what a program returns, and that it holds nothing any more. */
import { BPF_PROG_TYPE } from '@cpumap/uapi';
import { markPrecise, S64_MAX, S64_MIN } from './scalar.ts';
import { isScalar } from './values.ts';
import type { Verification } from './verification.ts';
import { readRegister } from './verification.ts';

/** enum bpf_attach_type of fentry and fexit programs, which return 0. */
const TRACE_FENTRY = 24;
const TRACE_FEXIT = 25;

function checkReleased(v: Verification): void {
  const { references, lock } = v.state;
  const where = 'BPF_EXIT instruction in main prog';
  if (lock !== undefined) {
    v.fail('EINVAL', `${where} cannot be used inside bpf_spin_lock-ed region`, 'call bpf_spin_unlock on every path');
  }
  const [first] = references;
  if (first === undefined) return;
  v.log?.add(`Unreleased reference id=${first.id} alloc_insn=${first.slot}`);
  v.fail(
    'EINVAL',
    `${where} would lead to reference leak`,
    `submit or discard the record that was reserved at ${first.slot} on every path`,
  );
}

/** exit of the program itself. */
export function checkProgramExit(v: Verification): void {
  checkReleased(v);
  const value = readRegister(v, 0);
  const { programType, expectedAttachType } = v.input;
  const isTraced = expectedAttachType === TRACE_FENTRY || expectedAttachType === TRACE_FEXIT;
  if (programType !== BPF_PROG_TYPE.TRACING || !isTraced) return;
  if (!isScalar(value)) {
    v.fail('EINVAL', 'At program exit the register R0 is not a known value', 'such a program returns 0');
  }
  markPrecise(value);
  if (value.isConst && value.value === 0n) return;
  const known = value.smin === S64_MIN && value.smax === S64_MAX;
  const bounds = known ? 'unknown scalar value' : `smin=${value.smin} smax=${value.smax}`;
  v.fail('EINVAL', `At program exit the register R0 has ${bounds} should have been in [0, 0]`, 'return 0');
}
