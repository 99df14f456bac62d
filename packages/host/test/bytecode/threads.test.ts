/** Bytecode on CPUs that are threads: locks under contention, and the work of the sample's programs. */
import { assembleProgram, type BpfEngine } from '@cpumap/bpf';
import { ACCEPT_ALL, cpuMapOf, type Host } from '@cpumap/host';
import { BPF_FUNC, BPF_MAP_TYPE } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { numberedFrame } from '../support/frames.ts';
import { device, endClean, threadsHost, virtualHost } from '../support/machine.ts';
import { call } from './support/fragments.ts';

const FRAMES = 200_000;
const FLOWS = 64;

/** Counts the frame, and sends it to a CPU by a hash of its IPv4 source address. */
const byFlow = (cpus: number): string => `
    r6 = r1
    *(u32 *)(r10 - 4) = 0
    r1 = map(counts) ll
    r2 = r10
    r2 += -4
    ${call('map_lookup_elem')}
    if r0 == 0 goto drop
    r1 = *(u64 *)(r0 + 0)
    r1 += 1
    *(u64 *)(r0 + 0) = r1
    r2 = *(u32 *)(r6 + 0)
    r3 = *(u32 *)(r6 + 4)
    r4 = r2
    r4 += 34
    if r4 > r3 goto drop
    r2 = *(u32 *)(r2 + 26)
    r2 *= 0x1e3779b1
    r2 >>= 16
    r2 %= ${cpus}
    r1 = map(cpus) ll
    r3 = 0
    ${call('redirect_map')}
    exit
  drop:
    r0 = 1
    exit`;

const flows = Array.from({ length: FLOWS }, (_, flow) => numberedFrame(flow, flow));
const source = { frames: flows, order: Uint32Array.from(flows, (_, flow) => flow), count: FRAMES };

/** Frames that were sent to each CPU. A ring may be full on threads: what it dropped counts. */
async function distribution(host: Host): Promise<number[]> {
  const nic = device(host, { irqCpus: [0] });
  const cpus = cpuMapOf(host.createMap({ type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize: 8, maxEntries: 3 }));
  for (let cpu = 0; cpu < 3; cpu++) cpus.set(cpu, { qsize: 16_384 });
  const counts = host.createMap({ type: BPF_MAP_TYPE.PERCPU_ARRAY, keySize: 4, valueSize: 8, maxEntries: 1 });
  const code = { bytecode: assembleProgram(byFlow(3)) };
  host.attachXdp(nic.name, await host.loadProgram({ name: 'by_flow', code, maps: { counts, cpus: cpus.map } }));
  await host.addHandler(ACCEPT_ALL);
  nic.start(source);
  await host.settle();
  const counted = new BigUint64Array(counts.lookup(0).buffer);
  expect(Number(counted[0])).toBe(FRAMES);
  const enqueue = host.statistics().cpus[0]!.trace.enqueue;
  await endClean(host);
  return enqueue.map(({ processed, drops }) => processed + drops);
}

it('200,000 frames go to the same CPUs on threads, compiled and interpreted, as on virtual CPUs', async () => {
  const expected = await distribution(await virtualHost({ cpus: 3 }));
  expect(expected.reduce((sum, frames) => sum + frames)).toBe(FRAMES);
  for (const bpfEngine of ['jit', 'interp'] as const) {
    expect([bpfEngine, await distribution(await threadsHost({ cpus: 3, bpfEngine }))]).toEqual([bpfEngine, expected]);
  }
});

describe.each<BpfEngine>(['jit', 'interp'])('%s', (bpfEngine) => {
  it('two CPUs add to one number under a bpf_spin_lock', async () => {
    const each = 50_000;
    const host = await threadsHost({ bpfEngine });
    const valueSize = 16;
    const spec = { type: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize, maxEntries: 1, spinLockOffset: 0 };
    const locked = host.createMap({ name: 'locked', ...spec });
    const text = `
    *(u32 *)(r10 - 4) = 0
    r1 = map(locked) ll
    r2 = r10
    r2 += -4
    ${call('map_lookup_elem')}
    if r0 == 0 goto out
    r6 = r0
    r1 = r6
    call ${BPF_FUNC.spin_lock}
    r7 = *(u64 *)(r6 + 8)
    r7 += 1
    *(u64 *)(r6 + 8) = r7
    r1 = r6
    call ${BPF_FUNC.spin_unlock}
  out:
    r0 = 1
    exit`;
    const program = await host.loadProgram({
      name: 'adds',
      code: { bytecode: assembleProgram(text), license: 'GPL' },
      maps: { locked },
    });
    const data = numberedFrame(0);
    await Promise.all([0, 1].map((cpu) => program.testRun({ data, cpu, repeat: each })));
    expect(Number(new BigUint64Array(locked.lookup(0).buffer)[1])).toBe(2 * each);
    await host.close();
  });
});
