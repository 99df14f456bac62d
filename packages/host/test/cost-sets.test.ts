/** Virtual machines on a cost set run at the rates that the set's source publishes. */
import { assembleProgram } from '@cpumap/bpf';
import {
  ACCEPT_ALL,
  COST_SETS,
  type CostSet,
  checkCostSet,
  createHost,
  measureCosts,
  STAGES,
  stageCounts,
  stageTimes,
} from '@cpumap/host';
import { parsePktgenSpec, pktgenSource } from '@cpumap/nic';
import { describe, expect, it } from 'vitest';
import { cpuMap, device, load, loadRemote, virtualHost } from './support/machine.ts';

const DROP = 'r0 = 1\nexit';
const PASS = 'r0 = 2\nexit';
const TO_CPU_1 = `
    r1 = map(cpu_map) ll
    r2 = 1
    r3 = 0
    call 51
    exit`;
const NS = 20e6;

/** Frames of 20 ms as fast as the device takes them, ended or not. */
async function run(costs: CostSet, program: string, remote?: string, rate = 'max') {
  const host = await virtualHost({ cpus: 2, costs });
  const nic = device(host, { irqCpus: [0] });
  const map = cpuMap(host, 2);
  const second = remote === undefined ? undefined : await loadRemote(host, { bytecode: assembleProgram(remote) });
  map.set(1, { qsize: 1024, program: second?.id ?? 0 });
  host.attachXdp(nic.name, await load(host, { bytecode: assembleProgram(program) }, { map }));
  await host.addHandler(ACCEPT_ALL);
  nic.start(pktgenSource(parsePktgenSpec(`rate=${rate}`)));
  await host.advance(NS);
  const statistics = host.statistics();
  const [rx, to] = statistics.cpus.map(stageCounts);
  return { host, statistics, rx: rx!, remote: to!, mpps: (frames: number) => (frames / NS) * 1e3 };
}

describe('published rates', () => {
  const [y2017, y2020] = [COST_SETS['published-2017'], COST_SETS['published-2020']];
  it.each([
    { what: 'redirected by one CPU', costs: y2017, program: TO_CPU_1, cpu: 'rx', expected: 11 },
    { what: 'taken to the stack', costs: y2017, program: TO_CPU_1, cpu: 'remote', expected: 3.18 },
    { what: 'dropped in the driver', costs: y2020, program: DROP, cpu: 'rx', expected: 32 },
    { what: 'redirected by one CPU', costs: y2020, program: TO_CPU_1, cpu: 'rx', expected: 17.2 },
    { what: 'taken to the stack', costs: y2020, program: TO_CPU_1, cpu: 'remote', expected: 4.2 },
    { what: 'behind a second program', costs: y2020, program: TO_CPU_1, second: PASS, cpu: 'remote', expected: 4.1 },
  ] as const)('$costs.name: $expected Mpps $what', async ({ costs, program, cpu, expected, ...rest }) => {
    const result = await run(costs, program, 'second' in rest ? rest.second : undefined);
    const frames = cpu === 'rx' ? result.rx.driver : result.remote.dequeue;
    expect(result.mpps(frames)).toBeGreaterThan(expected * 0.97);
    expect(result.mpps(frames)).toBeLessThan(expected * 1.03);
  });
});

describe('stageTimes', () => {
  it('fills the time of CPUs that have no pause, but for their turns', async () => {
    const costs = COST_SETS['published-2017'];
    const { rx, remote } = await run(costs, TO_CPU_1, PASS);
    for (const counts of [rx, remote]) {
      const busy = Object.values(stageTimes(costs, counts)).reduce((sum, ns) => sum + ns, 0);
      const turns = (counts.driver + counts.dequeue) / 64; // each with 64 frames
      expect((busy + turns * costs.turn) / NS).toBeGreaterThan(0.97);
      expect((busy + turns * costs.turn) / NS).toBeLessThan(1.02);
    }
  });

  it('counts each unit where it is spent', async () => {
    const { host, rx, remote, statistics } = await run(COST_SETS['published-2020'], TO_CPU_1, PASS, '1M');
    await host.settle;
    expect(rx).toMatchObject({ dequeue: 0, remoteProgram: 0, skb: 0, stack: 0 });
    expect(rx.driver).toBe(rx.enqueue);
    expect(rx.flush).toBe(statistics.cpus[0]!.trace.enqueue[1]!.events);
    expect(rx.wakeup).toBeGreaterThan(0);
    expect(rx.wakeup).toBeGreaterThanOrEqual(statistics.cpus[1]!.trace.kthread.sched - 1);
    expect(remote).toMatchObject({ driver: 0, program: 0, enqueue: 0, flush: 0, wakeup: 0 });
    expect(remote.remoteProgram).toBe(remote.dequeue);
    expect(remote.skb).toBe(remote.dequeue);
    expect(remote.stack).toBe(remote.dequeue);
  });
});

describe('measureCosts', () => {
  it('makes a set that a virtual machine runs on', async () => {
    const set = await measureCosts({ frames: 50_000, rounds: 1 });
    checkCostSet(set);
    const { ns, turn, wakeLatency } = set;
    const received = ns.driver + ns.program + ns.enqueue + ns.flush / 8;
    expect(received).toBeGreaterThan(5);
    expect(ns.dequeue + ns.skb + ns.stack + turn).toBeGreaterThan(5);
    expect(wakeLatency).toBeGreaterThan(100);
    const { rx, mpps } = await run(set, TO_CPU_1);
    const expected = 1e3 / (received + turn / 64);
    expect(mpps(rx.driver) / expected).toBeGreaterThan(0.8);
    expect(mpps(rx.driver) / expected).toBeLessThan(1.2);
  });
});

describe('bad sets', () => {
  const good = COST_SETS['published-2017'];
  it.each<[string, CostSet]>([
    ...STAGES.map((stage): [string, CostSet] => [stage, { ...good, ns: { ...good.ns, [stage]: -1 } }]),
    ['turn', { ...good, turn: 0 }],
    ['turn', { ...good, turn: Number.NaN }],
    ['wakeLatency', { ...good, wakeLatency: Number.POSITIVE_INFINITY }],
  ])('refuses %s', (figure, set) => {
    expect(() => checkCostSet(set)).toThrow(new RegExp(`EINVAL.*${figure}`));
  });

  it('is refused on threads', async () => {
    await expect(createHost({ cpus: 1, costs: good })).rejects.toThrow(/costs are of executor 'virtual'/);
  });
});
