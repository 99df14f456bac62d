import { createMap } from '@cpumap/bpf';
import { attachCpuMap, createCpuMap, createCpuMapType } from '@cpumap/cpumap';
import * as skb from '@cpumap/skb';
import * as smp from '@cpumap/smp';
import { attachTracepoints, createTraceArea } from '@cpumap/tracepoints';
import { BPF_MAP_TYPE, featuresOf } from '@cpumap/uapi';
import { attachXdp, createXdp, NO_XDP_XMIT } from '@cpumap/xdp';

// Two virtual CPUs with the layers below on them: what @cpumap/host puts together for you.
const nrCpus = 2;
const features = featuresOf('6.18');
const memory = smp.createMemory(1 << 22);
const allocator = smp.createAllocator(memory);
const time = smp.createVirtualTime(nrCpus);
const machine = smp.attachMachine(memory, smp.createMachine(allocator, nrCpus), time.onKick);
const tasks = smp.attachTasks(machine);
const trace = createTraceArea(allocator, nrCpus, 64);
const poolsAt = skb.createFramePools(memory, allocator, nrCpus);
const [xdpAt, cpumapAt] = [createXdp(allocator, nrCpus), createCpuMap(allocator, nrCpus)];
const runtimes = Array.from({ length: nrCpus }, (_, cpu) => {
  const tracepoints = attachTracepoints(memory, trace, cpu, features, time.clock);
  const [pools, frames] = [skb.attachFramePools(memory, poolsAt, cpu), skb.attachXdpFrames(memory, features)];
  const skbs = skb.attachSkBuffs(memory, frames, features);
  const counters = allocator.alloc(skb.STACK_COUNTERS.sizeof);
  const stack = skb.attachNetifReceive({ memory, skbs, pools, counters, onError: console.error });
  const parts = { memory, cpu, nrCpus, features, tasks, tracepoints, pools, frames, skbs, stack };
  const cpumap = attachCpuMap({ ...parts, rps: stack }, cpumapAt);
  const { clock } = time;
  const redirects = { targets: [cpumap.target], device: NO_XDP_XMIT };
  const xdp = attachXdp({ ...parts, clock, seed: 1, ...redirects, onProgramError: console.error }, xdpAt);
  return { loop: smp.createCpuLoop(machine, tasks, cpu, [cpumap.kthreadKind(xdp)]), handle: async () => undefined };
});
const { waitFor, close } = smp.createVirtualExecutor(machine, time, runtimes, 1);
const host = { memory, allocator, machine, tasks, features, programByFd: () => undefined, waitFor };
const type = createCpuMapType(host);

// bpf(2) on a cpumap: an entry for CPU 1, with a ring of 192 frames; then what the kernel refuses, and why.
const spec = { type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize: 8, maxEntries: 4 };
const map = createMap({ memory, allocator, types: new Map([[spec.type, type]]) }, spec, 1);
const value = (qsize: number) => new Uint8Array(Uint32Array.of(qsize, 0).buffer); // and no program
map.update(1, value(192));
console.log(new Uint32Array(map.lookup(1).buffer).join());
for (const key of [4, 2]) {
  try {
    map.update(key, value(192));
  } catch (error) {
    console.log((error as Error).message);
  }
}
map.close(); // its kthreads drain their rings and leave
await close();
