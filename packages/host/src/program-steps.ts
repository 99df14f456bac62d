/** What an interpreted program did, step by step, for whoever follows it: `onStep` of a host. */
import { type BytecodeCode, disassembleInstruction, type Instruction, type RunObserver } from '@cpumap/bpf';

interface Place {
  readonly cpu: number;
  /** Id of the program that runs. */
  readonly program: number;
  readonly name: string;
}

interface Instructed extends Place {
  readonly slot: number;
  /** The instruction as text. */
  readonly text: string;
  /** The function that it belongs to, and its source line, if the object says. */
  readonly function?: string;
  readonly source?: string;
}

export type ProgramStep =
  | (Place & { readonly kind: 'begin'; readonly ctx: number })
  | (Instructed & {
      readonly kind: 'jump';
      readonly isTaken: boolean;
      /** Where it leads if it is taken. */
      readonly to: number;
      readonly left: bigint;
      readonly right: bigint;
    })
  | (Instructed & {
      readonly kind: 'call';
      /** BPF_FUNC, or the BTF id of a kfunc. */
      readonly helper: number;
      readonly isKfunc: boolean;
      /** The low halves of r1 to r5: all of a pointer. */
      readonly args: readonly number[];
      readonly result: number | bigint;
    })
  | (Instructed & { readonly kind: 'tail-call'; readonly map: number; readonly index: number });

export interface FollowParts {
  readonly progId: number;
  readonly name: string;
  readonly cpu: number;
  /** Absent while the program is still being loaded. */
  readonly codeOf: (progId: number) => BytecodeCode | undefined;
  readonly onStep: (step: ProgramStep) => void;
}

/** The entry of the nearest slot at or before one. */
function atOrBefore(bySlot: ReadonlyMap<number, string> | undefined, slot: number): string | undefined {
  let best = -1;
  for (const candidate of bySlot?.keys() ?? []) if (candidate <= slot && candidate > best) best = candidate;
  return bySlot?.get(best);
}

export function followProgram({ progId, name, cpu, codeOf, onStep }: FollowParts): RunObserver {
  const place = { cpu, program: progId, name };

  function at(instruction: Instruction): Instructed {
    const { slot } = instruction;
    const code = codeOf(progId);
    const inFunction = atOrBefore(code?.functions, slot);
    const source = atOrBefore(code?.lines, slot);
    return {
      ...place,
      slot,
      text: disassembleInstruction(instruction),
      ...(inFunction === undefined ? {} : { function: inFunction }),
      ...(source === undefined ? {} : { source }),
    };
  }

  return {
    begin: (ctx) => onStep({ ...place, kind: 'begin', ctx }),
    jump(instruction, isTaken, left, right) {
      const to = instruction.slot + 1 + instruction.offset;
      onStep({ ...at(instruction), kind: 'jump', isTaken, to, left, right });
    },
    call(instruction, registers, result) {
      const args = [1, 2, 3, 4, 5].map((n) => registers[2 * n]!);
      onStep({
        ...at(instruction),
        kind: 'call',
        helper: instruction.imm,
        isKfunc: instruction.src !== 0,
        args,
        result,
      });
    },
    tailCall: (instruction, map, index) => onStep({ ...at(instruction), kind: 'tail-call', map, index }),
  };
}
