import { createAutoscaler, createSteering } from '@cpumap/autoscale';
import { ACCEPT_ALL, createHost } from '@cpumap/host';
import { parsePktgenSpec, pktgenSource } from '@cpumap/nic';

// A machine on a virtual clock: CPU 0 receives, CPUs 1 to 3 may take frames over. createLinuxBackend() does as well.
const host = await createHost({ cpus: 4, executor: 'virtual', seed: 1 });
const steering = await createSteering({ backend: host, cpus: [1, 2, 3] });
const nic = host.createDevice({ irqCpus: [0] });
host.attachXdp(nic.name, steering.program);
await host.addHandler(ACCEPT_ALL);

const scaler = createAutoscaler({ backend: host, steering, capacity: 1_000_000, coolDown: 1 });
scaler.tick(); // from here on it counts
for (const rate of [500, 500, 500, 1800, 1800, 200, 200, 200]) {
  const traffic = parsePktgenSpec(`flows=64,rate=${rate}k`);
  nic.start(pktgenSource(traffic, rate * 10)); // 10 ms of it
  await host.settle();
  const { active, changed } = scaler.tick();
  console.log(`${rate}k: ${changed ? 'now' : 'still'} CPUs ${active.join(', ')}`);
}
scaler.close();
await host.close();
steering.close();
