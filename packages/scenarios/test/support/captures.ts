/** A capture in memory: TCP in both directions and some frames that are no TCP. */
import { buildFrame, type DecodedCapture } from '@cpumap/nic';

const frame = (n: number, protocol: 'tcp' | 'udp', vlans: { id: number }[] = []): Uint8Array =>
  buildFrame({
    vlans,
    network: { version: 4, source: `192.0.2.${1 + (n % 200)}`, destination: '198.51.100.1' },
    transport: { protocol, sourcePort: 2000 + n, destinationPort: protocol === 'tcp' ? 80 : 9 },
    length: 60 + (n % 1400),
  });

export function captureOf(frames: readonly Uint8Array[]): DecodedCapture {
  return {
    format: 'pcap',
    frames: frames.map((data) => ({ data, originalLength: data.length, timestampNs: 0n, interfaceId: 0 })),
    interfaces: [{ name: 'test', description: '', linkType: 1, snaplen: 0 }],
  };
}

export const TCP_FRAMES = 100;

/** 100 frames of TCP, 20 of them tagged, and 50 of UDP. */
export const CAPTURE: DecodedCapture = captureOf([
  ...Array.from({ length: 80 }, (_, n) => frame(n, 'tcp')),
  ...Array.from({ length: 50 }, (_, n) => frame(n, 'udp')),
  ...Array.from({ length: 20 }, (_, n) => frame(100 + n, 'tcp', [{ id: 7 }])),
]);

export const UDP_ONLY: DecodedCapture = captureOf(Array.from({ length: 5 }, (_, n) => frame(n, 'udp')));
