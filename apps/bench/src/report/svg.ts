/** Plots as SVG files, drawn by ECharts without a browser: median as bar or point, smallest to largest as a whisker. */
import { BarChart, CustomChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { Plot, PlotSeries } from '../suite.ts';

echarts.use([BarChart, CustomChart, LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

const SIZE = { width: 760, height: 380 };
/** Readable on light and on dark pages; told apart without colours by their order in the legend. */
const COLOURS = ['#2f7ed8', '#d9822b', '#4f9d5d', '#8e5bb5'];
const INK = '#5f6b7a';

type Coordinates = (value: readonly [number | string, number]) => number[];

/** A vertical line from smallest to largest, at the place of the series' bar or point. */
function whiskers({ points }: PlotSeries, index: number, of: number, kind: Plot['kind']) {
  const data = points.map(({ x, min, max }) => [kind === 'bars' ? String(x) : x, min, max]);
  return {
    type: 'custom' as const,
    silent: true,
    z: 3,
    data,
    renderItem(
      _: unknown,
      api: { value(dimension: number): number | string; coord: Coordinates; size(size: number[]): number[] },
    ) {
      const x = api.value(0);
      const [left, low] = api.coord([x, api.value(1) as number]);
      const [, high] = api.coord([x, api.value(2) as number]);
      const width = kind === 'bars' ? (api.size([1, 0])[0]! * 0.7) / of : 0;
      const at = left! + (index - (of - 1) / 2) * width;
      const line = (x1: number, y1: number, x2: number, y2: number) => ({
        type: 'line' as const,
        shape: { x1, y1, x2, y2 },
        style: { stroke: INK, lineWidth: 1.2 },
      });
      return {
        type: 'group' as const,
        children: [line(at, low!, at, high!), line(at - 4, low!, at + 4, low!), line(at - 4, high!, at + 4, high!)],
      };
    },
  };
}

/** A round number that no whisker goes beyond. */
function axisEnd(series: readonly PlotSeries[]): number {
  const top = Math.max(...series.flatMap(({ points }) => points.map(({ max }) => max)));
  const step = 10 ** Math.floor(Math.log10(top)) / 2;
  return Math.ceil(top / step) * step;
}

/** The picture as text of an SVG file. */
export function svgOf({ title, kind, xName, unit, series }: Plot): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, ...SIZE });
  const lines = kind === 'lines';
  const text = { color: INK, fontFamily: 'sans-serif', fontSize: 12 };
  chart.setOption({
    animation: false,
    color: COLOURS,
    textStyle: text,
    title: { text: title, left: 'center', textStyle: { ...text, fontSize: 15, fontWeight: 'normal' } },
    legend: { bottom: 0, data: series.map(({ name }) => name), textStyle: text },
    grid: { left: 70, right: 30, top: 56, bottom: 78 },
    xAxis: {
      type: lines ? 'log' : 'category',
      name: xName,
      nameLocation: 'middle',
      nameGap: 28,
      axisLabel: { ...text, interval: 0, hideOverlap: true },
      ...(lines && { logBase: 2, min: Math.min(...series.flatMap(({ points }) => points.map(({ x }) => Number(x)))) }),
    },
    yAxis: {
      type: 'value',
      name: unit,
      min: 0,
      max: axisEnd(series),
      axisLabel: text,
      splitLine: { lineStyle: { color: INK, opacity: 0.25 } },
    },
    series: [
      ...series.map(({ name, points }) => ({
        name,
        type: lines ? ('line' as const) : ('bar' as const),
        data: points.map(({ x, median }) => [lines ? x : String(x), median]),
        barWidth: `${Math.floor(70 / series.length)}%`,
        barGap: '0%',
        symbolSize: 7,
      })),
      ...series.map((one, index) => whiskers(one, index, series.length, kind)),
    ] as never,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
