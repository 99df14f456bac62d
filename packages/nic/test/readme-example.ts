import * as nic from '@cpumap/nic';

// A frame, from what it is: lengths and checksums follow.
const frame = nic.buildFrame({
  network: { version: 4, source: '192.0.2.1', destination: '198.51.100.2' },
  transport: { protocol: 'udp', sourcePort: 1234, destinationPort: 9 },
  length: 60,
});

// Which of four queues a device puts it in: the low seven bits of its hash, looked up in the indirection table.
const hash = nic.rssHash(frame, nic.MICROSOFT_RSS_KEY);
const queue = nic.defaultIndirection(4)[hash % nic.INDIRECTION_ENTRIES];
console.log(`hash 0x${hash.toString(16)}, queue ${queue}`);

// A capture file, written and read.
const chunks: Uint8Array[] = [];
const writer = new nic.PcapngWriter({ write: (chunk) => void chunks.push(chunk.slice()) }, { application: 'example' });
const port = writer.addInterface({ name: 'nic0' });
for (const us of [0n, 250n, 1000n]) writer.frame(port, us * 1000n, frame);
writer.flush();
const capture = nic.decodeCapture(Buffer.concat(chunks));
console.log(`${capture.frames.length} frames from ${capture.interfaces[0]?.name}`);

// Sources for `device.start`: a replay at twice the speed, over and over; and a generator.
const replay = nic.captureSource(capture, { speed: 2, loop: true });
console.log(`due after ${replay.dueNs?.join(', ')} ns, again after ${replay.cycleNs}`);
const flood = nic.pktgenSource(nic.parsePktgenSpec('rate=1M,flows=64,imix'), 1_000_000);
console.log(`${flood.frames.length} different frames in a cycle of ${flood.order.length}, ${flood.count} in all`);
