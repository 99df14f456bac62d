/**
 * Where the table goes. On a terminal each block is drawn over the one before, cut to the terminal's size as it is at
 * that moment; elsewhere blocks follow each other, with an empty line between.
 */
export interface Screen {
  /** Shows a block in place of the last one. */
  block(lines: readonly string[]): void;
  /** Writes lines that stay. */
  say(lines: readonly string[]): void;
}

export interface TextOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** Where a run writes. */
export interface RunOutputs {
  readonly out: TextOutput;
  readonly err: TextOutput;
}

const CLEAR_LINE_END = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';
const BOLD = '\x1b[1m';
const PLAIN = '\x1b[0m';

export function createScreen(output: TextOutput, inPlace = output.isTTY === true): Screen {
  let drawn = 0; // lines of the last block, which the cursor stands below

  function redraw(lines: readonly string[]): void {
    const width = Math.max((output.columns ?? 80) - 1, 1);
    const height = Math.max((output.rows ?? 24) - 1, 1);
    const shown = lines.slice(0, height).map((line) => line.slice(0, width));
    const up = Math.min(drawn, height);
    const text = shown
      .map((line, index) => `${index === 0 ? BOLD : ''}${line}${index === 0 ? PLAIN : ''}${CLEAR_LINE_END}\n`)
      .join('');
    output.write(`${up > 0 ? `\x1b[${up}A` : ''}\r${text}${CLEAR_BELOW}`);
    drawn = shown.length;
  }

  return {
    block(lines) {
      if (inPlace) redraw(lines);
      else output.write(`${lines.join('\n')}\n\n`);
    },
    say(lines) {
      if (lines.length === 0) return;
      output.write(`${lines.join('\n')}\n`);
      drawn = 0;
    },
  };
}
