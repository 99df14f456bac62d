/** Packet handlers that come with the engine, for every CPU to import by name. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { PcapngWriter } from '@cpumap/nic';
import { copyMacFrame, type PacketHandlerFactory } from '@cpumap/skb';
import { NET_RX_SUCCESS } from '@cpumap/uapi';

/** Takes every frame. The stack's own counters count it. */
export const acceptAll: PacketHandlerFactory = () => ({ receive: () => NET_RX_SUCCESS });

export interface CaptureFileOptions {
  readonly path: string;
  readonly application: string;
  /** One interface per CPU, in the order of the CPUs. */
  readonly interfaces: readonly string[];
  /** Added to the machine's clock: nanoseconds since 1970 at its start. */
  readonly epochNs: bigint;
}

function writerOf(
  { application, interfaces }: CaptureFileOptions,
  sink: { write(chunk: Uint8Array): void },
): PcapngWriter {
  const writer = new PcapngWriter(sink, { application });
  for (const name of interfaces) writer.addInterface({ name });
  return writer;
}

function writeAll(fd: number, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
}

/** Creates or empties the file and writes what comes before the frames. Host thread, before the handler is added. */
export function beginCaptureFile(options: CaptureFileOptions): void {
  const fd = openSync(options.path, 'w');
  try {
    writerOf(options, { write: (chunk) => writeAll(fd, chunk) }).flush();
  } finally {
    closeSync(fd);
  }
}

/**
 * Appends every frame that its CPU receives to a pcapng file that all CPUs share. Each CPU opens the file to append and
 * writes whole blocks, so the blocks of several CPUs lie one after the other and never in each other.
 */
export const captureFile: PacketHandlerFactory = ({ memory, cpu, now, options }) => {
  const settings = options as CaptureFileOptions;
  const fd = openSync(settings.path, 'a');
  let started = false;
  const writer = writerOf(settings, {
    write(chunk) {
      if (started) writeAll(fd, chunk);
    },
  });
  writer.flush(); // the header is in the file already
  started = true;
  return {
    receive(skb) {
      writer.frame(cpu, settings.epochNs + BigInt(Math.round(now())), copyMacFrame(memory, skb));
      return NET_RX_SUCCESS;
    },
    close() {
      writer.flush();
      closeSync(fd);
    },
  };
};
