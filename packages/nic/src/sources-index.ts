/** What this package offers to whoever makes or reads frames: captures, frame building, the generator and RSS. */
export { CaptureError } from './capture/capture-error.ts';
export { decodeCapture } from './capture/decode.ts';
export type {
  PcapngFrameOptions,
  PcapngInterfaceOptions,
  PcapngSink,
  PcapngStatistics,
  PcapngWriterOptions,
} from './capture/pcapng-writer.ts';
export { PcapngWriter } from './capture/pcapng-writer.ts';
export type {
  CapturedFrame,
  CaptureErrorCode,
  CaptureInterface,
  CaptureProblem,
  DecodedCapture,
} from './capture/types.ts';
export { type Address, ipv4Bytes, ipv6Bytes } from './frames/addresses.ts';
export type { FrameShape } from './frames/build-frame.ts';
export { buildFrame, frameHeaderLength } from './frames/build-frame.ts';
export { checksumAdd, checksumFold, internetChecksum } from './frames/checksum.ts';
export type { FrameSpec, IcmpSpec, Ipv4Spec, Ipv6Spec, TcpSpec, UdpSpec, VlanSpec } from './frames/frame-spec.ts';
export { TCP_FLAG } from './frames/frame-spec.ts';
export { PktgenSpecError } from './pktgen/pktgen-error.ts';
export type { PktgenKey, PktgenProtocol, PktgenSpec } from './pktgen/spec.ts';
export { FCS_LENGTH, PKTGEN_KEYS, PKTGEN_MAX_FLOWS, parsePktgenSpec } from './pktgen/spec.ts';
export type { FrameTemplate, PktgenAddresses, PktgenSequence } from './pktgen/templates.ts';
export { pktgenFrameLengths, pktgenSequence, pktgenTemplates } from './pktgen/templates.ts';
export type { RssHasher } from './rss.ts';
export {
  createRssHasher,
  defaultIndirection,
  INDIRECTION_ENTRIES,
  MICROSOFT_RSS_KEY,
  RSS_KEY_LENGTH,
  RSS_VLAN_TAGS,
  rssHash,
  toeplitzHash,
} from './rss.ts';
