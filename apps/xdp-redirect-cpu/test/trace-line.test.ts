import { expect, it } from 'vitest';
import { printkLine } from '../src/trace-line.ts';

it('a line of bpf_trace_printk looks like one of trace_pipe', () => {
  expect(printkLine('frame of 60 bytes', 2, 1_500_000_000)).toBe(
    '           ksoftirqd/2-0 [002] ..s..      1.500000: bpf_trace_printk: frame of 60 bytes',
  );
});
