/**
 * Orders and dominators of a control-flow graph. Node 0 is the entry; everything here iterates, so that the depth of a
 * graph is not a depth of the JavaScript stack.
 */

export interface FlowGraph {
  /** Of each node the nodes that control may go to next. */
  readonly successors: readonly (readonly number[])[];
}

/** The nodes that can be reached, each before all that follow it except along loops. */
export function reversePostOrder({ successors }: FlowGraph): number[] {
  const seen = new Uint8Array(successors.length);
  const order: number[] = [];
  const path = [0];
  const next = [0];
  seen[0] = 1;
  while (path.length > 0) {
    const node = path[path.length - 1]!;
    const successor = successors[node]![next[next.length - 1]!++];
    if (successor === undefined) {
      order.push(node);
      path.pop();
      next.pop();
    } else if (seen[successor] === 0) {
      seen[successor] = 1;
      path.push(successor);
      next.push(0);
    }
  }
  return order.reverse();
}

/** The position of each node in an order, -1 for those that are not in it. */
export function positions(order: readonly number[], nodes: number): Int32Array {
  const position = new Int32Array(nodes).fill(-1);
  for (const [i, node] of order.entries()) position[node] = i;
  return position;
}

export function predecessors({ successors }: FlowGraph, order: readonly number[]): number[][] {
  const before: number[][] = successors.map(() => []);
  for (const node of order) {
    for (const successor of new Set(successors[node]!)) before[successor]!.push(node);
  }
  return before;
}

/** The immediate dominator of each node; of the entry the entry itself, -1 for nodes that cannot be reached. */
export function dominators(graph: FlowGraph, order: readonly number[]): Int32Array {
  const position = positions(order, graph.successors.length);
  const before = predecessors(graph, order);
  const dominator = new Int32Array(graph.successors.length).fill(-1);
  dominator[0] = 0;
  const meet = (a: number, b: number): number => {
    let x = a;
    let y = b;
    while (x !== y) {
      while (position[x]! > position[y]!) x = dominator[x]!;
      while (position[y]! > position[x]!) y = dominator[y]!;
    }
    return x;
  };
  // Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm"
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of order) {
      if (node === 0) continue;
      let found = -1;
      for (const other of before[node]!) {
        if (dominator[other] === -1) continue;
        found = found === -1 ? other : meet(found, other);
      }
      if (dominator[node] !== found) {
        dominator[node] = found;
        changed = true;
      }
    }
  }
  return dominator;
}

/**
 * The strongly connected components among `members`, without single nodes that are no loop. Edges into `without` count
 * as cut.
 */
export function loopsAmong(
  { successors }: FlowGraph,
  members: ReadonlySet<number>,
  without: number | undefined,
): number[][] {
  const index = new Map<number, number>();
  const low = new Map<number, number>();
  const waiting: number[] = [];
  const isWaiting = new Set<number>();
  const found: number[][] = [];
  const inside = (node: number): boolean => node !== without && members.has(node);

  const finish = (node: number): void => {
    if (low.get(node) !== index.get(node)) return;
    const component: number[] = [];
    for (let member = -1; member !== node; ) {
      member = waiting.pop()!;
      isWaiting.delete(member);
      component.push(member);
    }
    if (component.length > 1 || successors[node]!.includes(node)) found.push(component);
  };

  for (const root of members) {
    if (index.has(root) || !inside(root)) continue;
    const path: { node: number; next: number }[] = [];
    const enter = (node: number): void => {
      index.set(node, index.size);
      low.set(node, index.get(node)!);
      waiting.push(node);
      isWaiting.add(node);
      path.push({ node, next: 0 });
    };
    enter(root);
    while (path.length > 0) {
      const top = path[path.length - 1]!;
      const successor = successors[top.node]![top.next++];
      if (successor === undefined) {
        path.pop();
        finish(top.node);
        const parent = path[path.length - 1];
        if (parent) low.set(parent.node, Math.min(low.get(parent.node)!, low.get(top.node)!));
      } else if (inside(successor)) {
        if (!index.has(successor)) enter(successor);
        else if (isWaiting.has(successor)) low.set(top.node, Math.min(low.get(top.node)!, index.get(successor)!));
      }
    }
  }
  return found;
}
