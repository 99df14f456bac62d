import { arrayMapTypes, attachMapLookup, type BpfHelpers, createMap, instantiate, programOf } from '@cpumap/bpf';
import { createAllocator, createMemory } from '@cpumap/smp';
import { BPF_MAP_TYPE, XDP_DROP } from '@cpumap/uapi';

const nrCpus = 2;
const memory = createMemory(1 << 20);
const allocator = createAllocator(memory);
const types = arrayMapTypes(memory, allocator, nrCpus);

// User space: a counter for each CPU.
const spec = { name: 'rx_cnt', type: BPF_MAP_TYPE.PERCPU_ARRAY, keySize: 4, valueSize: 8, maxEntries: 1 };
const rxCnt = createMap({ memory, allocator, types }, spec, 1);

// A program that counts and drops: its code is made once for each CPU, with that CPU's helpers.
const { image } = programOf(
  {
    name: 'count',
    maps: { rx_cnt: rxCnt },
    code: {
      factory({ memory, helpers, maps }) {
        const counter = helpers.mapLookupElem(maps.rx_cnt!, 0) >> 2; // values never move
        return () => {
          memory.u32[counter]!++;
          return XDP_DROP;
        };
      },
    },
  },
  2,
);
for (let cpu = 0; cpu < nrCpus; cpu++) {
  const helpers = { mapLookupElem: attachMapLookup(memory, cpu) } as BpfHelpers; // @cpumap/xdp has all of them
  const run = await instantiate(image, memory, helpers);
  for (let frame = 0; frame < 10 + cpu; frame++) run(0);
}
console.log('frames by CPU:', new BigUint64Array(rxCnt.lookup(0).buffer).join());
try {
  rxCnt.update(1, rxCnt.lookup(0));
} catch (error) {
  console.log((error as Error).message);
}
