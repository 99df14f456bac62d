/**
 * bpf_tail_call on one CPU: the next program's instance, found through a PROG_ARRAY and run in place of the caller.
 *
 * mirrors MAX_TAIL_CALL_CNT: 33 tail calls in one run, counted over all of them; what fails (no such index, an empty
 * slot, the 34th) lets the caller go on.
 */
import { TAIL_CALL_FAILED, type TailCall } from '../interp/interpreter.ts';
import { JIT_STACK_SIZE } from '../jit/instance.ts';
import type { MapOps } from '../maps/map-ops.ts';

const MAX_TAIL_CALL_CNT = 33;

export interface TailCallParts {
  readonly maps: MapOps;
  /** The instance of a loaded program on this CPU. */
  readonly instance: (id: number) => (ctx: number, stackEnd?: number) => number;
  /** First byte of the stack area that all programs share. */
  readonly stackStart: number;
}

export interface TailCalls {
  readonly tailCall: TailCall;
  /** A program starts that is nobody's next one. */
  readonly beginRun: () => void;
}

export function attachTailCalls({ maps, instance, stackStart }: TailCallParts): TailCalls {
  let count = 0;
  return {
    tailCall(ctx, map, index, stackEnd) {
      const id = maps.progAt(map, index);
      if (id === 0 || stackEnd - JIT_STACK_SIZE < stackStart || count === MAX_TAIL_CALL_CNT) return TAIL_CALL_FAILED;
      count++;
      return instance(id)(ctx, stackEnd);
    },
    beginRun() {
      count = 0;
    },
  };
}
