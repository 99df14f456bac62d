import { XDP_REDIRECT } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { type BenchOptions, ENGINES, inShort, load } from './support/harness.ts';
import { udpFrame } from './support/packets.ts';

const FRAME = udpFrame();
const NONE = { processed: 0n, dropped: 0n, issue: 0n };

describe.each(ENGINES)('round_robin (%s)', (engine) => {
  function turns(options: BenchOptions) {
    const { bench, send } = load(engine, 'round_robin', options);
    const times = (n: number): string[] => Array.from({ length: n }, () => inShort(send(FRAME)));
    const iterator = (): number =>
      bench.memory.u32[bench.env.helpers.mapLookupElem(bench.env.maps.cpus_iterator!, 0) >> 2]!;
    return { bench, times, iterator };
  }

  it('gives each packet the next CPU, and begins again after the last', () => {
    const { bench, times } = turns({});
    expect(times(9)).toEqual(['R0', 'R1', 'R2', 'R3', 'R0', 'R1', 'R2', 'R3', 'R0']);
    expect(bench.counters()).toEqual({ ...NONE, processed: 9n });
  });

  it('keeps an iterator for each CPU that receives', () => {
    const { bench, times } = turns({ cpu: 3 });
    times(2);
    expect(bench.counters(3).processed).toBe(2n);
    expect(bench.counters(0)).toEqual(NONE);
    expect(bench.maps.cpus_iterator.lookup(0)).toEqual(new Uint8Array(12 * 8).with(3 * 8, 2));
  });

  // Linux 6.18.44, xdp-bench 1.3.1: cpus_available 0 to 3, the other eight no CPU; one cpus_count per packet.
  it.each([
    { counts: '4 4 4 4 4 3 3 3 3', verdicts: 'R0 R1 R2 R3 R0 R1 R2 R0 R1', processed: 9n, issue: 0n, iterator: 2 },
    {
      counts: '4 4 2 2 2 1 1 4 4 4 4 4 2 2 2',
      verdicts: 'R0 R1 R2 R3 A A A A A A A A A A A',
      processed: 12n, // beyond the array nothing is counted
      issue: 8n,
      iterator: 15,
    },
    {
      counts: '0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 4 4',
      verdicts: 'R0 R1 R2 R3 A A A A A A A A A A A A A',
      processed: 12n,
      issue: 8n,
      iterator: 17,
    },
  ])('with cpus_count $counts answers as Linux does', ({ counts, verdicts, processed, issue, iterator: last }) => {
    const { bench, times, iterator } = turns({});
    const answers = counts.split(' ').map((count) => {
      bench.setCount(Number(count));
      return times(1)[0];
    });
    expect(answers.join(' ')).toBe(verdicts);
    expect(bench.counters()).toEqual({ ...NONE, processed, issue });
    expect(iterator()).toBe(last);
  });

  it('never comes back once packets came before any CPU', () => {
    const { bench, times, iterator } = turns({ cpusAvailable: [], cpusCount: 0 });
    times(7);
    bench.setAvailable([0, 1, 2, 3]);
    bench.setCount(4);
    expect(times(100)).toEqual(new Array(100).fill('A'));
    expect(bench.counters()).toEqual({ ...NONE, processed: 12n, issue: 12n });
    expect(iterator()).toBe(107);
  });

  it('starts afresh after 2^32 packets, when the iterator wraps', () => {
    const { bench, times, iterator } = turns({});
    bench.memory.u32[bench.env.helpers.mapLookupElem(bench.env.maps.cpus_iterator!, 0) >> 2] = 0xffff_ffff;
    expect(times(2)).toEqual(['A', 'R0']);
    expect(iterator()).toBe(1);
  });

  it('does not look at the packet', () => {
    const { send } = load(engine, 'round_robin');
    expect(send(new Uint8Array(0)).verdict).toBe(XDP_REDIRECT);
  });
});
