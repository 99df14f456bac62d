/**
 * A row for each remote CPU, with bars for its rate, what it drops of that, and how full its ring is. What a narrow terminal has no room for is
 * left out from the right; 20 columns still say CPU, rate and drops.
 */
import type { CpuRow } from './cpu-rows.ts';

export interface BarOptions {
  /** Columns that a row may take. */
  readonly width: number;
  readonly separators: boolean;
  readonly colour: boolean;
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;
const UNITS = ['', 'k', 'M', 'G'] as const;

const RED = '\x1b[31m';
const YELLOW = '\x1b[33m';
const GREEN = '\x1b[32m';
const DIM = '\x1b[2m';
const PLAIN = '\x1b[0m';

/** `share` of a bar of `columns` columns, in eighths of one; whatever is not nothing is seen. */
export function bar(share: number, columns: number): string {
  const full = Math.max(0, Math.min(share, 1)) * columns;
  const eighths = share > 0 ? Math.max(1, Math.round(full * 8)) : 0;
  return ('█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7]!).padEnd(columns);
}

/** A bar of what was taken, full, with what was dropped behind it, shaded; both of `most`. Something dropped is always seen. */
export function rateBar({ rate, drops }: CpuRow, most: number, columns: number): { taken: string; dropped: string } {
  const shaded = drops > 0 ? Math.max(1, Math.round((drops / most) * columns)) : 0;
  const taken = bar(rate / most, columns)
    .slice(0, columns - shaded)
    .trimEnd();
  return { taken, dropped: '░'.repeat(shaded) };
}

/** Three digits and a unit, as in 1.25M. */
export function shortNumber(value: number): string {
  let scaled = Math.max(value, 0);
  let unit = 0;
  while (scaled >= 999.5 && unit < UNITS.length - 1) {
    scaled /= 1000;
    unit++;
  }
  const digits = unit === 0 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)}${UNITS[unit]}`;
}

interface Column {
  readonly title: string;
  /** Columns of the terminal; negative when it stands on the left. */
  readonly width: number;
  readonly text: (row: CpuRow) => string;
  readonly colour?: (row: CpuRow) => string | undefined;
  /** Of a text in two colours: how much of it is in the first; the rest is red. */
  readonly split?: (row: CpuRow) => number;
}

const pad = (text: string, width: number): string => (width < 0 ? text.padEnd(-width) : text.padStart(width));

/** A ring that is nearly full, and one that is half full. */
const HIGH = 0.9;
const MEDIUM = 0.5;

function fullness({ waiting, qsize }: CpuRow): number {
  return waiting === undefined ? 0 : waiting / qsize;
}

function columnsFor(rows: readonly CpuRow[], { width, separators }: BarOptions): Column[] {
  const format = new Intl.NumberFormat('en-US', { useGrouping: separators, maximumFractionDigits: 0 });
  const number = (value: number): string => format.format(Math.trunc(value));
  const most = Math.max(...rows.map(({ rate, drops }) => rate + drops), 1);
  const ofDrops = ({ drops }: CpuRow): string | undefined => (drops > 0 ? RED : undefined);
  const ofRing = (row: CpuRow): string | undefined =>
    fullness(row) >= HIGH ? RED : fullness(row) >= MEDIUM ? YELLOW : GREEN;
  const narrow: Column[] = [
    { title: 'CPU', width: 3, text: ({ cpu }) => String(cpu) },
    { title: 'frames', width: 6, text: ({ rate }) => shortNumber(rate) },
    { title: 'drops', width: 6, text: ({ drops }) => shortNumber(drops), colour: ofDrops },
  ];
  if (width < 45) return narrow;
  const waiting = ({ waiting: frames, qsize }: CpuRow): string => (frames === undefined ? '-' : `${frames}/${qsize}`);
  const bars = (rate: number, ring: number): Column[] => [
    {
      title: '',
      width: -rate,
      text: (row) => Object.values(rateBar(row, most, rate)).join(''),
      colour: () => GREEN,
      split: (row) => rateBar(row, most, rate).taken.length,
    },
    { title: 'waiting', width: 11, text: waiting },
    ...(ring === 0
      ? []
      : [{ title: '', width: -ring, text: (row: CpuRow) => bar(fullness(row), ring), colour: ofRing }]),
  ];
  const state: Column = { title: 'state', width: -6, text: ({ active }) => (active ? 'active' : 'parked') };
  const drops: Column = { title: 'drops/s', width: 10, text: (row) => number(row.drops), colour: ofDrops };
  const rate: Column = { title: 'frames/s', width: 11, text: (row) => number(row.rate) };
  const head = [narrow[0]!, state];
  const tail: Column[] = [
    { title: 'bulk', width: 5, text: ({ bulkAverage }) => bulkAverage.toFixed(2) },
    { title: 'sched/s', width: 8, text: ({ sched }) => shortNumber(sched) },
  ];
  if (width < 62) return [...head, narrow[1]!, ...bars(Math.max(width - 40, 4), 0), narrow[2]!];
  if (width < 92) return [...head, rate, ...bars(width - 58, 6), drops];
  const left = width - 3 - 6 - 11 - 11 - 10 - 5 - 8 - 8; // widths of the other columns, and a space before each but one
  const ring = Math.min(Math.floor(left / 3), 20);
  return [...head, rate, ...bars(Math.min(left - ring - 1, 40), ring), drops, ...tail];
}

/** A heading and a row for each CPU, none wider than `width`. */
export function renderBars(rows: readonly CpuRow[], options: BarOptions): string[] {
  const columns = columnsFor(rows, options);
  const heading = columns.map(({ title, width }) => pad(title, width)).join(' ');
  const paint = (text: string, colour: string | undefined): string =>
    options.colour && colour !== undefined && text.trim() !== '' ? `${colour}${text}${PLAIN}` : text;
  return [
    heading.trimEnd(),
    ...rows.map((row) => {
      const cells = columns.map(({ width, text, colour, split }) => {
        const cell = pad(text(row), width);
        if (!row.active) return paint(cell, DIM);
        if (split === undefined) return paint(cell, colour?.(row));
        return paint(cell.slice(0, split(row)), colour?.(row)) + paint(cell.slice(split(row)), RED);
      });
      return cells.join(' ').trimEnd();
    }),
  ];
}
