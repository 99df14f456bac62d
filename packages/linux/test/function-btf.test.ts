import { assembleProgram, readBtf } from '@cpumap/bpf';
import { expect, it } from 'vitest';
import { encodeBtf } from '../src/encode-btf.ts';
import { functionStarts, functionTypes } from '../src/function-btf.ts';

it('names a static function for each place where one begins', () => {
  const { instructions } = assembleProgram(`
    r1 = 4
    r2 = code_addr(turn) ll
    r3 = 0
    r4 = 0
    call 181
    call sum
    exit
  turn:
    r0 = 0
    exit
  sum:
    r0 = 2
    exit`);
  const starts = functionStarts(instructions);
  expect(starts).toEqual([0, 8, 10]);
  const { btf } = readBtf(encodeBtf(functionTypes(starts)), { section: '.BTF' });
  expect(btf.types.filter(({ kind }) => kind === 'func')).toMatchObject([
    { name: 'f0', linkage: 'static' },
    { name: 'f8', linkage: 'static' },
    { name: 'f10', linkage: 'static' },
  ]);
});
