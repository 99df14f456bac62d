/**
 * What a driver says of itself: ioctl(SIOCETHTOOL), which answers in the calling thread's network namespace and to anyone.
 * Only the commands that read are here. What a driver does not answer is undefined.
 */
import { libc } from './libc.ts';

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
const SIOCETHTOOL = 0x8946;
/** struct ifreq: the name, then the pointer to the command's struct. */
const IFREQ = { name: 0, nameBytes: 16, data: 16, sizeof: 40 };

const ETHTOOL = { GDRVINFO: 0x3, GRINGPARAM: 0x10, GTXCSUM: 0x16, GRXFHINDIR: 0x38, GCHANNELS: 0x3c } as const;
/** struct ethtool_drvinfo */
const DRVINFO = { driver: 4, busInfo: 100, stringBytes: 32, sizeof: 196 };
/** struct ethtool_channels */
const CHANNELS = { maxRx: 4, maxCombined: 16, rx: 20, combined: 32, sizeof: 36 };
/** struct ethtool_ringparam */
const RINGPARAM = { rxMax: 4, rx: 20, sizeof: 36 };
/** struct ethtool_rxfh_indir; the entries follow. */
const INDIR = { size: 4, sizeof: 8 };
const VALUE = { data: 4, sizeof: 8 };

export interface DriverFacts {
  readonly driver: string | undefined;
  /** Where the device sits, as PCI addresses are written. */
  readonly bus: string | undefined;
  /** RX queues in use, and the most there can be. */
  readonly channels: { readonly rx: number; readonly max: number } | undefined;
  readonly rxRing: { readonly size: number; readonly max: number } | undefined;
  /** The RX queue of each slot of the RSS indirection table. */
  readonly indirection: readonly number[] | undefined;
  /** Whether the stack leaves checksums of what it sends to the device. */
  readonly txChecksum: boolean | undefined;
}

function text(view: DataView, at: number): string | undefined {
  const bytes = new Uint8Array(view.buffer, at, DRVINFO.stringBytes);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end)) || undefined;
}

export function driverFacts(name: string): DriverFacts {
  const c = libc();
  const fd = c.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0);

  /** The struct as the kernel filled it. */
  function ask(command: number, bytes: number, size = 0): DataView | undefined {
    const answer = new DataView(new ArrayBuffer(bytes)); // a buffer of its own, which the collector does not move
    answer.setUint32(0, command, true);
    if (size > 0) answer.setUint32(INDIR.size, size, true);
    const request = new DataView(new ArrayBuffer(IFREQ.sizeof));
    new Uint8Array(request.buffer).set(new TextEncoder().encode(name).subarray(0, IFREQ.nameBytes - 1));
    request.setBigUint64(IFREQ.data, c.address(new Uint8Array(answer.buffer)), true);
    const result = c.ioctl(fd, SIOCETHTOOL, Number(c.address(new Uint8Array(request.buffer))));
    return result < 0 ? undefined : answer;
  }

  function indirection(): number[] | undefined {
    const size = ask(ETHTOOL.GRXFHINDIR, INDIR.sizeof)?.getUint32(INDIR.size, true) ?? 0;
    const table = size === 0 ? undefined : ask(ETHTOOL.GRXFHINDIR, INDIR.sizeof + 4 * size, size);
    return table && Array.from({ length: size }, (_, slot) => table.getUint32(INDIR.sizeof + 4 * slot, true));
  }

  try {
    const info = ask(ETHTOOL.GDRVINFO, DRVINFO.sizeof);
    const channels = ask(ETHTOOL.GCHANNELS, CHANNELS.sizeof);
    const ring = ask(ETHTOOL.GRINGPARAM, RINGPARAM.sizeof);
    const both = (view: DataView, a: number, b: number): number => view.getUint32(a, true) + view.getUint32(b, true);
    const checksum = ask(ETHTOOL.GTXCSUM, VALUE.sizeof);
    return {
      driver: info && text(info, DRVINFO.driver),
      bus: info && text(info, DRVINFO.busInfo),
      channels: channels && {
        rx: both(channels, CHANNELS.rx, CHANNELS.combined),
        max: both(channels, CHANNELS.maxRx, CHANNELS.maxCombined),
      },
      rxRing: ring && { size: ring.getUint32(RINGPARAM.rx, true), max: ring.getUint32(RINGPARAM.rxMax, true) },
      indirection: indirection(),
      txChecksum: checksum && checksum.getUint32(VALUE.data, true) !== 0,
    };
  } finally {
    c.close(fd);
  }
}
