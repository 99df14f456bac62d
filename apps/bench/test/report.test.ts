import { describe, expect, it } from 'vitest';
import { verdictOf } from '../src/compare.ts';
import { type Report, withSpeedSection } from '../src/report/readme.ts';
import { svgOf } from '../src/report/svg.ts';
import type { Plot } from '../src/suite.ts';

const spread = (median: number) => ({ min: median - 1, median, max: median + 1 });
const PLOT: Plot = {
  name: 'program',
  title: 'One <run> & more',
  kind: 'bars',
  xName: 'program',
  unit: 'ns',
  series: [
    { name: 'engine', points: [{ x: 'no-touch', ...spread(7) }] },
    { name: 'kernel', points: [{ x: 'no-touch', ...spread(9) }] },
  ],
};
const REPORT: Report = {
  machine: { cpu: 'A processor', cpus: 2, memoryGiB: 4, system: 'linux 6.18', node: 'v20.19.0' },
  smoke: false,
  results: [
    {
      suite: 'program',
      what: '',
      figures: [
        { name: 'no-touch', unit: 'ns', ...spread(7) },
        { name: '  the kernel', unit: 'ns', ...spread(9) },
        { name: '  ratio', unit: 'engine / kernel', ...spread(2) },
        { name: 'l4-hash', unit: 'ns', ...spread(12) },
        { name: 'compile 1000', unit: 'ms', ...spread(15) },
      ],
      plots: [PLOT],
    },
  ],
};
const BEGIN = '<!-- bench:begin: written by `npm run bench -- readme`, not by hand -->';
const END = '<!-- bench:end -->';
const FILE = { readme: 'README.md', plots: 'docs/bench/plots' };

describe('the speed section', () => {
  it('stands between its marks, and is the same when it is written again', () => {
    const once = withSpeedSection(`# Head\n\n${BEGIN}\nold\n${END}\n\ntail\n`, REPORT, FILE);
    expect(once.startsWith(`# Head\n\n${BEGIN}\n\nOn A processor, 2 CPUs, 4 GiB, linux 6.18, Node v20.19.0.`)).toBe(
      true,
    );
    expect(once).toContain(
      '| one run of no-touch | ns | 7.00 (6.00 - 8.00) | 9.00 (8.00 - 10.00) | 2.00 (1.00 - 3.00) |',
    );
    expect(once).toContain('| one run of l4-hash | ns | 12.00 (11.00 - 13.00) |  |  |');
    expect(once).toContain('![One <run> & more](docs/bench/plots/program.svg)');
    expect(once).not.toContain('old');
    expect(once.endsWith(`${END}\n\ntail\n`)).toBe(true);
    expect(withSpeedSection(once, REPORT, FILE)).toBe(once);
  });

  it('needs marks, and figures that mean something', () => {
    expect(() => withSpeedSection('# Head', REPORT, FILE)).toThrow('README.md has no place for the table');
    expect(() => withSpeedSection(`${BEGIN}${END}`, { ...REPORT, smoke: true }, FILE)).toThrow('--smoke');
  });
});

describe('a plot', () => {
  it.each(['bars', 'lines'] as const)(
    'of %s is an SVG file with title, axis, legend and one mark per point',
    (kind) => {
      const x = kind === 'bars' ? ['a', 'b', 'c'] : [1, 16, 256];
      const series = PLOT.series.map(({ name }, i) => ({
        name,
        points: x.map((at, j) => ({ x: at, ...spread(5 + i + j) })),
      }));
      const svg = svgOf({ ...PLOT, kind, series });
      expect(svg).toMatch(/^<svg [\s\S]*<\/svg>$/);
      for (const text of ['One &lt;run&gt; &amp; more', 'engine', 'kernel', 'program', ...x.map(String)]) {
        expect(svg).toContain(`>${text}</text>`);
      }
      expect(svg).not.toMatch(/NaN|undefined/);
    },
  );
});

describe('a verdict', () => {
  it.each([
    [{ min: 1, median: 2, max: 3 }, { min: 4, median: 5, max: 6 }, 'B is larger'],
    [{ min: 4, median: 5, max: 6 }, { min: 1, median: 2, max: 3 }, 'B is smaller'],
    [{ min: 1, median: 2, max: 4 }, { min: 3, median: 5, max: 6 }, 'no difference that these rounds can show'],
    [{ min: 1, median: 2, max: 3 }, { min: 3, median: 5, max: 6 }, 'no difference that these rounds can show'],
  ])('%j and %j', (a, b, text) => expect(verdictOf(a, b)).toBe(text));
});
