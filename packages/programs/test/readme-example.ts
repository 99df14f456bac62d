import {
  arrayMapTypes,
  attachMapLookup,
  type BpfHelpers,
  compileProgram,
  createMap,
  instantiateProgram,
  JIT_STACK_SIZE,
  type ProgramFactory,
  regionListSize,
  relocateMaps,
  writeRegionList,
} from '@cpumap/bpf';
import { sampleMaps, sampleProgram } from '@cpumap/programs';
import { createAllocator, createMemory } from '@cpumap/smp';
import { BPF_FUNC, ETH_P, IPPROTO, XDP_MD, XDP_PASS, XDP_REDIRECT, xdpActionName } from '@cpumap/uapi';

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
const pointers = Object.fromEntries(Object.entries(maps).map(([name, { pointer }]) => [name, pointer]));
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
};

// A TCP segment from 192.0.2.3:40000 to 198.51.100.7:443
const packet = Buffer.from('ffffffffffff0200000000010800450000280000400040060000c0000203c63364079c4001bb', 'hex');
const ctx = allocator.alloc(XDP_MD.sizeof);
const data = allocator.alloc(2048) + 256;
memory.u8.set(packet, data);
memory.u32[(ctx + XDP_MD.data) >> 2] = data;
memory.u32[(ctx + XDP_MD.data_end) >> 2] = data + packet.length;

// A program of the sample: its maps get addresses, then it is compiled. It may write its elements of the arrays.
const { bytecode } = sampleProgram('l4-hash', { maps, nrCpus }).code;
const regions = allocator.alloc(regionListSize(2 + nrCpus));
const element = (name: string, key: number, length: number) => ({
  start: helpers.mapLookupElem(pointers[name]!, key),
  length,
  writable: true,
});
writeRegionList(memory, regions, [
  element('rx_cnt', 0, 24),
  element('cpus_count', 0, 4),
  ...Array.from({ length: nrCpus }, (_, cpu) => element('cpus_available', cpu, 4)),
]);
const compiled = compileProgram(relocateMaps(bytecode, pointers, memory), {
  context: { size: XDP_MD.sizeof, packet: { data: XDP_MD.data, dataEnd: XDP_MD.data_end, dataMeta: XDP_MD.data_meta } },
  helpers: {
    [BPF_FUNC.map_lookup_elem]: { params: ['i32', 'i32'], result: 'u32', keepsPacket: true },
    [BPF_FUNC.redirect_map]: { params: ['i32', 'i32', 'i32'], keepsPacket: true },
  },
});
const lbHashIpPairs = instantiateProgram(compiled, {
  memory,
  stack: allocator.alloc(JIT_STACK_SIZE),
  regions,
  helpers: {
    [BPF_FUNC.map_lookup_elem]: (map: number, key: number) => helpers.mapLookupElem(map, memory.u32[key >> 2]!),
    [BPF_FUNC.redirect_map]: helpers.redirectMap,
  },
});
console.log('lb_hash_ip_pairs', xdpActionName(lbHashIpPairs.run(ctx)), 'to CPU', redirectedTo);

// And yours: the helpers that it does not call are left out here.
const run = tlsApart({ memory, helpers: helpers as Partial<BpfHelpers> as BpfHelpers, maps: pointers, constants: {} });
console.log('tls_apart', xdpActionName(run(ctx)), 'to CPU', redirectedTo);
