/**
 * Where the table goes. On a terminal it takes the whole screen, an alternate one, until it is closed; then the last block
 * and what was said meanwhile stand where the command was started. Elsewhere blocks follow each other, with an empty
 * line between.
 */
import { stripVTControlCharacters } from 'node:util';
import type { KeyInput } from './terminal/keys.ts';

export interface Screen {
  /** Whether a block is on the terminal. */
  readonly drawing: boolean;
  /** Shows a block in place of the last one; on a terminal cut to its size as it is at that moment. */
  block(lines: readonly string[]): void;
  /** Writes lines that stay; while a block is on the terminal, when that is closed. */
  say(lines: readonly string[]): void;
  /** The last lines that were said while a block was shown. */
  said(): readonly string[];
  /** Gives the terminal back until the next block. */
  leave(): void;
  /** Ends the live screen. `last` stays in its place; from here on lines are written as they come. Safe to call twice. */
  close(last?: readonly string[]): void;
}

export interface TextOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** Where a run writes, and where keys come from. */
export interface RunOutputs {
  readonly out: TextOutput;
  readonly err: TextOutput;
  readonly keys?: KeyInput;
}

const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_LINE_END = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';
/** Lines kept for the end of a live screen. */
const SAID_MOST = 200;

export const widthOf = (output: TextOutput): number => Math.max(output.columns ?? 80, 1);
export const heightOf = (output: TextOutput): number => Math.max(output.rows ?? 24, 1);

/** The line if it fits, else as much of its text as does, without its colours. */
function cut(line: string, width: number): string {
  const text = stripVTControlCharacters(line);
  return text.length <= width ? line : text.slice(0, width);
}

export function createScreen(output: TextOutput, live: boolean): Screen {
  let drawing = false;
  let drawn = false;
  let closed = false;
  let said: string[] = [];
  const leave = (): void => {
    if (!drawing) return;
    process.off('exit', leave);
    output.write(LEAVE);
    drawing = false;
  };

  function draw(lines: readonly string[]): void {
    if (!drawing) {
      output.write(ENTER);
      process.once('exit', leave); // whatever ends the process, the terminal is given back
      drawing = true;
      drawn = true;
    }
    const width = widthOf(output);
    const shown = lines.slice(0, heightOf(output)).map((line) => `${cut(line, width)}${CLEAR_LINE_END}`);
    output.write(`${HOME}${shown.join('\r\n')}${CLEAR_BELOW}`);
  }

  return {
    get drawing() {
      return drawing;
    },
    block(lines) {
      if (live && !closed) draw(lines);
      else output.write(`${lines.join('\n')}\n\n`);
    },
    say(lines) {
      if (lines.length === 0) return;
      if (drawing) said = [...said, ...lines].slice(-SAID_MOST);
      else output.write(`${lines.join('\n')}\n`);
    },
    said: () => said,
    leave,
    close(last = []) {
      if (closed) return;
      closed = true;
      if (!drawing && !drawn) return;
      leave();
      const lines = [...said, ...last];
      if (lines.length > 0) output.write(`${lines.join('\n')}\n`);
    },
  };
}
