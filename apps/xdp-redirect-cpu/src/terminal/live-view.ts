/**
 * What a person sees while it runs: the table, bars for the remote CPUs, and a line that names the keys. It is drawn when
 * there are new numbers, when a key was pressed and when the terminal changed its size. Where the output is no terminal
 * the table alone is written, once for each interval.
 */
import type { Screen, TextOutput } from '../screen.ts';
import { heightOf, widthOf } from '../screen.ts';
import type { Snapshot } from '../snapshot.ts';
import { renderTable, type TableOptions } from '../table.ts';
import { renderBars } from './cpu-bars.ts';
import { cpuRows, type RemoteCpus, SORT_ORDERS, type SortOrder, sortRows } from './cpu-rows.ts';
import { type KeyInput, listenKeys } from './keys.ts';

export interface LiveViewParts {
  readonly screen: Screen;
  readonly output: TextOutput & {
    on?(event: 'resize', listener: () => void): unknown;
    off?(event: 'resize', listener: () => void): unknown;
  };
  readonly input: KeyInput;
  readonly table: TableOptions;
  readonly remote: RemoteCpus;
  /** The user wants to end the run. */
  readonly onQuit: () => void;
}

export interface LiveView {
  /** New numbers: those of the interval that has just ended. */
  update(before: Snapshot, now: Snapshot): void;
  /** Gives the terminal back, with the last table on it. Safe to call twice. */
  close(): void;
}

const BOLD = '\x1b[1m';
const REVERSE = '\x1b[7m';
const PLAIN = '\x1b[0m';
/** Lines said lately that the view shows. */
const NOTES = 3;
/** CPUs that have bars in any case, if there are as many and the terminal has the lines. */
const FEWEST_BARS = 4;

/** Respects https://no-color.org. */
const coloured = (): boolean => (process.env.NO_COLOR ?? '') === '';

export function createLiveView(parts: LiveViewParts): LiveView {
  const { screen, output, input, remote, onQuit } = parts;
  let table = parts.table;
  let sort: SortOrder = 'cpu';
  let paused = false;
  let shown: readonly [before: Snapshot, now: Snapshot] | undefined;
  let newest: readonly [before: Snapshot, now: Snapshot] | undefined;

  function statusLine(width: number): string {
    const keys = width < 60 ? 'p s d q' : `p ${paused ? 'go on' : 'pause'}  s sort by ${sort}  d details  q quit`;
    const text = `${paused ? ' PAUSED ' : ''} ${keys}`;
    return coloured() ? `${REVERSE}${text.slice(0, width).padEnd(width)}${PLAIN}` : text;
  }

  /** Table, bars, what was said, keys: from the least important on they give way until all fit. */
  function frame(before: Snapshot, now: Snapshot): string[] {
    const width = widthOf(output);
    const height = heightOf(output);
    const status = statusLine(width);
    const rows = renderTable(before, now, table);
    const bars = renderBars(sortRows(cpuRows(before, now, remote), sort), {
      width,
      separators: table.separators,
      colour: coloured(),
    });
    const notes = height > 12 ? screen.said().slice(-NOTES) : [];
    const room = height - 1 - notes.length;
    const forBars = Math.min(bars.length, Math.max(FEWEST_BARS + 1, room - rows.length - 1));
    const hidden = bars.length - forBars;
    const shownBars = hidden === 0 ? bars : [...bars.slice(0, forBars - 1), `and ${hidden + 1} more CPUs`];
    const forTable = Math.max(0, room - shownBars.length - 1);
    const [title = '', ...others] = rows.slice(0, forTable);
    const head = forTable === 0 ? [] : [coloured() ? `${BOLD}${title}${PLAIN}` : title, ...others, ''];
    return [...head, ...shownBars, ...notes].slice(0, height - 1).concat(status);
  }

  function draw(): void {
    if (shown !== undefined) screen.block(frame(...shown));
  }

  function onKey(key: string): void {
    switch (key.toLowerCase()) {
      case 'p':
      case ' ':
        paused = !paused;
        if (!paused) shown = newest;
        break;
      case 's':
        sort = SORT_ORDERS[(SORT_ORDERS.indexOf(sort) + 1) % SORT_ORDERS.length]!;
        break;
      case 'd':
      case '\x1c': // Ctrl-\, as in xdp-bench
        table = { ...table, extended: !table.extended };
        break;
      case 'q':
        onQuit();
        return;
      default:
        return;
    }
    draw();
  }

  if (!screen.live) {
    return {
      update: (before, now) => screen.block(renderTable(before, now, table)),
      close: () => undefined,
    };
  }
  const keys = listenKeys(input, onKey, draw);
  output.on?.('resize', draw);
  return {
    update(before, now) {
      newest = [before, now];
      if (paused) return;
      shown = newest;
      draw();
    },
    close() {
      keys.close();
      output.off?.('resize', draw);
      screen.close(newest === undefined ? [] : [...renderTable(...newest, table), '']);
    },
  };
}
