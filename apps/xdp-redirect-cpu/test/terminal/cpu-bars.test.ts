import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bar, rateBar, renderBars, shortNumber } from '../../src/terminal/cpu-bars.ts';
import { type CpuRow, SORT_ORDERS, sortRows } from '../../src/terminal/cpu-rows.ts';

const RED = '\x1b[31m';

const row = (given: Partial<CpuRow>): CpuRow => ({
  cpu: 1,
  active: true,
  rate: 0,
  drops: 0,
  waiting: 0,
  qsize: 2048,
  bulkAverage: 0,
  sched: 0,
  ...given,
});

const anyRow = fc.record<CpuRow>({
  cpu: fc.integer({ min: 0, max: 255 }),
  active: fc.boolean(),
  rate: fc.double({ min: 0, max: 2e8, noNaN: true }),
  drops: fc.double({ min: 0, max: 2e8, noNaN: true }),
  waiting: fc.option(fc.integer({ min: 0, max: 16384 }), { nil: undefined }),
  qsize: fc.integer({ min: 1, max: 16384 }),
  bulkAverage: fc.double({ min: 0, max: 8, noNaN: true }),
  sched: fc.double({ min: 0, max: 1e7, noNaN: true }),
});

describe('bar', () => {
  it.each([
    [0, '    '],
    [0.0001, '▏   '],
    [0.25, '█   '],
    [0.3125, '█▎  '],
    [0.5, '██  '],
    [1, '████'],
    [7, '████'],
  ])('%f', (share, expected) => expect(bar(share, 4)).toBe(expected));
});

describe('rateBar', () => {
  it.each([
    [4, 0, '████', ''],
    [2, 0, '██', ''],
    [2, 1, '██', '░'],
    [2, 2, '██', '░░'],
    [0, 4, '', '░░░░'],
    [4, 0.001, '███', '░'],
    [0, 0, '', ''],
  ])('%f taken and %f dropped of 4', (rate, drops, taken, dropped) => {
    expect(rateBar(row({ rate, drops }), 4, 4)).toEqual({ taken, dropped });
  });
});

describe('shortNumber', () => {
  it.each([
    [0, '0'],
    [0.4, '0'],
    [7, '7'],
    [999, '999'],
    [999.6, '1.00k'],
    [1250, '1.25k'],
    [12_500, '12.5k'],
    [125_000, '125k'],
    [999_499, '999k'],
    [999_500, '1.00M'],
    [14_880_952, '14.9M'],
    [5e9, '5.00G'],
    [-3, '0'],
  ])('%d is %s', (value, expected) => expect(shortNumber(value)).toBe(expected));
});

describe('renderBars', () => {
  it('has no line that is wider than the terminal, from 20 columns on', () => {
    fc.assert(
      fc.property(
        fc.array(anyRow, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 20, max: 200 }),
        fc.boolean(),
        fc.boolean(),
        (rows, width, separators, colour) => {
          const lines = renderBars(rows, { width, separators, colour }).map((line) => stripVTControlCharacters(line));
          expect(lines).toHaveLength(rows.length + 1);
          for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
        },
      ),
    );
  });

  it('says everything where there is room', () => {
    const rows = [
      row({ cpu: 1, rate: 1_250_000, waiting: 1024, bulkAverage: 7.98, sched: 1204 }),
      row({ cpu: 12, active: false, rate: 625_000, drops: 1234, waiting: undefined }),
    ];
    expect(renderBars(rows, { width: 100, separators: true, colour: false })).toEqual([
      'CPU state     frames/s                               waiting                 drops/s  bulk  sched/s',
      '  1 active   1,250,000 █████████████████████████   1024/2048 ██████                0  7.98    1.20k',
      ' 12 parked     625,000 ████████████▌░                      -                   1,234  0.00        0',
    ]);
  });

  it('paints drops and full rings red, and parked CPUs dim', () => {
    const [, full, parked] = renderBars([row({ drops: 5, waiting: 2048 }), row({ active: false, drops: 5 })], {
      width: 100,
      separators: true,
      colour: true,
    });
    expect(full!.split(RED)).toHaveLength(4); // the bar of drops, the full ring, the number of drops
    expect(parked).not.toContain(RED);
    expect(parked).toContain('\x1b[2m');
  });
});

describe('sortRows', () => {
  it.each(SORT_ORDERS)('by %s: all rows, in order', (order) => {
    fc.assert(
      fc.property(fc.uniqueArray(anyRow, { selector: ({ cpu }) => cpu, maxLength: 20 }), (rows) => {
        const sorted = sortRows(rows, order);
        expect(new Set(sorted)).toEqual(new Set(rows));
        const keys = sorted.map((each) => each[order] ?? 0);
        const expected = [...keys].sort((a, b) => (order === 'cpu' ? a - b : b - a));
        expect(keys).toEqual(expected);
      }),
    );
  });
});
