/** The helpers that move the ends of a frame, by the kernel's rules in both releases, and the small ones. */
import { RELEASES, type Release } from '@cpumap/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Bench, createBench, HARD_END } from './support/bench.ts';

const EINVAL = -22;
const EACCES = -13;
const HEADROOM = 256;

describe('bpf_xdp_adjust_head', () => {
  it.each<[Release, number, number]>([
    ['6.18', -216, 0], // the descriptor of 40 bytes stays free
    ['6.18', -217, EINVAL],
    ['6.18', -256, EINVAL],
    ['4.15', -217, 0],
    ['4.15', -256, 0], // down to the start of the buffer
    ['4.15', -257, EINVAL],
    ['6.18', 46, 0], // an Ethernet header is left
    ['6.18', 47, EINVAL],
    ['4.15', 46, 0],
    ['4.15', 47, EINVAL],
    ['6.18', 0x7fffffff, EINVAL],
    ['6.18', -0x80000000, EINVAL],
  ])('on %s by %i of a frame of 60: %i', (release, delta, answer) => {
    const { helpers, ctx, ends } = createBench(release);
    const before = ends();
    expect(helpers.xdpAdjustHead(ctx, delta)).toBe(answer);
    const moved = answer === 0 ? { meta: HEADROOM + delta, data: HEADROOM + delta } : {};
    expect(ends()).toEqual({ ...before, ...moved });
  });

  it.each<[Release, number, number]>([
    ['6.18', 32, -184],
    ['4.15', 32, -224],
  ])('on %s takes %i bytes of metadata along, and needs their room too', (release, size, most) => {
    const { helpers, ctx, memory, ends } = createBench(release);
    expect(helpers.xdpAdjustMeta(ctx, -size)).toBe(0);
    const at = (offset: number): Uint8Array => {
      const start = memory.u32[ctx >> 2]! + offset;
      return memory.u8.subarray(start, start + size);
    };
    at(-size).set(Uint8Array.from({ length: size }, (_, i) => i + 1));
    expect(helpers.xdpAdjustHead(ctx, most - 1)).toBe(EINVAL);
    expect(helpers.xdpAdjustHead(ctx, most)).toBe(0);
    expect([...at(-size)]).toEqual(Array.from({ length: size }, (_, i) => i + 1));
    expect(ends()).toMatchObject({ meta: HEADROOM + most - size, data: HEADROOM + most });
    expect(helpers.xdpAdjustHead(ctx, 7 - most)).toBe(0);
    expect([...at(-size)]).toEqual(Array.from({ length: size }, (_, i) => i + 1));
  });
});

describe('bpf_xdp_adjust_meta', () => {
  it.each<[Release, number, number]>([
    ['6.18', 0, 0],
    ['6.18', -4, 0],
    ['6.18', -32, 0],
    ['6.18', -36, 0],
    ['6.18', -216, 0],
    ['6.18', -220, EINVAL], // into the descriptor
    ['6.18', -3, EACCES],
    ['6.18', -215, EACCES],
    ['6.18', 4, EINVAL], // behind the data
    ['4.15', -4, 0],
    ['4.15', -32, 0],
    ['4.15', -36, EACCES],
    ['4.15', -30, EACCES],
    ['4.15', -256, EACCES],
    ['4.15', -260, EINVAL],
    ['4.15', 4, EINVAL],
  ])('on %s by %i: %i', (release, delta, answer) => {
    const { helpers, ctx, ends } = createBench(release);
    expect(helpers.xdpAdjustMeta(ctx, delta)).toBe(answer);
    expect(ends().meta).toBe(answer === 0 ? HEADROOM + delta : HEADROOM);
  });

  it.each<[number, number]>([
    [-252, 0],
    [-256, EACCES],
    [-260, EINVAL],
  ])('on 6.18 with the head 40 bytes further, by %i: %i', (delta, answer) => {
    const { helpers, ctx } = createBench('6.18');
    expect(helpers.xdpAdjustHead(ctx, 40)).toBe(0);
    expect(helpers.xdpAdjustMeta(ctx, delta)).toBe(answer);
  });

  it('gives back what it took', () => {
    const { helpers, ctx, ends } = createBench('6.18');
    expect([-16, 8, 8, 4].map((delta) => helpers.xdpAdjustMeta(ctx, delta))).toEqual([0, 0, 0, EINVAL]);
    expect(ends().meta).toBe(HEADROOM);
  });
});

describe('bpf_xdp_adjust_tail', () => {
  it.each([
    [-46, 0],
    [-47, EINVAL],
    [HARD_END - HEADROOM - 60, 0],
    [HARD_END - HEADROOM - 59, EINVAL],
    [0, 0],
  ])('by %i of a frame of 60: %i', (delta, answer) => {
    const { helpers, ctx, ends } = createBench('6.18');
    expect(helpers.xdpAdjustTail(ctx, delta)).toBe(answer);
    expect(ends().end).toBe(HEADROOM + 60 + (answer === 0 ? delta : 0));
  });

  it('zeroes what it adds, and nothing else', () => {
    const { helpers, ctx, memory } = createBench('6.18');
    const data = memory.u32[ctx >> 2]!;
    memory.u8.fill(0xee, data, data + 200);
    helpers.xdpAdjustTail(ctx, 20);
    expect([...memory.u8.subarray(data + 59, data + 82)]).toEqual([0xee, ...new Array(20).fill(0), 0xee, 0xee]);
  });
});

/** The rules again, as a model of three numbers. */
function modelOf(release: Release) {
  const reserved = release === '4.15' ? 0 : 40;
  const largest = release === '4.15' ? 32 : 252;
  const s = { meta: HEADROOM, data: HEADROOM, end: HEADROOM + 60 };
  return {
    s,
    head(delta: number): number {
      if (s.data + delta < reserved + (s.data - s.meta) || s.data + delta > s.end - 14) return EINVAL;
      s.data += delta;
      s.meta += delta;
      return 0;
    },
    meta(delta: number): number {
      const size = s.data - s.meta - delta;
      if (s.meta + delta < reserved || size < 0) return EINVAL;
      if (size % 4 !== 0 || size > largest) return EACCES;
      s.meta += delta;
      return 0;
    },
    tail(delta: number): number {
      if (s.end + delta > HARD_END || s.end + delta < s.data + 14) return EINVAL;
      s.end += delta;
      return 0;
    },
  };
}

describe.each(RELEASES)('any sequence of moves on %s', (release) => {
  const moves = fc.array(
    fc.record({
      what: fc.constantFrom('head', 'meta', 'tail'),
      delta: fc.oneof(fc.integer({ min: -64, max: 64 }), fc.integer({ min: -300, max: 2000 })),
    }),
    { maxLength: 40 },
  );
  const apply = ({ helpers, ctx }: Bench, what: string, delta: number): number =>
    ({ head: helpers.xdpAdjustHead, meta: helpers.xdpAdjustMeta, tail: helpers.xdpAdjustTail })[what]!(ctx, delta);

  it('answers as the rules say; only 4.15 can leave no room for the descriptor', () => {
    fc.assert(
      fc.property(moves, (sequence) => {
        const bench = createBench(release);
        const model = modelOf(release);
        for (const { what, delta } of sequence) {
          expect(apply(bench, what, delta)).toBe(model[what as 'head'](delta));
          expect(bench.ends()).toEqual(model.s);
        }
        const room = model.s.meta >= (release === '4.15' ? 24 : 40);
        expect(bench.frames.fromBuff(bench.ctx) !== 0).toBe(room);
        if (release === '6.18') expect(room).toBe(true);
      }),
    );
  });
});

describe('the small helpers', () => {
  it('know the CPU and the time', () => {
    const { helpers } = createBench('6.18', { cpu: 3 });
    expect([helpers.getSmpProcessorId(), helpers.ktimeGetNs()]).toEqual([3, 12345]);
  });

  it.each([0, 1, -1, 0xffffffff, 2 ** 32, 7])('random numbers of seed %i repeat with it, and spread', (seed) => {
    const draw = (): number[] => {
      const { helpers } = createBench('6.18', { seed });
      return Array.from({ length: 1000 }, () => helpers.getPrandomU32());
    };
    const numbers = draw();
    expect(draw()).toEqual(numbers);
    expect(numbers.every((n) => Number.isInteger(n) && n >= 0 && n <= 0xffffffff)).toBe(true);
    expect(new Set(numbers).size).toBe(1000);
    for (let bit = 0; bit < 32; bit++) {
      const ones = numbers.filter((n) => (n >>> bit) & 1).length;
      expect(ones).toBeGreaterThan(400);
      expect(ones).toBeLessThan(600);
    }
  });
});
