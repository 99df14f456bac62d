/**
 * Reads what a sampled frame says about its flow: tags and encapsulations on the way in, and the innermost addresses,
 * protocol and ports that are there. Only the first bytes of a frame may be there; reading ends where they do.
 */
import { ipText } from './ip-text.ts';

export interface FiveTuple {
  readonly version: 4 | 6;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  /** Of TCP, UDP and SCTP; fragments have none. */
  readonly ports: { readonly source: number; readonly destination: number } | undefined;
  /** Of ESP. */
  readonly spi: number | undefined;
}

/** What can be looked into; VLAN tags always are. */
export type Encapsulation = 'pppoe' | 'mpls' | 'gre' | 'ipip' | 'vxlan' | 'geneve' | 'gtpu' | 'esp';

export interface Packet {
  /** What the innermost packet is wrapped in, outermost first. */
  readonly encapsulation: readonly string[];
  /** The innermost IP header that was reached; undefined: none. */
  readonly inner: FiveTuple | undefined;
  /** Behind the VLAN tags of the frame. */
  readonly etherType: number;
  /** Source and destination. */
  readonly mac: { readonly source: string; readonly destination: string };
}

const TCP = 6;
const UDP = 17;
const SCTP = 132;
const ESP = 50;
const ETH = { IP: 0x0800, IPV6: 0x86dd, VLAN: 0x8100, QINQ: 0x88a8, PPPOE: 0x8864, MPLS: 0x8847, TEB: 0x6558 } as const;
/** Deeper than programs look; ends what never ends. */
const MOST_LAYERS = 12;

const NAMES: Readonly<Record<number, string>> = {
  1: 'ICMP',
  2: 'IGMP',
  6: 'TCP',
  17: 'UDP',
  47: 'GRE',
  50: 'ESP',
  58: 'ICMPv6',
  132: 'SCTP',
};

export function protocolName(protocol: number): string {
  return NAMES[protocol] ?? `protocol ${protocol}`;
}

class EndOfSample extends Error {}

const EVERYTHING: readonly Encapsulation[] = ['pppoe', 'mpls', 'gre', 'ipip', 'vxlan', 'geneve', 'gtpu', 'esp'];

/**
 * @param into what is looked into; the rest is a packet like any other
 * @param levels how many of them, one in another, are looked into
 * @returns undefined for what is too short for Ethernet
 */
export function readPacket(
  bytes: Uint8Array,
  into: readonly Encapsulation[] = EVERYTHING,
  levels = MOST_LAYERS,
): Packet | undefined {
  if (bytes.length < 14) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const encapsulation: string[] = [];
  let inner: FiveTuple | undefined;
  let etherType = view.getUint16(12);
  let at = 0;
  let entered = 0;

  const enters = (what: Encapsulation): boolean => into.includes(what) && entered < levels;
  /** Notes what the packet that follows is in. */
  const enter = (text: string): void => {
    encapsulation.push(text);
    entered++;
  };
  const need = (length: number): void => {
    if (at + length > bytes.length) throw new EndOfSample();
  };
  const u8 = (offset: number): number => view.getUint8(at + offset);
  const u16 = (offset: number): number => view.getUint16(at + offset);
  const u32 = (offset: number): number => view.getUint32(at + offset);

  type Layer = { readonly ether: number } | { readonly ip: number } | undefined;

  function readEther(type: number): Layer {
    switch (type) {
      case ETH.VLAN:
      case ETH.QINQ: {
        need(4);
        encapsulation.push(`VLAN ${u16(0) & 0xfff}`);
        const next = u16(2);
        at += 4;
        return { ether: next };
      }
      case ETH.PPPOE: {
        if (!enters('pppoe')) return undefined;
        need(8);
        enter(`PPPoE session ${u16(2)}`);
        const protocol = u16(6);
        at += 8;
        return protocol === 0x21 ? { ether: ETH.IP } : protocol === 0x57 ? { ether: ETH.IPV6 } : undefined;
      }
      case ETH.MPLS:
        return enters('mpls') ? readMpls() : undefined;
      case ETH.TEB:
        return readEthernet();
      case ETH.IP:
        return readIpv4();
      case ETH.IPV6:
        return readIpv6();
      default:
        return undefined;
    }
  }

  function readEthernet(): Layer {
    need(14);
    const next = u16(12);
    at += 14;
    return { ether: next };
  }

  function readMpls(): Layer {
    for (;;) {
      need(4);
      const label = u32(0);
      encapsulation.push(`MPLS ${label >>> 12}`);
      at += 4;
      if ((label & 0x100) !== 0) break;
    }
    entered++;
    need(1);
    const version = u8(0) >> 4;
    return version === 4 ? { ether: ETH.IP } : version === 6 ? { ether: ETH.IPV6 } : undefined;
  }

  function readIpv4(): Layer {
    need(20);
    const header = (u8(0) & 0xf) * 4;
    const fragment = (u16(6) & 0x3fff) !== 0;
    const addresses = {
      source: ipText(bytes.subarray(at + 12, at + 16)),
      destination: ipText(bytes.subarray(at + 16, at + 20)),
    };
    const protocol = u8(9);
    at += Math.max(header, 20);
    return readTransport({ version: 4, ...addresses, protocol }, fragment);
  }

  function readIpv6(): Layer {
    need(40);
    const addresses = {
      source: ipText(bytes.subarray(at + 8, at + 24)),
      destination: ipText(bytes.subarray(at + 24, at + 40)),
    };
    const protocol = u8(6);
    at += 40;
    return readTransport({ version: 6, ...addresses, protocol }, false);
  }

  /** Notes the tuple first: what is behind the sample's end is only missing from it. */
  function readTransport(
    tuple: Pick<FiveTuple, 'version' | 'source' | 'destination' | 'protocol'>,
    fragment: boolean,
  ): Layer {
    const whole = (length: number): boolean => !fragment && at + length <= bytes.length;
    const hasPorts = [TCP, UDP, SCTP].includes(tuple.protocol) && whole(4);
    inner = {
      ...tuple,
      ports: hasPorts ? { source: u16(0), destination: u16(2) } : undefined,
      spi: tuple.protocol === ESP && enters('esp') && whole(4) ? u32(0) : undefined,
    };
    if (fragment) return undefined;
    if (tuple.protocol === UDP && hasPorts) return readUdp(u16(2), u16(0));
    return { ip: tuple.protocol };
  }

  function readUdp(port: number, from: number): Layer {
    if (port === 4789 && enters('vxlan')) {
      need(16);
      enter(`VXLAN ${u32(12) >>> 8}`);
      at += 16;
      return readEthernet();
    }
    if (port === 6081 && enters('geneve')) {
      need(16);
      enter(`Geneve ${u32(12) >>> 8}`);
      const protocol = u16(10);
      at += 16 + (u8(8) & 0x3f) * 4;
      return { ether: protocol };
    }
    if ((port === 2152 || from === 2152) && enters('gtpu')) return readGtpu();
    if ((port === 4500 || from === 4500) && enters('esp')) {
      need(12);
      if (u32(8) === 0) return undefined;
      enter('ESP in UDP');
      inner = { ...inner!, spi: u32(8) };
    }
    return undefined;
  }

  function readGtpu(): Layer {
    need(16);
    const flags = u8(8);
    if (flags >> 4 !== 3 || u8(9) !== 255) return undefined;
    enter(`GTP-U ${u32(12)}`);
    at += 16;
    if ((flags & 7) !== 0) {
      need(4);
      let extension = (flags & 4) !== 0 ? u8(3) : 0;
      at += 4;
      while (extension !== 0) {
        need(1);
        const length = Math.max(u8(0), 1) * 4;
        need(length);
        extension = u8(length - 1);
        at += length;
      }
    }
    need(1);
    return { ether: u8(0) >> 4 === 6 ? ETH.IPV6 : ETH.IP };
  }

  function readIp(protocol: number): Layer {
    switch (protocol) {
      case 4:
        if (!enters('ipip')) return undefined;
        enter('IP in IP');
        return { ether: ETH.IP };
      case 41:
        if (!enters('ipip')) return undefined;
        enter('IPv6 in IP');
        return { ether: ETH.IPV6 };
      case 47: {
        if (!enters('gre')) return undefined;
        need(4);
        const flags = u16(0);
        const next = u16(2);
        enter('GRE');
        at +=
          4 + ((flags & 0x8000) !== 0 ? 4 : 0) + ((flags & 0x2000) !== 0 ? 4 : 0) + ((flags & 0x1000) !== 0 ? 4 : 0);
        return { ether: next };
      }
      default:
        return undefined;
    }
  }

  const macText = (offset: number): string =>
    Array.from(bytes.subarray(offset, offset + 6), (byte) => byte.toString(16).padStart(2, '0')).join(':');

  at = 14;
  try {
    let layer: Layer = { ether: etherType };
    for (let depth = 0; layer !== undefined && depth < MOST_LAYERS; depth++) {
      if ('ether' in layer) {
        if (encapsulation.every((name) => name.startsWith('VLAN')))
          etherType = inner === undefined ? layer.ether : etherType;
        layer = readEther(layer.ether);
      } else layer = readIp(layer.ip);
    }
  } catch (error) {
    if (!(error instanceof EndOfSample)) throw error;
  }
  return { encapsulation, inner, etherType, mac: { source: macText(6), destination: macText(0) } };
}
