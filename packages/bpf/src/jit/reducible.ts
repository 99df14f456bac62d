/**
 * Graphs in which every loop has one entry. WebAssembly can say nothing else, BPF can: a loop that is entered in two
 * places gets a dispatcher in front, and every edge to one of its entries becomes
 *
 *   from ──► selector: "entry i" ──► dispatcher ──► entry i
 *
 * Selectors are one per edge, so that those outside of the loop stay outside. Graphs that are reducible stay as they
 * are. Nothing may lead to node 0, the entry.
 */
import { KernelError } from '@cpumap/uapi';
import { type FlowGraph, loopsAmong, reversePostOrder } from './flow-graph.ts';

/** What a node that was added does. */
export type AddedNode =
  | { readonly kind: 'selector'; readonly choice: number }
  /** Goes to successor number `choice` of the selector that was passed last. */
  | { readonly kind: 'dispatcher' };

export interface ReducibleGraph extends FlowGraph {
  /** The nodes behind those of the original graph, in their order. */
  readonly added: readonly AddedNode[];
}

/** Each loop is looked at once for every loop around it. This many nodes are looked at in about a second. */
const MOST_LOOKED = 4_000_000;

/** @throws KernelError E2BIG */
export function makeReducible(graph: FlowGraph): ReducibleGraph {
  const successors = graph.successors.map((list) => [...list]);
  const added: AddedNode[] = [];
  const add = (node: AddedNode, to: number[]): number => {
    added.push(node);
    return successors.push(to) - 1;
  };

  /** Gives a loop one entry, which `loop` gets too. */
  function dispatch(loop: Set<number>, entries: readonly number[], sources: ReadonlySet<number>): number {
    const dispatcher = add({ kind: 'dispatcher' }, [...entries]);
    for (const from of sources) {
      successors[from] = successors[from]!.map((to) => {
        const choice = entries.indexOf(to);
        return choice < 0 ? to : add({ kind: 'selector', choice }, [dispatcher]);
      });
    }
    // selectors need not be added: they lead to the entry alone, so no loop inside has one
    loop.add(dispatcher);
    return dispatcher;
  }

  let looked = 0;
  // an area is a loop and its one entry; loops inside it are what remains without that entry
  const work: { members: Set<number>; header: number | undefined }[] = [
    { members: new Set(reversePostOrder(graph)), header: undefined },
  ];
  for (let area = work.pop(); area !== undefined; area = work.pop()) {
    const { members, header } = area;
    looked += members.size;
    if (looked > MOST_LOOKED) {
      throw new KernelError('E2BIG', 'bpf(BPF_PROG_LOAD)', { hint: 'loops lie inside each other too many times' });
    }
    const loops = loopsAmong({ successors }, members, header).map((loop) => new Set(loop));
    const loopOf = new Map<number, number>();
    for (const [i, loop] of loops.entries()) for (const node of loop) loopOf.set(node, i);
    // only from inside the area: nothing else leads into it but to its entry
    const entries = loops.map(() => new Set<number>());
    for (const from of members) {
      for (const to of successors[from]!) {
        const loop = loopOf.get(to);
        if (loop !== undefined && loop !== loopOf.get(from)) entries[loop]!.add(to);
      }
    }
    for (const [i, loop] of loops.entries()) {
      const [first, ...others] = entries[i]!;
      const one = others.length === 0 ? first! : dispatch(loop, [first!, ...others], members);
      work.push({ members: loop, header: one });
    }
  }
  return { successors, added };
}
