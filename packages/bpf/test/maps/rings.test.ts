/** RINGBUF and PERF_EVENT_ARRAY: what programs put in, user space takes out. Positions and errnos of Linux 6.18.44. */
import { BPF_F_CURRENT_CPU, BPF_MAP_TYPE } from '@cpumap/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openPerfBuffer, openRingBuffer } from '../../src/index.ts';
import { answerOf, createMaps, nameOf, u32s } from '../support/maps.ts';

function ring(maxEntries = 4096) {
  const maps = createMaps(2);
  const map = maps.create({ type: BPF_MAP_TYPE.RINGBUF, keySize: 0, valueSize: 0, maxEntries });
  const ops = maps.ops(0);
  return {
    maps,
    map,
    ops,
    positions: () => [2, 3].map((what) => ops.ringbufQuery(map.pointer, what)),
    reserve: (size: number, flags = 0) => ops.ringbufReserve(map.pointer, size, flags),
    output: (at: number, size: number, flags = 0) => nameOf(ops.ringbufOutput(map.pointer, at, size, flags)),
  };
}

describe('RINGBUF', () => {
  it('output, flags and query', () => {
    const { maps, map, ops, output } = ring();
    const at = maps.place(u32s(7, 8));
    const query = () => [0, 1, 2, 3, 4, 5].map((what) => ops.ringbufQuery(map.pointer, what));
    expect(output(at, 8)).toBe('ok');
    expect(query()).toEqual([16, 4096, 0, 16, 0, 0]);
    expect([1, 2, 3, 4, 8].map((flags) => output(at, 8, flags)).join(' ')).toBe('ok ok ok EINVAL EINVAL');
    expect(query().slice(0, 4)).toEqual([64, 4096, 0, 64]);
  });

  it.each([
    [4096, 0, 0],
    [4089, 0, 0],
    [4088, 0, 0],
    [4081, 0, 0],
    [4080, 4088, 4088],
    [100, 112, 112],
    [0, 8, 8],
    [-1, 0, 0],
    [2 ** 30, 0, 0],
  ])('a record of %i bytes in 4096 moves the producer to %i', (size, avail, position) => {
    const { map, ops, positions, reserve } = ring();
    const record = reserve(size);
    expect(record !== 0).toBe(position > 0);
    expect([ops.ringbufQuery(map.pointer, 0), positions()]).toEqual([avail, [0, position]]);
  });

  it('seven records of 512 bytes fit in 4096; flags of reserve are not known', () => {
    const { maps, output, reserve, positions } = ring();
    const at = maps.place(new Uint8Array(504));
    expect(
      new Array(9)
        .fill(0)
        .map(() => output(at, 504))
        .join(' '),
    ).toBe('ok ok ok ok ok ok ok EAGAIN EAGAIN');
    expect([positions(), reserve(8, 1)]).toEqual([[0, 3584], 0]);
  });

  it('is read in the order of reservation, up to the first that is still written', () => {
    const { maps, map, ops, reserve } = ring();
    const reader = openRingBuffer(map);
    const [a, b, c] = [reserve(4), reserve(4), reserve(4)];
    for (const [i, at] of [a, b, c].entries()) maps.memory.u32[at >> 2] = i;
    const seen: number[] = [];
    const consume = () => reader.consume((record) => seen.push(record[0]!));
    expect([reader.poll(), consume()]).toEqual([true, 0]);
    ops.ringbufSubmit(c, 0);
    ops.ringbufSubmit(a, 0);
    expect([consume(), seen]).toEqual([1, [0]]);
    ops.ringbufDiscard(b, 0);
    expect([consume(), seen, reader.poll()]).toEqual([1, [0, 2], false]);
  });

  it('any reservations, commits and reads: each record once, whole, in order; room as the kernel counts it', () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ op: fc.constant('reserve' as const), n: fc.integer({ min: 0, max: 1500 }) }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ op: fc.constantFrom('submit' as const, 'discard' as const), n: fc.nat(20) }),
      },
      { weight: 2, arbitrary: fc.record({ op: fc.constant('consume' as const), n: fc.constant(0) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { maps, map, ops, reserve } = ring();
        const reader = openRingBuffer(map);
        // what is in the ring, oldest first
        const model: { at: number; size: number; mark: number; state: 'busy' | 'submit' | 'discard' }[] = [];
        const taken = (from = 0) => model.slice(from).reduce((sum, r) => sum + Math.ceil((r.size + 8) / 8) * 8, 0);
        let mark = 0;
        for (const { op, n } of steps) {
          if (op === 'reserve') {
            const at = reserve(n);
            expect(at !== 0).toBe(taken() + Math.ceil((n + 8) / 8) * 8 < 4096);
            if (at === 0) continue;
            mark = (mark + 1) % 251;
            expect(at % 8).toBe(0);
            maps.memory.u8.fill(mark, at, at + n);
            model.push({ at, size: n, mark, state: 'busy' });
          } else if (op === 'consume') {
            const ready = model.findIndex((r) => r.state === 'busy');
            const gone = model.splice(0, ready < 0 ? model.length : ready);
            const wanted = gone.filter((r) => r.state === 'submit').map((r) => new Uint8Array(r.size).fill(r.mark));
            const seen: Uint8Array[] = [];
            expect(reader.consume((record) => seen.push(record))).toBe(wanted.length);
            expect(seen).toEqual(wanted);
          } else {
            const busy = model.filter((r) => r.state === 'busy');
            const record = busy[n % Math.max(1, busy.length)];
            if (record === undefined) continue;
            record.state = op;
            if (op === 'submit') ops.ringbufSubmit(record.at, 0);
            else ops.ringbufDiscard(record.at, 0);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('positions go on beyond 2^32', () => {
    const { maps, map, ops, output } = ring();
    const reader = openRingBuffer(map);
    const state = maps.memory.u32[(map.pointer + 36) >> 2]!;
    for (const word of [4, 8, 64]) maps.memory.u32[(state + word) >> 2] = 2 ** 32 - 64; // producer, pending, consumer
    const at = maps.place(u32s(1, 2, 3));
    for (let i = 0; i < 1000; i++) {
      expect([output(at, 12), reader.consume((record) => expect(record).toEqual(u32s(1, 2, 3)))]).toEqual(['ok', 1]);
    }
    expect(ops.ringbufQuery(map.pointer, 3)).toBe(1000 * 24 - 64);
  });

  it('only ring buffers are opened, and only open ones', () => {
    const { maps, map } = ring();
    expect(answerOf(() => openRingBuffer(maps.create()))).toBe('EINVAL');
    map.close();
    expect(answerOf(() => openRingBuffer(map))).toBe('EBADF');
  });
});

describe('PERF_EVENT_ARRAY', () => {
  function perf(maxEntries = 4) {
    const maps = createMaps(3);
    const map = maps.create({ type: BPF_MAP_TYPE.PERF_EVENT_ARRAY, valueSize: 4, maxEntries });
    const ops = [0, 1, 2].map((cpu) => maps.ops(cpu));
    const data = maps.place(u32s(1, 2, 3, 4), 1);
    const output = (cpu: number, flags: number, size = 8) =>
      nameOf(ops[cpu]!.perfEventOutput(map.pointer, flags, data, size));
    return { maps, map, output };
  }

  it('outputs to an index or to this CPU', () => {
    const { map, output } = perf();
    expect([output(1, 4), output(1, 1), output(1, BPF_F_CURRENT_CPU), output(1, -1)]).toEqual([
      'E2BIG',
      'ENOENT',
      'ENOENT',
      'ENOENT',
    ]);
    const buffer = openPerfBuffer(map, { cpu: 1, pages: 1 });
    expect([output(1, 1), output(1, BPF_F_CURRENT_CPU), output(0, 1), output(0, -1)]).toEqual([
      'ok',
      'ok',
      'EOPNOTSUPP',
      'ENOENT',
    ]);
    const seen: Uint8Array[] = [];
    expect(buffer.consume((sample) => seen.push(sample))).toBe(2);
    // the kernel pads raw data so that the record ends on 8 bytes: 8 bytes of data are read as 12
    expect(seen).toEqual([u32s(1, 2, 0), u32s(1, 2, 0)]);
    buffer.close();
    expect(output(1, 1)).toBe('ENOENT');
  });

  it.each([0, 3, 4, 8])('a tail of the packet follows %i bytes of data at once', (size) => {
    const { maps, map } = perf();
    const buffer = openPerfBuffer(map, { cpu: 0, pages: 1 });
    const data = maps.place(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 1);
    const tail = maps.place(Uint8Array.of(11, 12, 13, 14, 15, 16, 17), 3);
    const copy = (ctx: number, to: number, bytes: number): void => {
      maps.memory.u8.copyWithin(to, ctx, ctx + bytes);
    };
    expect(maps.ops(0).perfEventOutput(map.pointer, 0, data, size, tail, 7, copy)).toBe(0);
    const wanted = [1, 2, 3, 4, 5, 6, 7, 8].slice(0, size).concat([11, 12, 13, 14, 15, 16, 17]);
    buffer.consume((sample) => expect([...sample.subarray(0, size + 7)]).toEqual(wanted));
  });

  it('a CPU beyond the map: E2BIG', () => {
    const { output } = perf(1);
    expect(output(2, -1)).toBe('E2BIG');
  });

  it('full: ENOSPC, and what was lost is told before the next sample', () => {
    const { map, output } = perf();
    const buffer = openPerfBuffer(map, { cpu: 0, pages: 1 });
    const results: string[] = [];
    for (let i = 0; i < 200; i++) results.push(output(0, 0));
    const ok = results.filter((r) => r === 'ok').length;
    expect([ok, new Set(results.slice(ok))]).toEqual([170, new Set(['ENOSPC'])]); // 24 bytes each, one byte stays free
    const events: string[] = [];
    const consume = () =>
      buffer.consume(
        () => events.push('sample'),
        (n) => events.push(`lost ${n}`),
      );
    expect(consume()).toBe(170);
    expect([output(0, 0), output(0, 0), events.length]).toEqual(['ok', 'ok', 170]);
    expect(consume()).toBe(2);
    expect(events.slice(170)).toEqual(['lost 30', 'sample', 'sample']);
  });

  it('any outputs and reads of any size: all samples, in order, padded with zeros', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(600), fc.constant(-1)), { maxLength: 100 }), (steps) => {
        const maps = createMaps(1);
        const map = maps.create({ type: BPF_MAP_TYPE.PERF_EVENT_ARRAY, valueSize: 4 });
        const ops = maps.ops(0);
        const buffer = openPerfBuffer(map, { cpu: 0, pages: 1 });
        const model: (Uint8Array | number)[] = [];
        let lost = 0;
        let mark = 0;
        const read = () => {
          const seen: (Uint8Array | number)[] = [];
          buffer.consume(
            (sample) => seen.push(sample),
            (n) => seen.push(n),
          );
          expect(seen).toEqual(model.splice(0));
        };
        for (const size of steps) {
          if (size < 0) {
            read();
            continue;
          }
          mark = (mark % 255) + 1;
          const data = new Uint8Array(size).fill(mark);
          if (ops.perfEventOutput(map.pointer, 0, maps.place(data, mark % 4), size) !== 0) {
            lost++;
            continue;
          }
          if (lost > 0) model.push(lost);
          lost = 0;
          const padded = new Uint8Array(Math.ceil((size + 4) / 8) * 8 - 4);
          padded.set(data);
          model.push(padded);
        }
        read();
      }),
    );
  });

  it('opening: errnos, and the memory comes back', () => {
    const { maps, map } = perf(2);
    expect([0, 3, -1].map((pages) => answerOf(() => openPerfBuffer(map, { cpu: 0, pages })))).toEqual(
      new Array(3).fill('EINVAL'),
    );
    expect(answerOf(() => openPerfBuffer(map, { cpu: 3, pages: 1 }))).toBe('ENODEV');
    expect(answerOf(() => openPerfBuffer(map, { cpu: 2, pages: 1 }))).toBe('E2BIG');
    expect(answerOf(() => openPerfBuffer(maps.create(), { cpu: 0, pages: 1 }))).toBe('EINVAL');
    const used = maps.allocator.used;
    const buffer = openPerfBuffer(map, { cpu: 0, pages: 2 });
    buffer.close();
    buffer.close();
    expect([maps.allocator.used, maps.graces]).toEqual([used, 1]);
    expect(answerOf(() => buffer.consume(() => {}))).toBe('EBADF');
    map.close();
    expect(answerOf(() => openPerfBuffer(map, { cpu: 0, pages: 1 }))).toBe('EBADF');
  });
});
