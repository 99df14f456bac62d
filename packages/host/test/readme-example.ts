import { ACCEPT_ALL, cpuMapOf, createHost, total } from '@cpumap/host';
import { parsePktgenSpec, pktgenSource } from '@cpumap/nic';
import { BPF_MAP_TYPE } from '@cpumap/uapi';

// Three CPUs on a virtual clock. Without `executor` each CPU is a thread, and code is given as { module, export }.
const host = await createHost({ cpus: 3, executor: 'virtual', seed: 1 });
const map = host.createMap({ type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize: 8, maxEntries: 3 });
for (const cpu of [1, 2]) cpuMapOf(map).set(cpu, { qsize: 192 });

// A program: made once for each CPU, then called for each frame.
const program = await host.loadProgram({
  name: 'by_turns',
  maps: { cpu_map: map },
  code: {
    factory({ helpers, maps }) {
      let turn = 0;
      return () => helpers.redirectMap(maps.cpu_map!, 1 + (turn++ & 1), 0);
    },
  },
});
const nic = host.createDevice({ irqCpus: [0] });
host.attachXdp(nic.name, program);
await host.addHandler(ACCEPT_ALL); // somebody takes the packets at the end of the path

const events = host.trace.subscribe(['xdp_cpumap_enqueue', 'xdp_cpumap_kthread']);
nic.start(pktgenSource(parsePktgenSpec('flows=4'), 20));
await host.settle();
for (const record of events.read().records) console.log(host.trace.format(record));

const delivered = total(host.statistics(), ({ cpumap }) => cpumap.delivered);
console.log(`${nic.statistics().rx_packets} received, ${delivered} delivered, balanced: ${host.ledger().balanced}`);
await host.close();
