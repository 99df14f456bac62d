/** Plots as plain text: columns of characters over time, one value each. */

export interface PlotOptions {
  readonly title: string;
  /** One for each column, drawn with #. */
  readonly values: readonly number[];
  /** What comes on top of them, drawn with a sign of its own. */
  readonly more?: { readonly values: readonly number[]; readonly sign: string };
  /** Lines that it takes. */
  readonly height: number;
  /** What the top stands for. */
  readonly top: number;
  readonly label: (value: number) => string;
}

const LABEL_WIDTH = 8;
export const PLOT_MARGIN = LABEL_WIDTH + 2;

/** A column is filled up to its value; what is above 0 shows at least as a dot, what is on top of it at least as one sign. */
export function plotLines({ title, values, more, height, top, label }: PlotOptions): string[] {
  const linesOf = (value: number): number => (top > 0 ? Math.round((value / top) * height) : 0);
  const rows = Array.from({ length: height }, (_, row) => {
    const level = height - row; // of this line, from the bottom
    const cells = values.map((value, column) => {
      const above = more?.values[column] ?? 0;
      const all = linesOf(value + above);
      const filled = above > 0 ? Math.min(linesOf(value), Math.max(all, 1) - 1) : all;
      if (filled >= level) return '#';
      if (above > 0 && Math.max(all, 1) >= level) return more!.sign;
      return level === 1 && value > 0 ? '.' : ' ';
    });
    const name = row === 0 ? label(top) : row === height - 1 ? label(top / height) : '';
    return `${name.padStart(LABEL_WIDTH)} |${cells.join('')}`.trimEnd();
  });
  return [title, ...rows, `${' '.repeat(LABEL_WIDTH)} +${'-'.repeat(values.length)}`];
}
