/** Plots as plain text: columns of characters over time, one value each. */

export interface PlotOptions {
  readonly title: string;
  /** One for each column. */
  readonly values: readonly number[];
  /** Lines that it takes. */
  readonly height: number;
  /** What the top stands for. */
  readonly top: number;
  readonly label: (value: number) => string;
}

const LABEL_WIDTH = 8;
export const PLOT_MARGIN = LABEL_WIDTH + 2;

/** A column is filled up to its value; what is above 0 shows at least as a dot. */
export function plotLines({ title, values, height, top, label }: PlotOptions): string[] {
  const rows = Array.from({ length: height }, (_, row) => {
    const level = height - row; // of this line, from the bottom
    const cells = values.map((value) => {
      const filled = top > 0 ? Math.round((value / top) * height) : 0;
      if (filled >= level) return '#';
      return level === 1 && value > 0 ? '.' : ' ';
    });
    const name = row === 0 ? label(top) : row === height - 1 ? label(top / height) : '';
    return `${name.padStart(LABEL_WIDTH)} |${cells.join('')}`.trimEnd();
  });
  return [title, ...rows, `${' '.repeat(LABEL_WIDTH)} +${'-'.repeat(values.length)}`];
}
