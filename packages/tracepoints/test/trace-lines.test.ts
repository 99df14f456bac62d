/** Printed lines, against those of real kernels. */
import { readFileSync } from 'node:fs';
import { describeWithData } from '@cpumap/vitest-config/test-data';
import { describe, expect, it } from 'vitest';
import type { Tracepoints } from '../src/tracepoints.ts';
import { tracing } from './support/tracing.ts';

/** A line of trace_pipe: who, on which CPU, when, and what. */
const LINE = /^\s*(.+)-(\d+)\s+\[(\d+)\] \S+\s+([\d.]+): (xdp_\w+): (.*)$/;

interface Line {
  readonly pid: number;
  readonly cpu: number;
  readonly event: string;
  readonly text: string;
  readonly values: Readonly<Record<string, number>>;
}

function parseLine(line: string): Line | undefined {
  const [, , pid, cpu, , event, text] = LINE.exec(line) ?? [];
  if (event === undefined) return undefined;
  const values = Object.fromEntries(
    [...text!.matchAll(/(\w+)=(-?\d+)/g)].map(([, key, value]) => [key, Number(value)]),
  );
  return { pid: Number(pid), cpu: Number(cpu), event, text: text!, values };
}

/** Fires the event that the line reports. */
function fire(tracepoints: Tracepoints, { event, pid, values: v }: Line): void {
  if (event === 'xdp_cpumap_enqueue') tracepoints.cpumapEnqueue(v.map_id!, v.processed!, v.drops!, v.to_cpu!);
  else if (event === 'xdp_cpumap_kthread') {
    const verdicts = [v.xdp_pass ?? 0, v.xdp_drop ?? 0, v.xdp_redirect ?? 0] as const;
    tracepoints.cpumapKthread(pid, v.map_id!, v.processed!, v.drops!, v.sched!, ...verdicts);
  } else {
    tracepoints.redirect(
      v.prog_id!,
      v.ifindex!,
      v.to_ifindex!,
      v.err!,
      v.map_id ?? 0,
      v.map_index ?? 0,
      'map_id' in v,
      0,
    );
  }
}

describeWithData("a running 6.18's trace", 'kernel-6.18/cpumap-trace.txt', (path) => {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .map(parseLine)
    .filter((line) => line !== undefined);

  it('reads the same when this project prints it: each line, all CPUs in one order', () => {
    expect(lines.length).toBe(457);
    const { cpus, control, time } = tracing({ records: 512 });
    const subscription = control.subscribe();
    for (const line of lines) {
      time.now++;
      fire(cpus[line.cpu]!, line);
    }
    const { records, lost } = subscription.read();
    expect(lost).toBe(0);
    expect(records.map(control.format)).toEqual(lines.map(({ event, text }) => `${event}: ${text}`));
    expect(records.map(({ cpu }) => cpu)).toEqual(lines.map(({ cpu }) => cpu));
    const threads = lines.filter(({ event }) => event === 'xdp_cpumap_kthread');
    expect(
      records.filter(({ event }) => event === 'xdp_cpumap_kthread').map(({ fields }) => fields.common_pid),
    ).toEqual(threads.map(({ pid }) => pid));
  });
});

describe('lines measured on 6.18', () => {
  const GOLDEN = [
    'xdp_cpumap_enqueue: enqueue cpu=0 map_id=202 action=REDIRECT processed=8 drops=0 to_cpu=1',
    'xdp_cpumap_enqueue: enqueue cpu=0 map_id=202 action=REDIRECT processed=4 drops=0 to_cpu=1',
    'xdp_cpumap_kthread: kthread cpu=1 map_id=202 action=REDIRECT processed=8 drops=0 sched=1 xdp_pass=0 xdp_drop=0 xdp_redirect=0',
    'xdp_cpumap_kthread: kthread cpu=1 map_id=202 action=REDIRECT processed=8 drops=0 sched=1 xdp_pass=5 xdp_drop=3 xdp_redirect=0',
    'xdp_redirect_err: prog_id=7 action=REDIRECT ifindex=2 to_ifindex=0 err=-56 map_id=0 map_index=0',
    'xdp_redirect_err: prog_id=7 action=REDIRECT ifindex=2 to_ifindex=0 err=-22 map_id=2147483647 map_index=0',
  ];

  it.each(GOLDEN)('%s', (golden) => {
    const line = parseLine(`  task-1 [00${/^\S+ kthread/.test(golden) ? 1 : 0}] .....  1.000001: ${golden}`)!;
    const { cpus, control } = tracing();
    const subscription = control.subscribe();
    fire(cpus[line.cpu]!, line);
    expect(subscription.read().records.map(control.format)).toEqual([golden]);
  });
});

describe('4.15', () => {
  const fired = (run: (tracepoints: Tracepoints) => void) => {
    const { cpus, control } = tracing({ release: '4.15' });
    const subscription = control.subscribe();
    run(cpus[0]!);
    return subscription.read().records.map(control.format);
  };

  it.each([
    [0, false, 'xdp_redirect: prog_id=3 action=REDIRECT ifindex=2 to_ifindex=5 err=0'],
    [-22, false, 'xdp_redirect_err: prog_id=3 action=REDIRECT ifindex=2 to_ifindex=5 err=-22'],
    [0, true, 'xdp_redirect_map: prog_id=3 action=REDIRECT ifindex=2 to_ifindex=5 err=0 map_id=9 map_index=1'],
    [-14, true, 'xdp_redirect_map_err: prog_id=3 action=REDIRECT ifindex=2 to_ifindex=5 err=-14 map_id=9 map_index=1'],
  ])('a redirect with err %i, through a map: %s', (err, viaMap, line) => {
    expect(fired((tracepoints) => tracepoints.redirect(3, 2, 5, err, 9, 1, viaMap, 0))).toEqual([line]);
  });

  it('has no verdicts of a second program in the kthread event', () => {
    expect(fired((tracepoints) => tracepoints.cpumapKthread(1, 9, 8, 2, 1, 0, 0, 0))).toEqual([
      'xdp_cpumap_kthread: kthread cpu=0 map_id=9 action=REDIRECT processed=8 drops=2 sched=1',
    ]);
  });

  it.each([
    [0, 'ABORTED'],
    [3, 'TX'],
    [9, '0x9'],
  ])('an exception with verdict %i prints %s', (act, name) => {
    expect(fired((tracepoints) => tracepoints.exception(3, act, 2))).toEqual([
      `xdp_exception: prog_id=3 action=${name} ifindex=2`,
    ]);
  });
});

it('between 5.6 and 6.16 the map events exist, but the plain ones fire', () => {
  const { cpus, control } = tracing({ release: '5.15' });
  const subscription = control.subscribe();
  cpus[0]!.redirect(3, 2, 0, 0, 9, 1, true, 16);
  cpus[0]!.redirect(3, 2, 0, -22, 9, 1, true, 16);
  expect(subscription.read().records.map(({ event }) => event)).toEqual(['xdp_redirect', 'xdp_redirect_err']);
  expect(control.events.has('xdp_redirect_map')).toBe(true);
});
