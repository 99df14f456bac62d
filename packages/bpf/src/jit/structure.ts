/**
 * Control flow as WebAssembly wants it: a graph in, a list of blocks, loops and branches out.
 *
 * It is Ramsey's "Beyond Relooper" (ICFP 2022): the tree of dominators decides what lies inside what. A node that is
 * entered from several places follows a `block` that its dominator opened; a node that is jumped back to is a `loop`.
 * Graphs with loops of several entries are made reducible first. Written with a stack of its own instead of recursion:
 * the tree of a long program is deep.
 *
 * Meaning of a list: it is read in order, `depth` counts the enclosing block, loop and if as br does. After a `node` of
 *   0 successors  nothing follows: it leaves the function
 *   1 successor   what follows goes there
 *   2 successors  `if` or `brIf`, taken if its condition holds, goes to the second; what follows goes to the first
 * and a dispatcher is followed by one `brTable`.
 */
import { dominators, type FlowGraph, positions, predecessors, reversePostOrder } from './flow-graph.ts';
import { type AddedNode, makeReducible } from './reducible.ts';

export type StructuredOp =
  | { readonly op: 'block' | 'if' | 'end' }
  /** The node that follows is where the loop begins. */
  | { readonly op: 'loop' }
  | { readonly op: 'node'; readonly node: number }
  | { readonly op: 'br' | 'brIf'; readonly depth: number }
  | { readonly op: 'brTable'; readonly depths: readonly number[] };

export interface Structured {
  readonly ops: readonly StructuredOp[];
  /** What the nodes from `successors.length` on do. */
  readonly added: readonly AddedNode[];
  readonly hasLoops: boolean;
}

type Task =
  | { readonly task: 'tree' | 'leave' | 'branch'; readonly node: number; readonly from: number }
  | { readonly task: 'end' };

/** Nothing may lead to node 0; a node has up to two successors, which differ. */
export function structure(graph: FlowGraph): Structured {
  const { successors, added } = makeReducible(graph);
  const full = { successors };
  const order = reversePostOrder(full);
  const position = positions(order, successors.length);
  const before = predecessors(full, order);
  const dominator = dominators(full, order);
  const isDispatcher = (node: number): boolean => added[node - graph.successors.length]?.kind === 'dispatcher';

  const isLoop = (node: number): boolean => before[node]!.some((from) => position[from]! >= position[node]!);
  const isMerge = (node: number): boolean => {
    const forward = before[node]!.filter((from) => position[from]! < position[node]!);
    return forward.length > 1 || forward.some(isDispatcher);
  };
  const merges = new Map<number, number[]>();
  const mergeNodes = new Set<number>();
  // in reverse post-order, so that the list of each dominator is sorted
  for (const node of order) {
    if (!isMerge(node)) continue;
    mergeNodes.add(node);
    const list = merges.get(dominator[node]!) ?? [];
    list.push(node);
    merges.set(dominator[node]!, list);
  }

  const ops: StructuredOp[] = [];
  let depth = 0;
  let hasLoops = false;
  const loopAt = new Map<number, number>();
  const blockAt = new Map<number, number>();
  const open = (op: 'block' | 'loop' | 'if'): number => {
    ops.push({ op });
    return depth++;
  };
  const tasks: Task[] = [{ task: 'tree', node: 0, from: -1 }];
  /** The distance to a label that is open; undefined for a node that is written in place. */
  const distance = (from: number, to: number): number | undefined => {
    const label = position[to]! <= position[from]! ? loopAt.get(to) : mergeNodes.has(to) ? blockAt.get(to) : undefined;
    return label === undefined ? undefined : depth - 1 - label;
  };

  function openTree(node: number): void {
    if (isLoop(node)) {
      hasLoops = true;
      loopAt.set(node, open('loop'));
      tasks.push({ task: 'end' });
    }
    // the follower that comes last in the order has the outermost block, as its code follows all others
    const followers = merges.get(node) ?? [];
    for (let i = followers.length - 1; i >= 0; i--) {
      tasks.push({ task: 'tree', node: followers[i]!, from: node }, { task: 'end' });
    }
    for (let i = followers.length - 1; i >= 0; i--) blockAt.set(followers[i]!, open('block'));
    ops.push({ op: 'node', node });
    tasks.push({ task: 'leave', node, from: node });
  }

  function leave(node: number): void {
    const [first, second] = successors[node]!;
    if (isDispatcher(node)) {
      ops.push({ op: 'brTable', depths: successors[node]!.map((to) => distance(node, to)!) });
      return;
    }
    if (first === undefined) return;
    tasks.push({ task: 'branch', node: first, from: node });
    if (second === undefined) return;
    const taken = distance(node, second);
    if (taken !== undefined) {
      ops.push({ op: 'brIf', depth: taken });
      return;
    }
    open('if');
    tasks.push({ task: 'end' }, { task: 'tree', node: second, from: node });
  }

  for (let next = tasks.pop(); next !== undefined; next = tasks.pop()) {
    if (next.task === 'end') {
      ops.push({ op: 'end' });
      depth--;
    } else if (next.task === 'tree') {
      openTree(next.node);
    } else if (next.task === 'leave') {
      leave(next.node);
    } else {
      const label = distance(next.from, next.node);
      if (label === undefined) openTree(next.node);
      else ops.push({ op: 'br', depth: label });
    }
  }
  return { ops, added, hasLoops };
}
