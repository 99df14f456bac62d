import {
  assembleProgram,
  attachMapHelpers,
  attachMapOps,
  createMap,
  genericMapTypes,
  instanceOfBytecode,
  JIT_STACK_SIZE,
  loadBytecode,
  MAP_OPS_BYTES,
  xdpContext,
} from '@cpumap/bpf';
import { createAllocator, createMemory } from '@cpumap/smp';
import { BPF_ATTACH_TYPE, BPF_MAP_TYPE, BPF_PROG_TYPE, XDP_MD } from '@cpumap/uapi';

const memory = createMemory(1 << 20);
const allocator = createAllocator(memory);
const types = genericMapTypes({
  memory,
  allocator,
  nrCpus: 1,
  seed: 1,
  programByFd: () => undefined,
  mapByFd: () => undefined,
  synchronizeRcu() {},
});

// User space: a counter for each first byte.
const spec = { name: 'counts', type: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize: 8, maxEntries: 256 };
const counts = createMap({ memory, allocator, types }, spec, 1);

// What clang would make of C, or a C object read with readObject and linkProgram.
const program = `
  r2 = *(u32 *)(r1 + 4)         // data_end
  r1 = *(u32 *)(r1 + 0)         // data
  r3 = r1
  r3 += 1
  if r3 > r2 goto drop          // the verifier wants to see this
  r3 = *(u8 *)(r1 + 0)
  *(u32 *)(r10 - 4) = r3
  r2 = r10
  r2 += -4
  r1 = map(counts) ll
  call 1                        // bpf_map_lookup_elem
  if r0 == 0 goto drop
  r1 = 1
  lock *(u64 *)(r0 + 0) += r1
  r0 = 2                        // XDP_PASS
  exit
drop:
  r0 = 1                        // XDP_DROP
  exit`;

// On the host: verified, given the map's address, compiled to WebAssembly. The image can be sent to any thread.
const load = {
  name: 'count',
  programType: BPF_PROG_TYPE.XDP,
  expectedAttachType: BPF_ATTACH_TYPE.XDP,
  context: xdpContext(BPF_ATTACH_TYPE.XDP),
  maps: { counts },
  engine: 'jit',
} as const;
const image = loadBytecode(memory, { ...load, code: { bytecode: assembleProgram(program) } });

// On a CPU: the helpers bound, a stack given.
const ops = attachMapOps(memory, 0, 1, allocator.alloc(MAP_OPS_BYTES));
const { table, abandon } = attachMapHelpers(ops);
const run = instanceOfBytecode(image, {
  memory,
  cpu: 0,
  percpu: 0,
  table,
  maps: ops,
  abandon,
  readable: () => false,
  printk: console.log,
  tailCalls: { tailCall: () => -1, beginRun() {} },
  stackEnd: allocator.alloc(JIT_STACK_SIZE) + JIT_STACK_SIZE,
});

// Frames: struct xdp_md says where one lies. @cpumap/host does all of this, and receives them too.
const ctx = allocator.alloc(XDP_MD.sizeof);
const data = allocator.alloc(64);
memory.u8[data] = 0x45;
memory.u32.set([data, data + 64], ctx >> 2);
console.log('verdicts:', run(ctx), run(ctx));
memory.u32[(ctx + XDP_MD.data_end) >> 2] = data; // an empty frame
console.log('of an empty frame:', run(ctx));
console.log('frames that begin with 0x45:', Number(new BigUint64Array(counts.lookup(0x45).buffer)[0]));

try {
  const careless = program.replace('if r3 > r2 goto drop', 'goto +0');
  loadBytecode(memory, { ...load, code: { bytecode: assembleProgram(careless) } });
} catch (error) {
  console.log((error as Error).message.split('\n')[0]);
}
