/** A virtual machine that has seen drops, redirects to two CPUs, a full ring and a failed redirect. */
import { ACCEPT_ALL, cpuMapOf, createHost, type Host } from '@cpumap/host';
import { parsePktgenSpec, pktgenSource } from '@cpumap/nic';
import { remoteProgram, sampleMaps, sampleProgram } from '@cpumap/programs';

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

export async function busyHost(): Promise<Host> {
  const host = await createHost({ cpus: 4, executor: 'virtual' });
  const maps = Object.fromEntries(sampleMaps(4, 8).map((spec) => [spec.name, host.createMap(spec)]));
  const drop = await host.loadProgram(remoteProgram('drop'));
  cpuMapOf(maps.cpu_map!).set(1, { qsize: 8 }); // small: it refuses frames
  cpuMapOf(maps.cpu_map!).set(2, { qsize: 2048, program: drop.id });
  for (const [index, cpu] of [1, 2, 3].entries()) maps.cpus_available!.update(index, u32(cpu)); // CPU 3 has no entry
  maps.cpus_count!.update(0, u32(3));
  const nic = host.createDevice({ channels: 1, irqCpus: [0] });
  host.attachXdp(nic.name, await host.loadProgram(sampleProgram('round_robin', { maps, nrCpus: 4 })));
  await host.addHandler(ACCEPT_ALL);
  nic.start(pktgenSource(parsePktgenSpec(''), 3000));
  await host.settle();
  return host;
}
