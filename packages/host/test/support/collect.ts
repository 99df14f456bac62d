/** What reached the stack, in order, on the virtual executor. */
import type { Host } from '@cpumap/host';
import { copyMacFrame, readSkBuff } from '@cpumap/skb';
import { NET_RX_SUCCESS } from '@cpumap/uapi';

export interface Delivered {
  readonly cpu: number;
  /** The whole frame, MAC header included. */
  readonly frame: Uint8Array;
  /** The metadata in front of it. */
  readonly meta: Uint8Array;
  readonly skb: ReturnType<typeof readSkBuff>;
}

/** Takes every frame and keeps a copy; the list grows while the machine runs. */
export async function collect(host: Host): Promise<Delivered[]> {
  const list: Delivered[] = [];
  await host.addHandler({
    factory: ({ memory, cpu }) => ({
      receive(pointer) {
        const skb = readSkBuff(memory, pointer);
        const mac = skb.head + skb.mac_header;
        list.push({ cpu, frame: copyMacFrame(memory, pointer), meta: memory.u8.slice(mac - skb.meta_len, mac), skb });
        return NET_RX_SUCCESS;
      },
    }),
  });
  return list;
}
