import {
  arrayMapTypes,
  attachMapLookup,
  type BpfHelpers,
  createMap,
  instantiate,
  type ProgramFactory,
  type ProgramSpec,
  programOf,
} from '@cpumap/bpf';
import { sampleMaps, sampleProgram } from '@cpumap/programs';
import { createAllocator, createMemory } from '@cpumap/smp';
import { ETH_P, IPPROTO, XDP_MD, XDP_PASS, XDP_REDIRECT, xdpActionName } from '@cpumap/uapi';

// Your own program: TLS to CPU 1, everything else to CPU 0. The outer function runs once on each CPU.
const tlsApart: ProgramFactory = ({ memory, helpers, maps }) => {
  const view = new DataView(memory.u8.buffer);
  const cpuMap = maps.cpu_map!;
  return (ctx) => {
    const data = view.getUint32(ctx + XDP_MD.data, true);
    if (data + 38 > view.getUint32(ctx + XDP_MD.data_end, true)) return XDP_PASS; // Ethernet, IPv4, two ports
    const tcp = view.getUint16(data + 12) === ETH_P.IP && view.getUint8(data + 23) === IPPROTO.TCP;
    return helpers.redirectMap(cpuMap, tcp && view.getUint16(data + 36) === 443 ? 1 : 0, 0);
  };
};

// One CPU of four, with the sample's maps. The address that stands for cpu_map is all that programs see of it.
const nrCpus = 4;
const memory = createMemory(1 << 20);
const allocator = createAllocator(memory);
const types = arrayMapTypes(memory, allocator, nrCpus);
const [, ...arrays] = sampleMaps(nrCpus);
const created = new Map(
  arrays.map((spec, i) => [spec.name, createMap({ memory, allocator, types }, spec, i + 2)] as const),
);
const maps = { ...Object.fromEntries(created), cpu_map: { id: 1, pointer: allocator.alloc(64) } };
const u32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);
for (let i = 0; i < nrCpus; i++) created.get('cpus_available')?.update(i, u32(i)); // nrCpus would be "no CPU"
created.get('cpus_count')?.update(0, u32(nrCpus));

let redirectedTo = -1;
const helpers = {
  mapLookupElem: attachMapLookup(memory, 0),
  redirectMap(_map: number, key: number) {
    redirectedTo = key;
    return XDP_REDIRECT;
  },
} as Partial<BpfHelpers> as BpfHelpers; // the others are not used here

// A TCP segment from 192.0.2.3:40000 to 198.51.100.7:443
const packet = Buffer.from('ffffffffffff0200000000010800450000280000400040060000c0000203c63364079c4001bb', 'hex');
const ctx = allocator.alloc(XDP_MD.sizeof);
const data = allocator.alloc(2048) + 256;
memory.u8.set(packet, data);
memory.u32[(ctx + XDP_MD.data) >> 2] = data;
memory.u32[(ctx + XDP_MD.data_end) >> 2] = data + packet.length;

const programs: ProgramSpec[] = [
  sampleProgram('l4-hash', { maps, nrCpus }),
  { name: 'tls_apart', code: { factory: tlsApart }, maps },
];
for (const spec of programs) {
  const run = await instantiate(programOf(spec, 1).image, memory, helpers);
  console.log(spec.name, xdpActionName(run(ctx)), 'to CPU', redirectedTo);
}
