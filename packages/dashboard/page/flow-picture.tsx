/** Where frames go: queues, RX CPUs, remote CPUs; the wider a band, the more frames per second. Losses are red. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Point, Topology } from '../src/protocol.ts';
import { count, short } from './format.ts';
import { ask } from './state.ts';
import { seriesColour } from './theme.ts';

interface Node {
  readonly id: string;
  readonly title: string;
  readonly rate: number | null;
  readonly loss: number;
  readonly colour: string | undefined;
  readonly note: string;
  readonly onClick?: () => void;
}

interface Band {
  readonly from: string;
  readonly to: string;
  readonly rate: number;
  readonly loss: number;
  readonly colour: string;
  readonly text: string;
}

/**
 * What stands in a box: title and rate below each other with the loss beside; below this width the loss in a third line; with
 * more rows than this, all in one line.
 */
type BoxForm = 'roomy' | 'narrow' | 'dense';
const NARROW = 560;
const DENSE = 10;
const BOX: Readonly<Record<BoxForm, { readonly height: number; readonly gap: number }>> = {
  roomy: { height: 46, gap: 14 },
  narrow: { height: 60, gap: 14 },
  dense: { height: 26, gap: 6 },
};
const TOP = 26;
const WIDEST = 24;
/** Rows that are drawn; the table has all CPUs. */
const MOST_ROWS = 24;

function pictureOf(topology: Topology, point: Point): { columns: Node[][]; bands: Band[] } {
  const remote = topology.remoteCpus.slice(0, MOST_ROWS);
  const remoteIndex = new Map(remote.map(({ cpu }, index) => [cpu, index]));
  const cpus = new Map(point.cpus.map((cpu) => [cpu.cpu, cpu]));
  const rxCpus = [...new Set([...point.arrivals.map(({ cpu }) => cpu), ...point.links.map(({ from }) => from)])]
    .sort((a, b) => a - b)
    .slice(0, MOST_ROWS);
  const queues = topology.queues.slice(0, MOST_ROWS).map(({ name }, queue): Node => {
    const own = point.arrivals.filter((arrival) => arrival.queue === queue);
    const rate = own.reduce((sum, { rate }) => sum + rate, 0);
    const missed = own.reduce((sum, { missed }) => sum + (missed ?? 0), 0);
    return { id: `q${queue}`, title: name, rate, loss: missed, colour: undefined, note: '' };
  });
  const rx = rxCpus.map((cpu): Node => {
    const { received = null, programDrops = null } = cpus.get(cpu) ?? {};
    return {
      id: `rx${cpu}`,
      title: `RX CPU ${cpu}`,
      rate: received,
      loss: programDrops ?? 0,
      colour: undefined,
      note: '',
      onClick: () => void ask({ cpu, role: 'rx' }),
    };
  });
  const targets = remote.map(({ cpu, active }, index): Node => {
    const own = cpus.get(cpu);
    return {
      id: `cpu${cpu}`,
      title: `CPU ${cpu}`,
      rate: own?.taken ?? 0,
      loss: own?.enqueueDrops ?? 0,
      colour: seriesColour(index),
      note: active ? '' : 'parked',
      onClick: () => void ask({ cpu, role: 'remote' }),
    };
  });
  const bands = [
    ...point.arrivals.map(
      ({ queue, cpu, rate, missed }): Band => ({
        from: `q${queue}`,
        to: `rx${cpu}`,
        rate,
        loss: missed ?? 0,
        colour: '--flow',
        text: `${topology.queues[queue]?.name} to RX CPU ${cpu}: ${count(rate)} frames/s${missed ? `, ${count(missed)} missed` : ''}`,
      }),
    ),
    ...point.links.map(
      ({ from, to, rate, drops }): Band => ({
        from: `rx${from}`,
        to: `cpu${to}`,
        rate,
        loss: drops,
        colour: seriesColour(remoteIndex.get(to) ?? 0),
        text: `RX CPU ${from} to CPU ${to}: ${count(rate)} frames/s${drops > 0 ? `, ${count(drops)} dropped` : ''}`,
      }),
    ),
  ];
  return { columns: [queues, rx, targets], bands };
}

interface BoxProps {
  readonly node: Node;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly form: BoxForm;
}

function NodeText({ node, width, form }: Omit<BoxProps, 'x' | 'y'>) {
  const rate = `${short(node.rate)}/s`;
  const loss = node.loss > 0 ? `−${short(node.loss)}/s` : '';
  const title = (
    <text x={11} y={18} class="node-title">
      {node.title}
      {node.note !== '' && <tspan class="node-note"> {node.note}</tspan>}
    </text>
  );
  if (form === 'dense') {
    return (
      <>
        {title}
        <text x={width - 8} y={18} class={loss === '' ? 'node-rate' : 'node-loss'} text-anchor="end">
          {loss || rate}
        </text>
      </>
    );
  }
  const narrow = form === 'narrow';
  return (
    <>
      {title}
      <text x={11} y={35} class="node-rate">
        {rate}
      </text>
      <text x={narrow ? 11 : width - 8} y={narrow ? 50 : 35} class="node-loss" text-anchor={narrow ? 'start' : 'end'}>
        {loss}
      </text>
    </>
  );
}

function NodeBox({ node, x, y, width, form }: BoxProps) {
  const { height } = BOX[form];
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a shortcut; the table has a button for it
    <g transform={`translate(${x} ${y})`} onClick={node.onClick} class={node.onClick && 'askable'}>
      <rect width={width} height={height} rx={5} class={node.loss > 0 ? 'node losing' : 'node'} />
      {node.colour !== undefined && (
        <rect width={4} height={height} rx={2} class="stripe" style={{ fill: `var(${node.colour})` }} />
      )}
      <NodeText node={node} width={width} form={form} />
    </g>
  );
}

/** The most frames per second that one box sends or gets: its band is the widest. */
function mostOf(bands: readonly Band[]): number {
  const sums = new Map<string, number>();
  for (const { from, to, rate } of bands) {
    for (const end of [`${from}>`, `>${to}`]) sums.set(end, (sums.get(end) ?? 0) + rate);
  }
  return Math.max(...sums.values(), 1);
}

export function FlowPicture({ topology, point }: { topology: Topology; point: Point }) {
  const box = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(900);
  useEffect(() => {
    const resize = new ResizeObserver(([entry]) => setWidth(Math.max(Math.floor(entry!.contentRect.width), 300)));
    resize.observe(box.current!);
    return () => resize.disconnect();
  }, []);

  const { columns, bands } = pictureOf(topology, point);
  const rows = Math.max(...columns.map((column) => column.length), 1);
  const form: BoxForm = rows > DENSE ? 'dense' : width < NARROW ? 'narrow' : 'roomy';
  const { height: nodeHeight, gap } = BOX[form];
  const height = TOP + rows * (nodeHeight + gap);
  const nodeWidth = Math.min(190, Math.floor(width * 0.28));
  const x = (column: number): number => (column * (width - nodeWidth)) / 2;
  const place = new Map<string, { x: number; y: number }>();
  columns.forEach((column, index) => {
    const used = column.length * (nodeHeight + gap) - gap;
    const start = TOP + (height - TOP - gap - used) / 2;
    column.forEach(({ id }, row) => {
      place.set(id, { x: x(index), y: start + row * (nodeHeight + gap) });
    });
  });
  const most = mostOf(bands);
  const thick = (rate: number): number => (rate > 0 ? Math.max(1, (rate / most) * WIDEST) : 0);
  const stacked = new Map<string, number>();
  /** Bands that leave or reach a node lie side by side on it. */
  const slot = (end: string, all: readonly Band[], thickness: number, total: (band: Band) => boolean): number => {
    const sum = all.filter(total).reduce((n, { rate }) => n + thick(rate), 0);
    const before = stacked.get(end) ?? 0;
    stacked.set(end, before + thickness);
    return nodeHeight / 2 - sum / 2 + before + thickness / 2;
  };
  const headings = [topology.backend === 'engine' ? 'NIC queues' : 'Interface', 'Receive', 'Remote CPUs'];

  return (
    <section aria-labelledby="flow">
      <h2 id="flow">Where frames go</h2>
      <figure class="flow" ref={box}>
        <svg viewBox={`0 0 ${width} ${height}`} width={width} height={height} aria-hidden="true">
          {headings.map((text, column) => (
            <text
              key={text}
              x={column === 2 ? width : x(column) + (column === 1 ? nodeWidth / 2 : 0)}
              y={12}
              class="heading"
              text-anchor={['start', 'middle', 'end'][column] as 'start'}
            >
              {text}
            </text>
          ))}
          {bands.map((band) => {
            const from = place.get(band.from);
            const to = place.get(band.to);
            if (from === undefined || to === undefined || band.rate <= 0) return null;
            const thickness = thick(band.rate);
            const y1 = from.y + slot(`${band.from}>`, bands, thickness, ({ from }) => from === band.from);
            const y2 = to.y + slot(`>${band.to}`, bands, thickness, ({ to }) => to === band.to);
            const x1 = from.x + nodeWidth;
            const bend = (to.x - x1) / 2;
            const path = `M${x1} ${y1}C${x1 + bend} ${y1} ${to.x - bend} ${y2} ${to.x} ${y2}`;
            return (
              <g key={`${band.from} ${band.to}`}>
                <path d={path} class="band" style={{ stroke: `var(${band.colour})`, strokeWidth: `${thickness}px` }} />
                {band.loss > 0 && (
                  <path d={path} class="band-loss" style={{ strokeWidth: `${Math.max(2, thick(band.loss))}px` }} />
                )}
                <title>{band.text}</title>
              </g>
            );
          })}
          {columns.flatMap((column) =>
            column.map((node) => (
              <NodeBox key={node.id} node={node} width={nodeWidth} form={form} {...place.get(node.id)!} />
            )),
          )}
        </svg>
        <figcaption class="unseen">
          <ul>
            {bands.map(({ text }) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </figcaption>
      </figure>
      {topology.remoteCpus.length > MOST_ROWS && (
        <p class="quiet">
          The first {MOST_ROWS} of {count(topology.remoteCpus.length)} remote CPUs; the table has all.
        </p>
      )}
    </section>
  );
}
