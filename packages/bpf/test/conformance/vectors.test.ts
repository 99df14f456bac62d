/** Every vector of the BPF conformance suite on both engines, in this process. */
import { readFileSync } from 'node:fs';
import { describeWithData } from '@cpumap/vitest-config/test-data';
import { describe, expect, it } from 'vitest';
import { ENGINES, runConformanceVector } from '../../src/conformance.ts';

interface Vector {
  readonly name: string;
  readonly suite: string;
  /** Null where the suite's own assembler must refuse the text, so that there are no bytes to run. */
  readonly program: string | null;
  readonly memory: string;
  readonly expected: string | null;
  readonly error: string | null;
}

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

describeWithData('the BPF conformance suite', 'bpf-conformance/vectors.json', (path) => {
  const vectors: Vector[] = JSON.parse(readFileSync(path, 'utf8'));

  it('has the vectors that we know', () => {
    expect(vectors).toHaveLength(191);
    expect(vectors.filter(({ suite }) => suite === 'negative')).toHaveLength(31);
  });

  describe.each(ENGINES)('%s', (engine) => {
    it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', (_, vector) => {
      const { program, memory, expected, error } = vector;
      const run = (): bigint => runConformanceVector(bytes(program ?? ''), bytes(memory), engine);
      if (program === null || error !== null) {
        expect(run).toThrow(expect.objectContaining({ code: 'EINVAL' }));
      } else {
        expect(run()).toBe(BigInt(expected!));
      }
    });
  });
});
