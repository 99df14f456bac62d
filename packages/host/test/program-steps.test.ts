/** `onStep`: what decides a program's way, told in the order in which it happens. */
import { assembleProgram } from '@cpumap/bpf';
import { createHost, type Host, type ProgramStep } from '@cpumap/host';
import { BPF_FUNC, BPF_MAP_TYPE } from '@cpumap/uapi';
import { afterEach, describe, expect, it } from 'vitest';
import { burst } from './support/frames.ts';
import { cpuMap, device, endClean, send, virtualHost } from './support/machine.ts';

let host: Host | undefined;
afterEach(async () => {
  if (host !== undefined) await endClean(host);
  host = undefined;
});

/** Drops what is shorter than 100 bytes if the map's first value is 0, else redirects to CPU 1. */
const PROGRAM = `
  r6 = *(u32 *)(r1 + 0)
  r7 = *(u32 *)(r1 + 4)
  *(u32 *)(r10 - 4) = 0
  r1 = map(limits) ll
  r2 = r10
  r2 += -4
  call 1
  if r0 == 0 goto drop
  r6 += 100
  if r6 > r7 goto drop
  r1 = map(cpu_map) ll
  r2 = 1
  r3 = 0
  call 51
  exit
drop:
  r0 = 1
  exit`;

async function machine(steps: ProgramStep[]) {
  host = await virtualHost({ bpfEngine: 'interp', onStep: (step) => steps.push(step) });
  const nic = device(host);
  const map = cpuMap(host);
  map.set(1, { qsize: 64 });
  const limits = host.createMap({ type: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize: 4, maxEntries: 1, name: 'limits' });
  const program = await host.loadProgram({
    name: 'short_ones',
    code: {
      bytecode: assembleProgram(PROGRAM),
      license: 'GPL',
      functions: new Map([[0, 'short_ones']]),
      lines: new Map([[8, 'if (!limit) return XDP_DROP;']]),
    },
    maps: { limits, cpu_map: map.map },
  });
  host.attachXdp(nic.name, program);
  return { nic, limits, map, program };
}

describe('the steps of a frame', () => {
  it('are its beginning, its calls with what they answered, and its jumps with what they compared', async () => {
    const steps: ProgramStep[] = [];
    const { nic, limits, program } = await machine(steps);
    await send(host!, nic, burst(1));
    const place = { cpu: 0, program: program.id, name: 'short_ones' };
    const source = 'if (!limit) return XDP_DROP;';
    expect(steps).toMatchObject([
      { ...place, kind: 'begin' },
      { ...place, kind: 'call', slot: 7, helper: BPF_FUNC.map_lookup_elem, isKfunc: false, function: 'short_ones' },
      { ...place, kind: 'jump', slot: 8, text: 'if r0 == 0x0 goto +0x8', isTaken: false, to: 17, right: 0n, source },
      { ...place, kind: 'jump', slot: 10, isTaken: true, to: 17, source },
    ]);
    const [begin, call, first, second] = steps as [ProgramStep, ProgramStep, ProgramStep, ProgramStep];
    if (begin.kind !== 'begin' || call.kind !== 'call' || first.kind !== 'jump' || second.kind !== 'jump') throw begin;
    expect(call.args[0]).toBe(limits.pointer);
    expect(first.left).toBe(BigInt(call.result));
    expect(second.left - second.right).toBe(100n - 60n); // of 60 bytes, 40 are missing
    expect(host!.statistics().cpus[0]!.xdp.drop).toBe(1);
  });

  it('come again for each frame, and change nothing', async () => {
    const steps: ProgramStep[] = [];
    const { nic } = await machine(steps);
    await send(host!, nic, burst(5));
    expect(steps.map(({ kind }) => kind)).toEqual(
      Array.from({ length: 5 }, () => ['begin', 'call', 'jump', 'jump']).flat(),
    );
  });
});

it.each([
  ['threads', 'interp'],
  ['virtual', 'jit'],
  ['virtual', undefined],
] as const)('is EINVAL with executor %s and bpfEngine %s', async (executor, bpfEngine) => {
  const options = { cpus: 1, executor, onStep: () => undefined, ...(bpfEngine && { bpfEngine }) };
  await expect(createHost(options)).rejects.toThrow(
    expect.objectContaining({ code: 'EINVAL', hint: expect.stringContaining("bpfEngine 'interp'") }),
  );
});
