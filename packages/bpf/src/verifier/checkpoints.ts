/**
 * States that were kept on the way, and the question whether the path that arrives at an instruction needs to be followed.
 *
 * Paths are followed depth first. A checkpoint is complete when every path that goes on from it has ended; `branches`
 * counts those that have not. A path may end because a complete checkpoint covers it. Only where a helper calls back may
 * it also end at one that is being followed, on the same path: that is how loops of unknown length come to an end.
 * Whatever lies between the two then rests on the outer one (`dependsOn`) until that is complete.
 */
import type { State } from './state.ts';
import { covers } from './subsume.ts';

export interface Checkpoint {
  readonly state: State;
  readonly slot: number;
  readonly parent: Checkpoint | undefined;
  readonly depth: number;
  branches: number;
  dependsOn: Checkpoint | undefined;
  hits: number;
  misses: number;
}

/** `keep`, `pass`: the path goes on, and its state is kept or not. */
type Arrival = 'covered' | 'endless' | 'keep' | 'pass';

/** What the path has done since a state was kept: whether to keep another here, and whether even in a loop. */
interface Wish {
  readonly keep: boolean;
  readonly keepInLoop: boolean;
}

/**
 * A checkpoint that was looked at so much oftener than it was of use is dropped. Linux drops them at 3; at 8 the filters
 * of xdp-tools need two thirds of the instructions, in the same time.
 */
const MISSES_PER_HIT = 8;
const MISSES_PER_HIT_OF_LOOP = 64;

export interface Checkpoints {
  /** Whether `state`, on a path that comes from `parent`, needs to be followed from `slot` on. */
  arrive(slot: number, state: State, parent: Checkpoint | undefined, isLoopHead: boolean, wish: Wish): Arrival;
  add(slot: number, state: State, parent: Checkpoint | undefined): Checkpoint;
  /** The path that came from there has come to its end. */
  pathEnded(parent: Checkpoint | undefined): void;
  readonly statistics: { total: number; peak: number; maxPerInsn: number };
}

function isResting(checkpoint: Checkpoint): boolean {
  for (let at = checkpoint.dependsOn; at !== undefined; at = at.dependsOn) if (at.branches > 0) return true;
  return false;
}

/** What it rests on that is still being followed: the outermost. */
function outermost(checkpoint: Checkpoint): Checkpoint {
  let found = checkpoint;
  for (let at = checkpoint.dependsOn; at !== undefined; at = at.dependsOn) if (at.branches > 0) found = at;
  return found;
}

function rest(from: Checkpoint | undefined, on: Checkpoint): void {
  for (let at = from; at !== undefined && at !== on && at.depth > on.depth; at = at.parent) {
    if (!isResting(at) || outermost(at).depth > on.depth) at.dependsOn = on;
  }
}

export function createCheckpoints(
  slots: number,
  live: (slot: number, state: State, frame: number) => number,
): Checkpoints {
  const at: (Checkpoint[] | undefined)[] = new Array(slots).fill(undefined);
  const statistics = { total: 0, peak: 0, maxPerInsn: 0 };
  let kept = 0;

  return {
    statistics,
    arrive(slot, state, parent, isLoopHead, wish) {
      const list = at[slot];
      let { keep } = wish;
      if (list === undefined) return keep ? 'keep' : 'pass';
      const liveIn = (frame: number): number => live(slot, state, frame);
      const top = state.frames.length - 1;
      for (let i = 0; i < list.length; i++) {
        const known = list[i]!;
        if (known.state.frames.length !== top + 1) continue;
        if (known.state.frames[top]!.callSlot !== state.frames[top]!.callSlot) continue;
        if (known.branches > 0) {
          if (isLoopHead) {
            if (covers(known.state, state, 'open', liveIn)) {
              known.hits++;
              rest(parent, outermost(known));
              return 'covered';
            }
          } else {
            if (covers(known.state, state, 'same', liveIn)) return 'endless';
            keep = wish.keepInLoop;
          }
        } else {
          const resting = isResting(known);
          if (covers(known.state, state, resting ? 'open' : 'final', liveIn)) {
            known.hits++;
            if (resting) rest(parent, outermost(known));
            return 'covered';
          }
        }
        if (!keep) continue;
        known.misses++;
        const allowed = isLoopHead ? MISSES_PER_HIT_OF_LOOP : MISSES_PER_HIT;
        if (known.misses > known.hits * allowed + allowed) {
          list.splice(i--, 1);
          kept--;
        }
      }
      return keep ? 'keep' : 'pass';
    },
    add(slot, state, parent) {
      const depth = parent === undefined ? 0 : parent.depth + 1;
      const checkpoint = { state, slot, parent, depth, branches: 1, dependsOn: undefined, hits: 0, misses: 0 };
      const list = at[slot];
      if (list === undefined) at[slot] = [checkpoint];
      else list.unshift(checkpoint); // the latest is the likeliest to cover what comes next
      statistics.total++;
      statistics.peak = Math.max(statistics.peak, ++kept);
      statistics.maxPerInsn = Math.max(statistics.maxPerInsn, at[slot]!.length);
      return checkpoint;
    },
    pathEnded(parent) {
      for (let checkpoint = parent; checkpoint !== undefined; checkpoint = checkpoint.parent) {
        if (--checkpoint.branches > 0) break;
      }
    },
  };
}
