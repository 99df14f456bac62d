/**
 * One verification under way: the program, the path that is being followed, and what was found out so far. The checks
 * (check-*.ts) are functions on it; explore.ts moves it on.
 */
import type { ErrnoName } from '@cpumap/uapi';
import type { Instruction } from '../isa/instruction.ts';
import type { ProgramShape } from './program-shape.ts';
import { currentFrame, type Frame, type State } from './state.ts';
import type { Value } from './values.ts';
import type { VerifierLog } from './verifier-log.ts';
import type { VerifierInput, VerifierMap } from './verifier-types.ts';

export interface Findings {
  readonly proved: Set<number>;
  /** undefined where paths differ. */
  readonly mapAtCall: Map<number, VerifierMap | undefined>;
  readonly constantArguments: Map<number, (bigint | undefined)[]>;
  /** Bytes of stack that each function uses. */
  readonly stackUse: number[];
  readonly callbacks: Set<number>;
  usesTailCalls: boolean;
  changesPacket: boolean;
}

export interface Verification {
  readonly input: VerifierInput;
  readonly shape: ProgramShape;
  readonly findings: Findings;
  readonly log: VerifierLog | undefined;
  state: State;
  instruction: Instruction;
  /** A number that no other pointer has. */
  newId(): number;
  /** Another path, to be followed later. */
  push(state: State, slot: number): void;
  fail(code: ErrnoName, verdict: string, hint: string): never;
}

export function frameOf(v: Verification): Frame {
  return currentFrame(v.state);
}

/** A register that must hold something. */
export function readRegister(v: Verification, register: number): Value {
  const value = frameOf(v).registers[register];
  v.log?.touch(register);
  if (value !== undefined) return value;
  return v.fail('EACCES', `R${register} !read_ok`, `r${register} is read before anything was written to it`);
}

export function writeRegister(v: Verification, register: number, value: Value | undefined): void {
  frameOf(v).registers[register] = value;
  v.log?.touch(register);
}
