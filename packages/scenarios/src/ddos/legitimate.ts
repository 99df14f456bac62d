/** The legitimate side of a flood: the TCP frames of a capture, in their order. */
import type { DecodedCapture } from '@cpumap/nic';
import { ETH_HLEN, ETH_P, IPPROTO } from '@cpumap/uapi';
import { refuse } from '../settings.ts';

/** The longest that the device takes: 1500 bytes and the headers in front of them. */
const LONGEST = 1522;
const VLAN_TAG = 4;
const MOST_TAGS = 2;
/** As many as a cycle of the mixed traffic has room for. */
const MOST_FRAMES = 20_000;

/** TCP over IPv4 or IPv6, behind up to two VLAN tags; not the later fragments, and not behind extension headers. */
function isTcp(frame: Uint8Array): boolean {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  let network = ETH_HLEN;
  for (let tags = 0; tags < MOST_TAGS && network <= frame.length; tags++, network += VLAN_TAG) {
    const type = view.getUint16(network - 2);
    if (type !== ETH_P['8021Q'] && type !== ETH_P['8021AD']) break;
  }
  if (network + 20 > frame.length) return false;
  const type = view.getUint16(network - 2);
  if (type === ETH_P.IP) return view.getUint8(network + 9) === IPPROTO.TCP;
  return type === ETH_P.IPV6 && view.getUint8(network + 6) === IPPROTO.TCP;
}

/** @throws KernelError EINVAL when the capture has no TCP frame of a length that the device takes */
export function legitimateFrames(capture: DecodedCapture): Uint8Array[] {
  const frames = capture.frames
    .map(({ data }) => data)
    .filter((frame) => frame.length >= ETH_HLEN && frame.length <= LONGEST && isTcp(frame));
  if (frames.length > 0) return frames.slice(0, MOST_FRAMES);
  return refuse(
    'ddos',
    `the capture's ${capture.frames.length} frames hold no TCP of up to ${LONGEST} bytes: give one with TCP flows`,
  );
}
