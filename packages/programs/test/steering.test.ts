/** What the steering programs answer to frames made up, one property at a time. */
import { ETH_P, IPPROTO, XDP_PASS, XDP_REDIRECT } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { STEERING_PROGRAMS, type SteeringMode, steeringProgram } from '../src/index.ts';
import { steeringHash } from './reference/steering.ts';
import { BEFORE, espFrame } from './support/encapsulations.ts';
import { ENGINES, load } from './support/harness.ts';
import { ethernet, frame, ipv4, ipv6, tcp, udp } from './support/packets.ts';

const NR_CPUS = 12;
const cpusAvailable = Array.from({ length: NR_CPUS }, (_, i) => i);
const { TCP, UDP } = IPPROTO;

type Send = (packet: Uint8Array) => number | undefined;

/** The CPU that a program redirects to, undefined where it lets the frame pass. */
function sender(engine: (typeof ENGINES)[number], mode: SteeringMode): Send {
  const { send } = load(engine, `steer_${mode}`, { cpusAvailable });
  return (packet) => {
    const { verdict, cpu } = send(packet);
    expect([XDP_PASS, XDP_REDIRECT]).toContain(verdict);
    return cpu;
  };
}

const ends4 = (n: number) =>
  [
    [10, 1, n >> 8, n & 255],
    [10, 2, 0, 1],
  ] as const;
const ends6 = (n: number) =>
  [
    [0x20, 1, ...Array(12).fill(0), n >> 8, n & 255],
    [0x20, 1, ...Array(13).fill(9), 1],
  ] as const;

/** The IP packet of flow number `n`, there or back. */
function flow(version: 4 | 6, n: number, back = false): readonly number[] {
  const [a, b] = version === 4 ? ends4(n) : ends6(n);
  const [source, destination] = back ? [b, a] : [a, b];
  const header = version === 4 ? ipv4 : ipv6;
  return [...header(TCP, source, destination), ...(back ? tcp(443, 40_000 + n) : tcp(40_000 + n, 443))];
}

const TABLE = Object.entries(BEFORE).flatMap(([name, { mode, bytes }]) =>
  ([4, 6] as const).flatMap((version) =>
    [...new Set([mode, 'auto'])].map((which) => [name, version, which as SteeringMode, bytes(version)] as const),
  ),
);

describe.each(ENGINES)('on the %s', (engine) => {
  it.each(TABLE)(
    '%s, IPv%i inside: steer_%s goes by the flow inside, in both directions',
    (_name, version, mode, before) => {
      const send = sender(engine, mode);
      const plain = sender(engine, 'qinq');
      const cpus = new Set<number | undefined>();
      for (let n = 0; n < 64; n++) {
        const cpu = send(frame(before, flow(version, n)));
        expect(cpu).toBe(plain(frame(ethernet(version === 4 ? ETH_P.IP : ETH_P.IPV6), flow(version, n))));
        expect(send(frame(before, flow(version, n, true)))).toBe(cpu);
        cpus.add(cpu);
      }
      expect(cpus.size).toBeGreaterThan(8);
    },
  );

  it.each(TABLE)('%s, IPv%i inside: steer_%s redirects it wherever it is cut off', (_name, version, mode, before) => {
    const send = sender(engine, mode);
    const whole = frame(before, flow(version, 7));
    for (let length = 0; length <= whole.length; length++) {
      const packet = whole.subarray(0, length);
      const hash = steeringHash(mode, packet);
      expect(send(packet), `${length} bytes`).toBe(hash === 'pass' ? undefined : hash % NR_CPUS);
      expect(hash === 'pass').toBe(length < 14);
    }
  });

  const modes = STEERING_PROGRAMS.map(({ mode }) => mode);

  it.each(modes)('steer_%s spreads plain traffic, too', (mode) => {
    const send = sender(engine, mode);
    const cpus = Array.from({ length: 200 }, (_, n) => send(frame(ethernet(ETH_P.IP), flow(4, n))));
    expect(new Set(cpus).size).toBe(NR_CPUS);
  });

  it.each(modes)('steer_%s passes 802.3 and redirects what is not IP by its MAC addresses', (mode) => {
    const send = sender(engine, mode);
    expect(send(frame(ethernet(0x5ff)))).toBeUndefined();
    const arp = frame(ethernet(ETH_P.ARP));
    const cpus = Array.from({ length: 200 }, (_, n) => {
      arp[5] = n;
      return send(arp);
    });
    expect(new Set(cpus).size).toBe(NR_CPUS);
    const back = Uint8Array.from([...arp.subarray(6, 12), ...arp.subarray(0, 6), ...arp.subarray(12)]);
    expect(send(back)).toBe(cpus.at(-1));
  });

  it('all fragments of a packet go to one CPU, whatever their first bytes', () => {
    const send = sender(engine, 'vxlan');
    const { bytes } = BEFORE.VXLAN!;
    const fragment = (field: number, port: number): Uint8Array => {
      const header = [...ipv4(UDP), ...udp(port, port)];
      header[6] = field >> 8;
      header[7] = field & 255;
      return frame(bytes(4), header);
    };
    const cpus = [0x2000, 0x2005, 0x0005].flatMap((field) =>
      [1, 2, 3, 4, 5].map((port) => send(fragment(field, port))),
    );
    expect(new Set(cpus).size).toBe(1);
    const whole = [1, 2, 3, 4, 5].map((port) => send(fragment(0x4000, port))); // do not fragment
    expect(new Set(whole).size).toBeGreaterThan(1);
  });

  it('fragments of the tunnel go by the outer addresses', () => {
    const send = sender(engine, 'auto');
    const cpus = Array.from({ length: 50 }, (_, n) => {
      const packet = frame(BEFORE.GRE!.bytes(4), flow(4, n));
      packet[14 + 6] = 0x20;
      return send(packet);
    });
    expect(new Set(cpus).size).toBe(1);
  });

  it('ESP goes by its SPI, in UDP from or to port 4500, too', () => {
    for (const mode of ['esp', 'auto'] as const) {
      const send = sender(engine, mode);
      for (const ports of [undefined, [4500, 4500], [61_234, 4500], [4500, 61_234]] as const) {
        const cpus = Array.from({ length: 200 }, (_, n) => send(espFrame(0xc000_0000 + n * 7919, ports)));
        expect(new Set(cpus).size).toBe(NR_CPUS);
      }
      const ike = frame(ethernet(ETH_P.IP), ipv4(UDP, [192, 0, 2, 1], [192, 0, 2, 2]), udp(4500, 4500));
      expect(send(espFrame(0, [4500, 4500]))).toBe(send(ike));
    }
  });

  // the control traffic of tunnels, and what is not read: by the outer header, as if the program knew no tunnel
  it.each<[string, SteeringMode, string, number, number]>([
    ['a PPPoE code that is not session data', 'pppoe', 'PPPoE', 15, 0xa7],
    ['LCP', 'pppoe', 'PPPoE', 20, 0xc0],
    ['GRE version 1', 'gre', 'GRE', 35, 1],
    ['GRE with source routing', 'gre', 'GRE', 34, 0x40],
    ['ARP in GRE', 'gre', 'GRE', 37, 6],
    ['VXLAN without a VNI', 'vxlan', 'VXLAN', 42, 0],
    ['Geneve version 1', 'geneve', 'Geneve', 42, 0x40],
    ['a GTP-U echo', 'gtpu', 'GTP-U', 43, 1],
    ["GTP'", 'gtpu', 'GTP-U', 42, 0x20],
    ['a GTP-U extension header of no bytes', 'gtpu', 'GTP-U with a PDU session container', 54, 0],
    ['a fifth GTP-U extension header', 'gtpu', 'GTP-U with four extension headers', 73, 0x20],
    ['a seventh MPLS label', 'mpls', 'six MPLS labels', 36, 0],
    ['an inner version 5', 'mpls', 'one MPLS label', 18, 0x55],
    ['an inner IPv4 header of 16 bytes', 'gre', 'GRE', 38, 0x44],
  ])('%s goes by the outer header', (_name, mode, encapsulation, at, value) => {
    const whole = frame(BEFORE[encapsulation]!.bytes(4), flow(4, 3));
    expect(whole[at]).not.toBe(value);
    whole[at] = value;
    const outer = sender(engine, 'qinq')(whole);
    expect(outer).toBeDefined();
    expect([sender(engine, mode)(whole), sender(engine, 'auto')(whole)]).toEqual([outer, outer]);
  });
});

it.each(TABLE)(
  '%s, IPv%i inside: steer_%s gives every CPU about its share of 6,000 flows',
  (_name, version, mode, before) => {
    const { send } = load('jit', `steer_${mode}`, { cpusAvailable });
    const packet = frame(before, flow(version, 0));
    const share = new Array<number>(NR_CPUS).fill(0);
    const at = before.length + (version === 4 ? 14 : 22); // the end of the source address
    for (let n = 0; n < 6000; n++) {
      packet[at] = n >> 8;
      packet[at + 1] = n;
      share[send(packet).cpu!]!++;
    }
    expect(Math.min(...share)).toBeGreaterThan(400); // 500 expected, standard deviation 21
    expect(Math.max(...share)).toBeLessThan(600);
  },
);

describe('steeringProgram', () => {
  const maps = Object.fromEntries(
    ['cpu_map', 'rx_cnt', 'cpus_available', 'cpus_count', 'cpus_iterator'].map((name, i) => [
      name,
      { id: i + 1, pointer: 8 },
    ]),
  );

  it('finds a program by name and mode, and takes the maps that its code names', () => {
    for (const { name, mode, maps: used } of STEERING_PROGRAMS) {
      const spec = steeringProgram(mode, { maps, nrCpus: 12 });
      expect(steeringProgram(name, { maps, nrCpus: 12 })).toEqual(spec);
      expect(spec).toMatchObject({ name, frags: false });
      expect(spec.name.length).toBeLessThan(16); // BPF_OBJ_NAME_LEN
      expect(Object.keys(spec.maps!)).toEqual(used);
      expect([...new Set(spec.code.bytecode.mapReferences.map(({ target }) => target))].sort()).toEqual(
        [...used].sort(),
      );
      expect(steeringProgram(mode, { maps, nrCpus: 12, frags: true }).frags).toBe(true);
    }
  });

  it('refuses an unknown program and says what there is, and one without its maps', () => {
    expect(() => steeringProgram('l2tp' as 'gre', { maps, nrCpus: 4 })).toThrow(
      'no steering program l2tp: there are pppoe, qinq, gre, vxlan, geneve, gtpu, mpls, esp, auto',
    );
    expect(() => steeringProgram('gre', { maps: {}, nrCpus: 4 })).toThrow("steer_gre needs a map 'cpu_map'");
  });
});
