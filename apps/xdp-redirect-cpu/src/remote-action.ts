/** The second programs that come with the command: what runs on the remote CPU in the entries of the cpumap. */
import type { BpfMap, BpfProgram } from '@cpumap/bpf';
import type { Host } from '@cpumap/host';
import { egressProgram, remoteProgram, txPortMap } from '@cpumap/programs';
import type { Settings } from './settings.ts';

/** A device that only sends needs next to no buffers. */
const SENDS_ONLY = { rxRing: 8, buffers: 64 };

/**
 * The program for --remote-action; undefined for `disabled`. `redirect` makes the device of --redirect-device, to which the
 * program sends every frame with its addresses swapped; on the way out the frame gets that device's address as its source.
 * The map that names the device is added to `maps`.
 */
export async function loadRemoteAction(
  host: Host,
  { remoteAction, redirectDevice, mtu }: Settings,
  frags: boolean,
  maps: Record<string, BpfMap>,
): Promise<BpfProgram | undefined> {
  if (remoteAction === 'disabled') return undefined;
  if (remoteAction !== 'redirect') return host.loadProgram(remoteProgram(remoteAction, { frags }));
  const device = host.createDevice({ name: redirectDevice!, mtu, ...SENDS_ONLY });
  const port = host.createMap(txPortMap());
  maps.tx_port = port;
  const program = await host.loadProgram(remoteProgram('redirect', { frags, maps: { tx_port: port } }));
  const egress = await host.loadProgram(egressProgram(device.address, { frags }));
  port.update(0, new Uint8Array(Uint32Array.of(device.ifindex, egress.id).buffer));
  return program;
}
