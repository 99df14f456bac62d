import { createMap } from '@cpumap/bpf';
import { createDeviceBulkQueues, devMapTypes } from '@cpumap/devmap';
import { createNetDevice, NET_DEVICE } from '@cpumap/skb';
import { attachMachine, createAllocator, createMachine, createMemory } from '@cpumap/smp';
import { BPF_MAP_TYPE, featuresOf } from '@cpumap/uapi';

// A machine of one CPU, which sleeps, and one device on it: what @cpumap/host puts together for you.
const memory = createMemory(1 << 22);
const allocator = createAllocator(memory);
const machine = attachMachine(memory, createMachine(allocator, 1));
machine.setAsleep(0, true);
const address = Uint8Array.of(2, 0, 0, 0, 0, 7);
const device = createNetDevice(memory, allocator, { ifindex: 7, address, maxFrame: 1522 });
memory.u32[(device + NET_DEVICE.xdp_bulkq) >> 2] = createDeviceBulkQueues(allocator, 1);
const { array, hash } = devMapTypes({
  memory,
  allocator,
  machine,
  features: featuresOf('6.18'),
  programByFd: () => undefined,
  deviceByIndex: (ifindex) => (ifindex === 7 ? device : 0),
  prepareClones: () => undefined, // nothing is sent here
});

// bpf(2) on a devmap_hash: any key, one device at each; then what the kernel refuses, and why.
const types = new Map([
  [BPF_MAP_TYPE.DEVMAP, array],
  [BPF_MAP_TYPE.DEVMAP_HASH, hash],
]);
const spec = { type: BPF_MAP_TYPE.DEVMAP_HASH, keySize: 4, valueSize: 8, maxEntries: 1 };
const map = createMap({ memory, allocator, types }, spec, 1);
const value = (ifindex: number) => new Uint8Array(Uint32Array.of(ifindex, 0).buffer); // and no program
map.update(4000, value(7));
console.log(new Uint32Array(map.lookup(4000).buffer).join());
for (const [key, ifindex] of [
  [4000, 8],
  [4001, 7],
] as const) {
  try {
    map.update(key, value(ifindex));
  } catch (error) {
    console.log((error as Error).message);
  }
}
map.close();
