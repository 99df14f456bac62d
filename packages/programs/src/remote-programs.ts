/**
 * Second programs as assembly text, as xdp-bench has them. Those for cpumap entries run on the remote CPU before the
 * sk_buff is built; the one for a devmap entry runs before the frame is sent.
 */
import { BPF_FUNC, ETH_ALEN, ETH_HLEN, XDP_DROP, XDP_MD, XDP_PASS } from '@cpumap/uapi';

/** Hands every frame on to the stack. */
export const cpumapPass = `
    r0 = ${XDP_PASS}
    exit`;

/** Drops every frame. */
export const cpumapDrop = `
    r0 = ${XDP_DROP}
    exit`;

/** r2 = the packet's first byte; a frame without a whole Ethernet header is dropped. */
const loadEthernet = `
    r0 = ${XDP_DROP}
    r2 = *(u32 *)(r1 + ${XDP_MD.data})
    r3 = *(u32 *)(r1 + ${XDP_MD.data_end})
    r1 = r2
    r1 += ${ETH_HLEN}
    if r1 > r3 goto out`;

/** Swaps the MAC addresses and redirects to the device that tx_port has. */
export const cpumapRedirect = `
    ${loadEthernet}
    r1 = *(u32 *)(r2 + 0)
    r3 = *(u16 *)(r2 + 4)
    r4 = *(u32 *)(r2 + ${ETH_ALEN})
    r5 = *(u16 *)(r2 + ${ETH_ALEN + 4})
    *(u32 *)(r2 + 0) = r4
    *(u16 *)(r2 + 4) = r5
    *(u32 *)(r2 + ${ETH_ALEN}) = r1
    *(u16 *)(r2 + ${ETH_ALEN + 4}) = r3
    r1 = map(tx_port) ll
    r2 = 0
    r3 = 0
    call ${BPF_FUNC.redirect_map}
  out:
    exit`;

/** Writes the source address of the device that sends: `mac`, six bytes, is a constant of the code. */
export function devmapEgress(mac: Uint8Array): string {
  const view = new DataView(mac.buffer, mac.byteOffset, mac.byteLength);
  return `
    ${loadEthernet}
    *(u32 *)(r2 + ${ETH_ALEN}) = ${view.getUint32(0, true)}
    *(u16 *)(r2 + ${ETH_ALEN + 4}) = ${view.getUint16(4, true)}
    r0 = ${XDP_PASS}
  out:
    exit`;
}
