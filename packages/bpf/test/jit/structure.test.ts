/** Structured lists against a walk of the graph: whatever the conditions say, both pass the same nodes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Structured, type StructuredOp, structure } from '../../src/jit/structure.ts';

const SEED = 20171004;
const STEPS = 200;

/** Bits that decide conditions, the same for both walkers. */
function* decisions(seed: number): Generator<boolean, never> {
  let state = seed | 1;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield (state & 4) !== 0;
  }
}

function walkGraph(successors: readonly (readonly number[])[], seed: number): number[] {
  const taken = decisions(seed);
  const path: number[] = [];
  for (let node: number | undefined = 0; node !== undefined && path.length < STEPS; ) {
    path.push(node);
    const [first, second]: readonly number[] = successors[node]!;
    node = second !== undefined && taken.next().value ? second : first;
  }
  return path;
}

/** For each opening op its end. */
function ends(ops: readonly StructuredOp[]): Map<number, number> {
  const open: number[] = [];
  const found = new Map<number, number>();
  for (const [i, { op }] of ops.entries()) {
    if (op === 'block' || op === 'loop' || op === 'if') open.push(i);
    if (op === 'end') found.set(open.pop()!, i);
  }
  expect(open).toEqual([]);
  return found;
}

/** Runs the list as a WebAssembly machine would. */
function walkOps({ ops, added }: Structured, successors: readonly (readonly number[])[], seed: number): number[] {
  const taken = decisions(seed);
  const end = ends(ops);
  const path: number[] = [];
  const labels: number[] = [];
  let choice = -1;
  let condition = false;
  let at = 0;
  const branch = (depth: number): void => {
    for (let i = 0; i < depth; i++) labels.pop();
    const label = labels.at(-1)!;
    expect(label).toBeDefined();
    if (ops[label]!.op === 'loop') {
      at = label + 1;
      return;
    }
    labels.pop();
    at = end.get(label)! + 1;
  };
  while (path.length < STEPS) {
    const op = ops[at];
    if (op === undefined) throw new Error('the list was left at its end');
    at++;
    switch (op.op) {
      case 'block':
      case 'loop':
        labels.push(at - 1);
        break;
      case 'if':
        labels.push(at - 1);
        if (!condition) branch(0);
        break;
      case 'end':
        labels.pop();
        break;
      case 'br':
        branch(op.depth);
        break;
      case 'brIf':
        if (condition) branch(op.depth);
        break;
      case 'brTable':
        branch(op.depths[choice]!);
        break;
      case 'node': {
        const extra = added[op.node - successors.length];
        if (extra?.kind === 'selector') choice = extra.choice;
        if (extra !== undefined) break;
        path.push(op.node);
        const ways = successors[op.node]!.length;
        if (ways === 0) return path;
        if (ways === 2) condition = taken.next().value;
      }
    }
  }
  return path;
}

const graphs = fc.integer({ min: 2, max: 24 }).chain((nodes) => {
  const to = fc.integer({ min: 1, max: nodes - 1 });
  const node = fc.oneof(
    { weight: 1, arbitrary: fc.constant<number[]>([]) },
    { weight: 4, arbitrary: fc.tuple(to) },
    { weight: 8, arbitrary: fc.uniqueArray(to, { minLength: 1, maxLength: 2 }) },
  );
  return fc.array(node, { minLength: nodes, maxLength: nodes });
});

describe('structured control flow', () => {
  it(`passes the nodes of the graph, on random graphs (seed ${SEED})`, () => {
    let irreducible = 0;
    fc.assert(
      fc.property(graphs, fc.array(fc.integer({ min: 1 }), { minLength: 6, maxLength: 6 }), (successors, seeds) => {
        const structured = structure({ successors });
        if (structured.added.length > 0) irreducible++;
        for (const seed of seeds) {
          expect(walkOps(structured, successors, seed)).toEqual(walkGraph(successors, seed));
        }
      }),
      { seed: SEED, numRuns: 600 },
    );
    expect(irreducible).toBeGreaterThan(50);
  });

  it('a diamond is a block and an if, without dispatchers', () => {
    const { ops, added } = structure({ successors: [[1, 2], [3], [3], []] });
    expect(added).toEqual([]);
    expect(ops.map(({ op }) => op).join(' ')).toBe('block node if node br end node br end node');
  });

  it('a loop of one node is one loop', () => {
    const { ops, added, hasLoops } = structure({ successors: [[1], [2, 1], []] });
    expect(hasLoops).toBe(true);
    expect(added).toEqual([]);
    expect(ops.map(({ op }) => op).join(' ')).toBe('node loop node brIf node end');
  });

  it('a loop with two entries gets one dispatcher', () => {
    const { added } = structure({ successors: [[1, 2], [2], [1, 3], []] });
    expect(added.filter(({ kind }) => kind === 'dispatcher')).toHaveLength(1);
  });

  it('a long chain of diamonds does not exhaust the stack', () => {
    const successors: number[][] = [];
    for (let i = 0; i < 20_000; i++) successors.push([3 * i + 1, 3 * i + 2], [3 * i + 3], [3 * i + 3]);
    successors.push([]);
    const { ops } = structure({ successors });
    expect(ops.filter(({ op }) => op === 'node')).toHaveLength(successors.length);
  });
});
