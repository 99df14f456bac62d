/** Any mix of verdicts, rings and programs of entries: each hook sees as many frames as the counters say, whole. */
import type { ProgramFactory } from '@cpumap/bpf';
import { type CpuStatistics, HOOKS, type Hook, type Host, type ProbeRecord, total } from '@cpumap/host';
import {
  NET_RX_DROP,
  NET_RX_SUCCESS,
  RELEASES,
  type Release,
  XDP_ABORTED,
  XDP_DROP,
  XDP_PASS,
  XDP_REDIRECT,
  XDP_TX,
} from '@cpumap/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberedFrame, numberOf, sourceOf } from '../support/frames.ts';
import { cpuMap, device, endClean, load, loadRemote, send, virtualHost } from '../support/machine.ts';

const CPUS = 3;
const EMPTY_SLOT = 7;

const turns = <T>(...values: T[]): fc.Arbitrary<T[]> => fc.array(fc.constantFrom(...values), { minLength: 1 });

const cases = fc.record({
  seed: fc.nat(),
  generic: fc.boolean(),
  qsize: fc.constantFrom(1, 5, 32, 2048),
  verdicts: turns(XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT, XDP_REDIRECT, XDP_REDIRECT, 99),
  targets: turns(0, 1, 2, EMPTY_SLOT),
  seconds: fc.option(turns(XDP_PASS, XDP_PASS, XDP_DROP, XDP_ABORTED, XDP_TX, XDP_REDIRECT)),
  answers: fc.option(turns(NET_RX_SUCCESS, NET_RX_SUCCESS, NET_RX_DROP, -1)),
  frames: fc.array(fc.integer({ min: 60, max: 1522 }), { minLength: 1, maxLength: 150 }),
});
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

/** Goes round the values, one for each call. */
function inTurn<T>(values: readonly T[]): () => T {
  let turn = 0;
  return () => values[turn++ % values.length]!;
}

async function machine(release: Release, c: Case): Promise<Host> {
  const host = await virtualHost({ release, cpus: CPUS, seed: c.seed, probes: true });
  const nic = device(host);
  const map = cpuMap(host, 8);
  const first: ProgramFactory = ({ helpers, maps }) => {
    const [verdict, target] = [inTurn(c.verdicts), inTurn(c.targets)];
    return () => {
      const act = verdict();
      return act === XDP_REDIRECT ? helpers.redirectMap(maps.cpu_map!, target(), 0) : act;
    };
  };
  const seconds = release === '6.18' ? c.seconds : null;
  const second: ProgramFactory = ({ helpers, maps }) => {
    const verdict = inTurn(seconds!);
    return () => {
      const act = verdict();
      return act === XDP_REDIRECT ? helpers.redirectMap(maps.next!, 2, 0) : act;
    };
  };
  const next = cpuMap(host);
  next.set(2, { qsize: c.qsize });
  const program = seconds === null ? 0 : (await loadRemote(host, second, { maps: { next: next.map } })).id;
  for (let cpu = 0; cpu < CPUS; cpu++) map.set(cpu, program === 0 ? { qsize: c.qsize } : { qsize: c.qsize, program });
  if (c.answers !== null) {
    await host.addHandler({
      factory: () => {
        const answer = inTurn(c.answers!);
        return {
          receive() {
            const verdict = answer();
            if (verdict === -1) throw new Error('a handler that throws');
            return verdict;
          },
        };
      },
    });
  }
  host.attachXdp(nic.name, await load(host, first, { map }), c.generic ? 'generic' : 'native');
  return host;
}

function expected(host: Host): Record<Hook, number> {
  const statistics = host.statistics();
  const sum = (read: (cpu: CpuStatistics) => number): number => total(statistics, read);
  const refused = sum(({ stack }) => stack.nohandler + stack.dropped + stack.failed);
  return {
    'xdp-in': statistics.devices[0]!.counters.rx_packets!,
    redirect: sum(({ xdp, cpumap }) => xdp.redirect + cpumap.prog_redirect),
    enqueue: sum(({ cpumap }) => cpumap.taken - cpumap.ring_full),
    'enqueue-drop': sum(({ trace }) => trace.enqueue.reduce((drops, target) => drops + target.drops, 0)),
    remote: sum(({ cpumap }) => cpumap.dequeued),
    deliver: sum(({ stack }) => stack.delivered) + refused,
    drop:
      sum(({ xdp, cpumap }) => xdp.drop + xdp.aborted + xdp.redirect_err + cpumap.ring_full + cpumap.prog_drop) +
      refused,
  };
}

async function run(release: Release, c: Case): Promise<void> {
  const host = await machine(release, c);
  const probe = host.createProbe({ hooks: HOOKS, ringBytes: 2 ** 22 });
  const sent = c.frames.map((length, n) => numberedFrame(n, n % 5, length));
  await send(host, host.devices[0]!, sourceOf(sent));
  const { records, lost } = probe.read();
  const at = (hook: Hook): readonly ProbeRecord[] => records.filter((record) => record.hook === hook);

  expect(Object.fromEntries(HOOKS.map((hook) => [hook, at(hook).length]))).toEqual(expected(host));
  expect(lost).toBe(0);
  for (const { bytes, length } of records) {
    expect(length).toBe(bytes.length);
    expect(bytes).toEqual(sent[numberOf(bytes)]);
  }
  expect(at('xdp-in').map(({ bytes }) => numberOf(bytes))).toEqual(sent.map((_, n) => n));
  const { xdp } = host.statistics().cpus[0]!;
  const verdicts = (verdict: number): number => at('xdp-in').filter((record) => record.verdict === verdict).length;
  expect([verdicts(XDP_DROP), verdicts(XDP_PASS), verdicts(XDP_TX)]).toEqual([xdp.drop, xdp.pass, xdp.tx]);
  expect(at('drop').every(({ reason }) => reason !== undefined)).toBe(true);
  probe.close();
  await endClean(host);
}

describe.each(RELEASES)('on %s', (release) => {
  it('each hook sees what is counted there', async () => {
    await fc.assert(
      fc.asyncProperty(cases, (c) => run(release, c)),
      { numRuns: 60 },
    );
  });
});
