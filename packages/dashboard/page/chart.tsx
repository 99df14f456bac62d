/** One plot over time, on a canvas. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { short } from './format.ts';
import { colour, colours } from './theme.ts';

export interface Line {
  readonly name: string;
  /** Name of a colour in the style sheet. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
}

export interface ChartProps {
  readonly title: string;
  readonly unit: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
}

const HEIGHT = 170;
/** The least that is drawn, and the steps of its times, in seconds. */
const SPAN = 60;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
const FONT = '12px system-ui, sans-serif';
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const timeText = (seconds: number): string => clock.format(seconds * 1000);

function build(box: HTMLElement, { lines }: ChartProps): uPlot {
  const axis: uPlot.Axis = {
    stroke: () => colour('--quiet'),
    font: FONT,
    grid: { stroke: () => colour('--grid'), width: 1 },
    ticks: { show: false },
  };
  return new uPlot(
    {
      width: Math.max(box.clientWidth, 1),
      height: HEIGHT,
      cursor: { drag: { x: false, y: false }, points: { size: 6 } },
      legend: { show: true, live: true },
      scales: {
        x: { range: (_plot, min, max) => [Math.min(min, max - SPAN), max] },
        y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.08 : 1] },
      },
      axes: [
        { ...axis, space: 80, size: 30, incrs: STEPS, values: (_plot, values) => values.map(timeText) },
        { ...axis, size: 56, values: (_plot, values) => values.map((value) => short(value)) },
      ],
      series: [
        { label: 'at', value: (_plot, value) => (value == null ? '–' : timeText(value)) },
        ...lines.map(
          (line): uPlot.Series => ({
            label: line.name,
            stroke: () => colour(line.colour),
            width: 1.75,
            points: { show: (plot) => plot.data[0].length === 1 },
            value: (_plot, value) => (value == null ? '–' : short(value)),
          }),
        ),
      ],
    },
    dataOf({ lines, times: [], title: '', unit: '' }),
    box,
  );
}

function dataOf({ times, lines }: ChartProps): uPlot.AlignedData {
  return [[...times], ...lines.map(({ values }) => [...values])];
}

export function Chart(props: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const names = props.lines.map(({ name }) => name).join();

  useEffect(() => {
    const made = build(box.current!, props);
    plot.current = made;
    const resize = new ResizeObserver(([entry]) => {
      made.setSize({ width: Math.max(Math.floor(entry!.contentRect.width), 1), height: HEIGHT });
    });
    resize.observe(box.current!);
    return () => {
      resize.disconnect();
      made.destroy();
    };
  }, [names]);
  useEffect(() => {
    const { current } = plot;
    if (current === undefined) return;
    current.setData(dataOf(props));
    // without a mouse over it the legend tells the last values
    if (current.cursor.idx == null) current.setLegend({ idx: props.times.length - 1 });
  });
  const seen = colours.value;
  useEffect(() => {
    if (seen >= 0) plot.current?.redraw();
  }, [seen]);

  const now = props.lines.map(({ name, values }) => `${name} ${short(values.at(-1) ?? null)}`).join(', ');
  return (
    <figure class="chart">
      <figcaption>
        {props.title} <span class="unit">{props.unit}</span>
      </figcaption>
      <div ref={box} role="img" aria-label={`${props.title}, ${props.unit}: now ${now}`} />
    </figure>
  );
}
