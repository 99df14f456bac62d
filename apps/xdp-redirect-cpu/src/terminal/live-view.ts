/**
 * What a person sees while it runs: the table, bars for the remote CPUs, and a line that names the keys. It is drawn when
 * there are new numbers, when a key was pressed and when the terminal changed its size. Where the output is no terminal
 * the table alone is written, once for each interval.
 */
import { createScreen, heightOf, type TextOutput, widthOf } from '../screen.ts';
import type { Snapshot } from '../snapshot.ts';
import { renderTable, type TableOptions } from '../table.ts';
import { renderBars } from './cpu-bars.ts';
import { cpuRows, type RemoteCpus, SORT_ORDERS, type SortOrder, sortRows } from './cpu-rows.ts';
import { type KeyInput, listenKeys } from './keys.ts';

export interface LiveViewParts {
  readonly output: TextOutput & {
    on?(event: 'resize', listener: () => void): unknown;
    off?(event: 'resize', listener: () => void): unknown;
  };
  /** Without it no key is heard. */
  readonly input?: KeyInput | undefined;
  /** Whether a terminal is drawn on; anything else gets one table after the other. */
  readonly live: boolean;
  /** Asked at each table: the program may change. */
  readonly table: () => TableOptions;
  readonly remote: RemoteCpus;
}

export interface LiveView {
  /** Whether it has the terminal at the moment. */
  readonly drawing: boolean;
  /** New numbers: those of the interval that has just ended. */
  update(before: Snapshot, now: Snapshot): void;
  /** Lines that stay; on a live terminal they are seen below the bars, and stay when it is closed. */
  say(lines: readonly string[]): void;
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
  const { output, input, live, remote } = parts;
  const screen = createScreen(output, live);
  let detailed: boolean | undefined; // undefined: as the options say
  let sort: SortOrder = 'cpu';
  let paused = false;
  let shown: readonly [before: Snapshot, now: Snapshot] | undefined;
  let newest: readonly [before: Snapshot, now: Snapshot] | undefined;

  function table(): TableOptions {
    const options = parts.table();
    return { ...options, extended: detailed ?? options.extended };
  }

  function statusLine(width: number): string {
    if (keys === undefined) return '';
    const names = width < 60 ? 'p s d q' : `p ${paused ? 'go on' : 'pause'}  s sort by ${sort}  d details  q quit`;
    const text = `${paused ? ' PAUSED ' : ''} ${names}`;
    return coloured() ? `${REVERSE}${text.slice(0, width).padEnd(width)}${PLAIN}` : text;
  }

  /** Table, bars, what was said, keys: from the least important on they give way until all fit. */
  function frame(before: Snapshot, now: Snapshot): string[] {
    const width = widthOf(output);
    const height = heightOf(output);
    const status = statusLine(width);
    const options = table();
    const rows = renderTable(before, now, options);
    const bars = renderBars(sortRows(cpuRows(before, now, remote), sort), {
      width,
      separators: options.separators,
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
        detailed = !table().extended;
        break;
      case 'q':
        process.kill(process.pid, 'SIGINT');
        return;
      default:
        return;
    }
    draw();
  }

  const keys =
    live && input !== undefined ? listenKeys(input, { onKey, onStop: screen.leave, onReturn: draw }) : undefined;
  if (live) output.on?.('resize', draw);
  return {
    get drawing() {
      return screen.drawing;
    },
    update(before, now) {
      newest = [before, now];
      if (!live) screen.block(renderTable(before, now, table()));
      else if (!paused) {
        shown = newest;
        draw();
      }
    },
    say: (lines) => screen.say(lines),
    close() {
      keys?.close();
      output.off?.('resize', draw);
      screen.close(newest === undefined ? [] : [...renderTable(...newest, table()), '']);
    },
  };
}
