import { describe, expect, it } from 'vitest';
import { type FieldKind, layout } from '../src/layout.ts';
import { BPF_CPUMAP_VAL, DATAREC, XDP_FRAME, XDP_MD, XDP_PKT } from '../src/structs.ts';

describe("the kernel's structs (6.18 by its BTF, xdp_pkt by the text of 4.15)", () => {
  it.each([
    [
      'xdp_md',
      XDP_MD,
      24,
      { data: 0, data_end: 4, data_meta: 8, ingress_ifindex: 12, rx_queue_index: 16, egress_ifindex: 20 },
    ],
    [
      'xdp_frame',
      XDP_FRAME,
      40,
      { data: 0, len: 8, headroom: 12, metasize: 16, mem_type: 20, dev_rx: 24, frame_sz: 32, flags: 36 },
    ],
    ['xdp_pkt', XDP_PKT, 24, { data: 0, len: 8, headroom: 10, metasize: 12, dev_rx: 16 }],
    ['bpf_cpumap_val', BPF_CPUMAP_VAL, 8, { qsize: 0, bpf_prog: 4 }],
    ['datarec', DATAREC, 24, { processed: 0, dropped: 8, issue: 16 }],
  ])('%s', (_, struct, sizeof, offsets) => {
    expect(struct).toEqual({ ...offsets, sizeof });
  });
});

describe('layout', () => {
  const WIDTHS: [FieldKind, number][] = [
    ['u8', 1],
    ['u16', 2],
    ['u32', 4],
    ['i32', 4],
    ['ptr', 8],
    ['u64', 8],
    ['f64', 8],
  ];

  it.each(WIDTHS)('a lone %s takes %i bytes', (kind, width) => {
    expect(layout({ only: kind })).toEqual({ only: 0, sizeof: width });
  });

  // every struct of four fields: 2401 of them
  it('lays out by the rules of C: own alignment, no overlap, no more padding than that needs', () => {
    const fields = (n: number): [FieldKind, number][] =>
      Array.from({ length: 4 }, (_, i) => WIDTHS[Math.floor(n / 7 ** i) % 7]!);
    for (let n = 0; n < 7 ** 4; n++) {
      const wanted = fields(n);
      const struct = layout(Object.fromEntries(wanted.map(([kind], i) => [`f${i}`, kind]))) as Record<string, number>;
      let end = 0;
      for (const [i, [, width]] of wanted.entries()) {
        const offset = struct[`f${i}`]!;
        expect(offset % width).toBe(0);
        expect(offset - end).toBeGreaterThanOrEqual(0);
        expect(offset - end).toBeLessThan(width);
        end = offset + width;
      }
      const widest = Math.max(...wanted.map(([, width]) => width));
      expect(struct.sizeof! % widest).toBe(0);
      expect(struct.sizeof! - end).toBeGreaterThanOrEqual(0);
      expect(struct.sizeof! - end).toBeLessThan(widest);
    }
  });

  it('keeps the order in which fields are named', () => {
    expect(layout({ b: 'u32', a: 'u32' })).toEqual({ b: 0, a: 4, sizeof: 8 });
  });
});
