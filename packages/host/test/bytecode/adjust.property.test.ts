/** Moving the ends of a frame: compiled code, the interpreter and the TypeScript helpers do the same, whatever the deltas. */
import { assembleProgram, type ProgramFactory } from '@cpumap/bpf';
import { createHost, type Host, type LoadedProgram } from '@cpumap/host';
import { RELEASES, type Release } from '@cpumap/uapi';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, keep } from './support/fragments.ts';
import { OUT, OUT_NUMBERS } from './support/kernel-case.ts';

const STEPS = 5;
const ENDS = ['head', 'meta', 'tail'] as const;

/** The steps lie in the array `steps`, two words each: which end, and how far. */
const STEPS_MAP = { type: OUT.type, keySize: 4, valueSize: 8 * STEPS, maxEntries: 1 };

const text = `
    r6 = r1
    ${Array.from(
      { length: STEPS },
      (_, n) => `
    r1 = map_value(steps) ll
    r2 = *(u32 *)(r1 + ${8 * n + 4})
    r3 = *(u32 *)(r1 + ${8 * n})
    r1 = r6
    if r3 == 1 goto meta${n}
    if r3 == 2 goto tail${n}
    ${call('xdp_adjust_head')}
    goto done${n}
  meta${n}:
    ${call('xdp_adjust_meta')}
    goto done${n}
  tail${n}:
    ${call('xdp_adjust_tail')}
  done${n}:
    ${keep(n)}`,
    ).join('')}
    r0 = 2
    exit`;

const inTypeScript: ProgramFactory = ({ memory, helpers, maps }) => {
  const adjust = [helpers.xdpAdjustHead, helpers.xdpAdjustMeta, helpers.xdpAdjustTail];
  return (ctx) => {
    const steps = helpers.mapLookupElem(maps.steps!, 0) >> 2;
    const out = helpers.mapLookupElem(maps.out!, 0) >> 2;
    for (let n = 0; n < STEPS; n++) {
      const result = adjust[memory.u32[steps + 2 * n]!]!(ctx, memory.i32[steps + 2 * n + 1]!);
      memory.i32[out + 2 * n] = result;
      memory.i32[out + 2 * n + 1] = result >> 31;
    }
    return 2;
  };
};

interface Subject {
  readonly host: Host;
  run(steps: readonly (readonly [number, number])[], length: number): Promise<unknown>;
}

async function subject(release: Release, kind: 'jit' | 'interp' | 'typescript'): Promise<Subject> {
  const bpfEngine = kind === 'interp' ? kind : 'jit';
  const host = await createHost({ cpus: 1, executor: 'virtual', memoryBytes: 1 << 27, release, bpfEngine });
  const maps = { steps: host.createMap(STEPS_MAP), out: host.createMap(OUT) };
  const code = kind === 'typescript' ? { factory: inTypeScript } : { bytecode: assembleProgram(text), license: 'GPL' };
  const program: LoadedProgram = await host.loadProgram({ name: kind, code, maps });
  return {
    host,
    async run(steps, length) {
      maps.steps.update(0, new Uint8Array(Int32Array.from(steps.flat()).buffer));
      maps.out.update(0, new Uint8Array(8 * OUT_NUMBERS));
      const { retval, data, ctx } = await program.testRun({ data: Uint8Array.from({ length }, (_, i) => i) });
      return { retval, data, ctx, out: maps.out.lookup(0) };
    },
  };
}

const delta = fc.oneof(
  fc.integer({ min: -40, max: 40 }),
  fc.integer({ min: -300, max: 300 }),
  fc.integer({ min: -4000, max: 4000 }),
  fc.integer({ min: -0x80000000, max: 0x7fffffff }),
);
const steps = fc.array(fc.tuple(fc.nat({ max: ENDS.length - 1 }), delta), { minLength: STEPS, maxLength: STEPS });

describe.each(RELEASES)('%s', (release) => {
  const subjects: Subject[] = [];
  beforeAll(async () => {
    for (const kind of ['typescript', 'interp', 'jit'] as const) subjects.push(await subject(release, kind));
  });
  afterAll(async () => {
    for (const { host } of subjects) await host.close();
  });

  it('any deltas', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 14, max: 200 }), async (deltas, length) => {
        const [expected, ...others] = await Promise.all(subjects.map(({ run }) => run(deltas, length)));
        for (const other of others) expect(other).toEqual(expected);
      }),
      { numRuns: 400 },
    );
  });
});
