/** GRO of the engine: a device whose program fans out, a cpumap entry on the other CPU, and a handler that copies. */
import { createHost } from '@cpumap/host';
import { copyMacFrame, readGso } from '@cpumap/skb';
import { BPF_MAP_TYPE, NET_RX_SUCCESS, SKB_GSO } from '@cpumap/uapi';
import { programSpec } from '../program-spec.ts';
import {
  DUMMY_BYTES,
  FRAME_VALUE,
  fanOut,
  type GroFrame,
  type GroPacket,
  LONGEST_FRAME,
  MOST_FRAMES,
  storeFrames,
} from './sequence.ts';

/** Who can be asked. */
export interface GroSubject {
  run(frames: readonly GroFrame[], udpForwarding?: boolean): Promise<GroPacket[]>;
  close(): Promise<void>;
}

function virtioType(type: number): number {
  if ((type & SKB_GSO.UDP_L4) !== 0) return 5;
  if ((type & SKB_GSO.TCPV6) !== 0) return 4;
  return (type & SKB_GSO.TCPV4) !== 0 ? 1 : 0;
}

export async function engineGro(): Promise<GroSubject> {
  const host = await createHost({ cpus: 2, executor: 'virtual', seed: 1, memoryBytes: 64 << 20 });
  const map = (name: string, type: number, valueSize: number, maxEntries: number) => {
    const made = host.createMap({ name, type, keySize: 4, valueSize, maxEntries });
    return { ...made, handle: made.id };
  };
  const counter = map('counter', BPF_MAP_TYPE.ARRAY, 4, 1);
  const store = map('frames', BPF_MAP_TYPE.ARRAY, FRAME_VALUE, MOST_FRAMES);
  const cpus = map('cpus', BPF_MAP_TYPE.CPUMAP, 4, 2);
  cpus.update(1, new Uint8Array(Uint32Array.of(192).buffer));
  const device = host.createDevice({ irqCpus: [0], mtu: LONGEST_FRAME, buffers: 512, gro: true });
  const program = await host.loadProgram(programSpec({ text: fanOut, maps: { counter, frames: store, cpus } }));
  host.attachXdp(device.name, program);
  let got: GroPacket[] = [];
  await host.addHandler({
    factory: ({ memory }) => ({
      receive(skb) {
        const { size, type, csumStart, csumOffset } = readGso(memory, skb);
        const gsoType = virtioType(type);
        got.push({ bytes: copyMacFrame(memory, skb), gsoSize: size, gsoType, csumStart, csumOffset });
        return NET_RX_SUCCESS;
      },
    }),
  });
  return {
    async run(frames, rxUdpGroForwarding = false) {
      got = [];
      device.setFeatures({ rxUdpGroForwarding });
      storeFrames(counter, store, frames);
      const dummy = new Uint8Array(DUMMY_BYTES);
      device.start({ frames: [dummy], order: new Uint32Array(frames.length), count: frames.length });
      await host.settle();
      const { balanced, inFlight, problems } = host.ledger();
      if (!balanced || inFlight !== 0) throw new Error(`the ledger is not balanced: ${problems.join('; ')}`);
      return got;
    },
    close: () => host.close(),
  };
}
