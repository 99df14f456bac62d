import { expect, it } from 'vitest';
import { averageOf } from '../src/xdp-tools.ts';

// the summary of xdp-bench 1.5
it.each([
  ['  Duration            : 3.1s\n  Packets received    : 7,654,321\n  Average packets/s   : 2,469,136\n', 2.469136],
  ["  Average packets/s   : 2'469'136\n", 2.469136],
  ['  Average packets/s   : 0\n', undefined],
  ['libbpf: failed to load object\n', undefined],
  ['', undefined],
])('reads the average of %j', (output, rate) => expect(averageOf(output)).toBe(rate));
