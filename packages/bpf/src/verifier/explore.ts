/**
 * Follows the paths of a program, depth first, one instruction after another, until all have ended.
 */
import { BPF_FUNC, type ErrnoName } from '@cpumap/uapi';
import { HELPER_PROTOTYPES } from '../helpers/prototypes.ts';
import { type Instruction, jumpTarget, slotCount } from '../isa/instruction.ts';
import { BPF_CALL, BPF_CLASS, OPCODE } from '../isa/opcodes.ts';
import { checkAlu } from './check-alu.ts';
import { callLocal, returnFrom } from './check-callback.ts';
import { checkProgramExit } from './check-exit.ts';
import { checkHelper } from './check-helper.ts';
import { checkImmediate } from './check-immediate.ts';
import { checkJump } from './check-jump.ts';
import { checkMemory } from './check-memory.ts';
import { type Checkpoint, createCheckpoints } from './checkpoints.ts';
import { liveRegisters } from './live-registers.ts';
import type { ProgramShape } from './program-shape.ts';
import { copyState, newFrame, type State } from './state.ts';
import { stateText } from './value-text.ts';
import { pointer } from './values.ts';
import type { Findings, Verification } from './verification.ts';
import type { VerifierLog } from './verifier-log.ts';
import type { VerifierInput } from './verifier-types.ts';

/** BPF_COMPLEXITY_LIMIT_INSNS and BPF_COMPLEXITY_LIMIT_JMP_SEQ */
const MAX_PROCESSED = 1_000_000;
const MAX_PENDING = 8192;
/** A state is kept where so many jumps and instructions have passed since the last; more inside a loop. */
const KEEP = { jumps: 2, instructions: 8, loopJumps: 20, loopInstructions: 100 };

interface Pending {
  readonly state: State;
  readonly slot: number;
  readonly from: number;
  readonly parent: Checkpoint | undefined;
  readonly mark: number;
}

/** Thrown by `fail`; what it says becomes a VerifierError, which has the whole log. */
export class Refusal extends Error {
  readonly code: ErrnoName;
  readonly verdict: string;
  readonly slot: number | undefined;
  readonly hint: string;

  constructor(code: ErrnoName, verdict: string, slot: number | undefined, hint: string) {
    super(verdict);
    this.code = code;
    this.verdict = verdict;
    this.slot = slot;
    this.hint = hint;
  }
}

export interface Statistics {
  processed: number;
  total: number;
  peak: number;
  maxPerInsn: number;
}

function callsBack({ opcode, src, imm }: Instruction): boolean {
  if (opcode !== OPCODE.CALL || src !== BPF_CALL.HELPER) return false;
  return imm === BPF_FUNC.loop || imm === BPF_FUNC.for_each_map_elem;
}

/** Registers that matter at `slot` in the innermost function, and in those outside after they are returned to. */
function liveIn(live: Uint16Array): (slot: number, state: State, frame: number) => number {
  return (slot, { frames }, frame) => {
    const inner = frames[frame + 1];
    if (inner === undefined) return live[slot]!;
    // a helper that called back looks at its arguments again
    return inner.callback === undefined ? live[inner.callSlot + 1]! & ~0x3f : live[inner.callSlot]!;
  };
}

/** @throws Refusal */
export function explore(
  input: VerifierInput,
  shape: ProgramShape,
  findings: Findings,
  statistics: Statistics,
  log: VerifierLog | undefined,
): void {
  const live = liveIn(liveRegisters(shape, HELPER_PROTOTYPES));
  const checkpoints = createCheckpoints(shape.slots, live);
  const pending: Pending[] = [];
  const loopHeads = new Set(input.instructions.filter(callsBack).map(({ slot }) => slot));
  let parent: Checkpoint | undefined;
  let lastId = 0;
  let jumps = 0;
  let keptAt = { jumps: 0, processed: 0 };

  const first = newFrame(0, -1, 0);
  first.registers[1] = pointer('ctx');
  const v: Verification = {
    input,
    shape,
    findings,
    log,
    state: { frames: [first], references: [], lock: undefined },
    instruction: shape.at[0]!,
    newId: () => ++lastId,
    push(state, slot) {
      if (pending.length >= MAX_PENDING) {
        v.fail(
          'E2BIG',
          `The sequence of ${pending.length + 1} jumps is too complex.`,
          'too many branches wait to be followed: loops with many conditions that nothing is known about',
        );
      }
      if (parent !== undefined) parent.branches++;
      pending.push({ state, slot, from: v.instruction.slot, parent, mark: log?.mark() ?? 0 });
    },
    fail(code, verdict, hint) {
      throw new Refusal(code, verdict, v.instruction.slot, hint);
    },
  };

  /** The state in which a call was checked the last time on this path, in the same function. */
  function lastTurn(slot: number): State | undefined {
    for (let at = parent; at !== undefined; at = at.parent) {
      if (at.slot === slot && at.state.frames.length === v.state.frames.length) return at.state;
    }
    return undefined;
  }

  /** Whether the path ends here because it leads to nothing new. */
  function isKnown(slot: number): boolean {
    const isLoopHead = loopHeads.has(slot);
    const sinceJumps = jumps - keptAt.jumps;
    const since = statistics.processed - keptAt.processed;
    const keep = isLoopHead || (sinceJumps >= KEEP.jumps && since >= KEEP.instructions);
    const keepInLoop = keep && (sinceJumps >= KEEP.loopJumps || since >= KEEP.loopInstructions);
    const arrival = checkpoints.arrive(slot, v.state, parent, isLoopHead, { keep, keepInLoop });
    if (arrival === 'covered') return true;
    if (arrival === 'endless') {
      v.fail('EINVAL', `infinite loop detected at insn ${slot}`, 'nothing has changed since the last turn of the loop');
    }
    if (arrival === 'pass') return false;
    parent = checkpoints.add(slot, copyState(v.state), parent);
    keptAt = { jumps, processed: statistics.processed };
    return false;
  }

  /** Goes one instruction on. @returns the next slot; undefined at the end of the path */
  function step(instruction: Instruction): number | undefined {
    const { slot, opcode, src } = instruction;
    switch (opcode & 0x07) {
      case BPF_CLASS.ALU:
      case BPF_CLASS.ALU64:
        checkAlu(v, instruction);
        return slot + 1;
      case BPF_CLASS.LD:
        checkImmediate(v, instruction);
        return slot + slotCount(instruction);
      case BPF_CLASS.LDX:
      case BPF_CLASS.ST:
      case BPF_CLASS.STX:
        checkMemory(v, instruction);
        return slot + 1;
    }
    jumps++;
    if (opcode === OPCODE.JA || opcode === OPCODE.JA32) return jumpTarget(instruction)!;
    if (opcode === OPCODE.EXIT) return exit();
    if (opcode !== OPCODE.CALL) return checkJump(v, instruction);
    if (src === BPF_CALL.LOCAL) return callLocal(v, instruction);
    if (src === BPF_CALL.HELPER) return checkHelper(v, instruction);
    return v.fail(
      'EINVAL',
      `calling kernel function ${instruction.imm} is not allowed`,
      'kfuncs are not provided here',
    );
  }

  function exit(): number | undefined {
    if (v.state.frames.length > 1) return returnFrom(v, lastTurn);
    checkProgramExit(v);
    return undefined;
  }

  /** Follows one path from `slot` to its end. */
  function follow(start: number): void {
    let slot: number | undefined = start;
    let isStart = true;
    while (slot !== undefined) {
      const instruction: Instruction = shape.at[slot]!;
      v.instruction = instruction;
      if (++statistics.processed > MAX_PROCESSED) {
        const verdict = `BPF program is too large. Processed ${statistics.processed} insn`;
        v.fail('E2BIG', verdict, 'loops end too late, or too many paths are different: the limit is a million');
      }
      if ((shape.prunePoints.has(slot) || loopHeads.has(slot)) && isKnown(slot)) {
        log?.add(`${slot}: safe`);
        return;
      }
      log?.begin(instruction, v.state, isStart);
      isStart = false;
      slot = step(instruction);
      log?.done(v.state);
    }
  }

  let next: Pending | undefined = { state: v.state, slot: 0, from: 0, parent: undefined, mark: 0 };
  for (; next !== undefined; next = pending.pop()) {
    v.state = next.state;
    parent = next.parent;
    log?.rewind(next.mark);
    if (next.from !== next.slot) log?.add(`\nfrom ${next.from} to ${next.slot}: ${stateText(next.state)}`);
    follow(next.slot);
    checkpoints.pathEnded(parent);
    Object.assign(statistics, checkpoints.statistics);
  }
}
