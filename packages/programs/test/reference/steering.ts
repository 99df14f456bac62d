/**
 * The steering programs a second time and in another way: a parser that returns what it finds, by recursion, with
 * numbers in host order and no thought of instructions. What captures and random frames are compared with.
 */
import type { SteeringMode } from '../../src/index.ts';
import { superFastHash } from './hash.ts';

/** Two ends that may be exchanged, and what starts the hash. */
interface Flow {
  readonly ends: readonly [readonly number[], readonly number[]];
  readonly ports: readonly [number, number];
  readonly protocol: number;
}

/** A part of the frame: reads are undefined-free because `has` was asked. */
interface Span {
  readonly view: DataView;
  readonly at: number;
}

const has = ({ view, at }: Span, bytes: number): boolean => at + bytes <= view.byteLength;
const skip = ({ view, at }: Span, bytes: number): Span => ({ view, at: at + bytes });
const u8 = ({ view, at }: Span, offset: number): number => view.getUint8(at + offset);
const u16 = ({ view, at }: Span, offset: number): number => view.getUint16(at + offset);
const wordsOf = ({ view, at }: Span, offset: number, bytes: number): number[] =>
  Array.from({ length: bytes / 4 }, (_, i) => view.getUint32(at + offset + 4 * i, true));

interface Network {
  readonly type: number;
  readonly span: Span;
}

/** EtherType and what is behind it, less up to two tags. Undefined when cut off. */
function network(ethernet: Span): Network | undefined {
  if (!has(ethernet, 14)) return undefined;
  let span = ethernet;
  let type = u16(span, 12);
  span = skip(span, 14);
  for (let tags = 0; tags < 2 && (type === 0x8100 || type === 0x88a8); tags++) {
    if (!has(span, 4)) return undefined;
    type = u16(span, 2);
    span = skip(span, 4);
  }
  return { type, span };
}

interface Ip {
  readonly span: Span;
  readonly addresses: readonly [readonly number[], readonly number[]];
  readonly protocol: number;
  /** Behind options and extension headers; undefined if that cannot be told. */
  readonly payload: Span | undefined;
  readonly fragment: boolean;
  readonly versionFits: boolean;
}

function ip({ type, span }: Network): Ip | undefined {
  if (type === 0x0800 && has(span, 20)) {
    const length = u8(span, 0) & 15;
    const versionFits = u8(span, 0) >> 4 === 4 && length >= 5;
    return {
      span,
      addresses: [wordsOf(span, 12, 4), wordsOf(span, 16, 4)],
      protocol: u8(span, 9),
      payload: versionFits ? skip(span, 4 * length) : undefined,
      fragment: (u16(span, 6) & 0x3fff) !== 0,
      versionFits,
    };
  }
  if (type !== 0x86dd || !has(span, 40)) return undefined;
  const versionFits = u8(span, 0) >> 4 === 6;
  let protocol = u8(span, 6);
  let payload: Span | undefined = versionFits ? skip(span, 40) : undefined;
  for (let n = 0; n < 2 && payload !== undefined && [0, 43, 60].includes(protocol); n++) {
    if (has(payload, 8)) {
      protocol = u8(payload, 0);
      payload = skip(payload, 8 + 8 * u8(payload, 1));
    } else payload = undefined;
  }
  const addresses = [wordsOf(span, 8, 16), wordsOf(span, 24, 16)] as const;
  return { span, addresses, protocol, payload, fragment: false, versionFits };
}

function flowOf({ addresses, protocol, payload, fragment }: Ip): Flow {
  const withPorts = [6, 17, 132].includes(protocol) && !fragment && payload !== undefined && has(payload, 4);
  const port = (offset: number): number => payload!.view.getUint16(payload!.at + offset, true);
  return { ends: addresses, ports: withPorts ? [port(0), port(2)] : [0, 0], protocol };
}

/** The flow of an inner network header, if it is one. */
function innerFlow(inside: Network | undefined): Flow | undefined {
  const header = inside && ip(inside);
  return header?.versionFits ? flowOf(header) : undefined;
}

function byNibble(span: Span): Network | undefined {
  if (!has(span, 1)) return undefined;
  return { type: { 4: 0x0800, 6: 0x86dd }[u8(span, 0) >> 4] ?? 0, span };
}

/** What is behind an EtherType in an encapsulation. */
const typed = (type: number, span: Span): Network | undefined => (type === 0x6558 ? network(span) : { type, span });

const PARSERS: Partial<Record<SteeringMode, (span: Span) => Network | undefined>> = {
  pppoe(span) {
    if (!has(span, 8) || u16(span, 0) !== 0x1100) return undefined;
    return { type: { 33: 0x0800, 87: 0x86dd }[u16(span, 6)] ?? 0, span: skip(span, 8) };
  },
  mpls(span) {
    let rest = span;
    for (let labels = 1; labels <= 6 && has(rest, 4); labels++) {
      const bottom = u8(rest, 2) & 1;
      rest = skip(rest, 4);
      if (bottom) return byNibble(rest);
    }
    return undefined;
  },
  gre(span) {
    if (!has(span, 4)) return undefined;
    const flags = u16(span, 0);
    if ((flags & 7) !== 0 || (flags & 0x4000) !== 0) return undefined;
    const fields = [0x8000, 0x2000, 0x1000].filter((bit) => flags & bit).length;
    return typed(u16(span, 2), skip(span, 4 + 4 * fields));
  },
  vxlan: (span) => (has(span, 8) && u8(span, 0) & 8 ? network(skip(span, 8)) : undefined),
  geneve(span) {
    if (!has(span, 8) || u8(span, 0) >> 6 !== 0) return undefined;
    return typed(u16(span, 2), skip(span, 8 + 4 * (u8(span, 0) & 63)));
  },
  gtpu(span) {
    if (!has(span, 8) || u8(span, 0) >> 4 !== 3 || u8(span, 1) !== 255) return undefined;
    const flags = u8(span, 0);
    if ((flags & 7) === 0) return byNibble(skip(span, 8));
    if (!has(span, 12)) return undefined;
    let next = flags & 4 ? u8(span, 11) : 0;
    let rest = skip(span, 12);
    for (let extensions = 0; next !== 0; extensions++) {
      if (extensions === 4 || !has(rest, 1)) return undefined;
      const bytes = 4 * u8(rest, 0);
      if (bytes === 0 || !has(rest, bytes)) return undefined;
      next = u8(rest, bytes - 1);
      rest = skip(rest, bytes);
    }
    return byNibble(rest);
  },
};

const TYPES: Record<number, SteeringMode> = { 34916: 'pppoe', 34887: 'mpls', 34888: 'mpls' };
const PROTOCOLS: Record<number, SteeringMode> = { 47: 'gre', 50: 'esp' };
const PORTS: Record<number, SteeringMode> = { 4789: 'vxlan', 6081: 'geneve', 2152: 'gtpu', 6635: 'mpls', 4500: 'esp' };

/** The encapsulation known to `which` that the outer headers announce, and where its header is. */
function announced(which: SteeringMode, { type, span }: Network): [SteeringMode, Span] | undefined {
  const known = (mode: SteeringMode | undefined) => (which === 'auto' || mode === which ? mode : undefined);
  const byType = known(TYPES[type]);
  if (byType !== undefined) return [byType, span];
  const outer = ip({ type, span });
  if (outer?.payload === undefined || outer.fragment) return undefined;
  const byProtocol = known(PROTOCOLS[outer.protocol]);
  if (byProtocol !== undefined) return [byProtocol, outer.payload];
  if (outer.protocol !== 17 || !has(outer.payload, 8)) return undefined;
  const [source, destination] = [u16(outer.payload, 0), u16(outer.payload, 2)];
  const mode = known(PORTS[destination]) ?? known(source === 4500 ? 'esp' : undefined);
  return mode && [mode, skip(outer.payload, 8)];
}

const multiply = (a: number, b: number): number => Math.imul(a, b) >>> 0;

function fmix32(value: number): number {
  let h = multiply((value ^ (value >>> 16)) >>> 0, 0x85ebca6b);
  h = multiply((h ^ (h >>> 13)) >>> 0, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const INITVAL = 15485863;

function hashOf({ ends, ports, protocol }: Flow, seed: number): number {
  const [one, other] = ends.map((words, i) =>
    fmix32([...words, ports[i]!].reduce((sum, word) => (multiply(sum, 0x9e3779b1) + word) % 2 ** 32)),
  );
  return superFastHash((one! + other!) % 2 ** 32, (protocol + seed + INITVAL) % 2 ** 32);
}

/** The hash by which `mode` chooses the CPU; 'pass' for what it leaves to the stack. */
export function steeringHash(mode: SteeringMode, frame: Uint8Array): number | 'pass' {
  const whole: Span = { view: new DataView(frame.buffer, frame.byteOffset, frame.length), at: 0 };
  if (!has(whole, 14) || u16(whole, 12) < 0x600) return 'pass';
  const macs: Flow = {
    ends: [
      [whole.view.getUint32(0, true), whole.view.getUint16(4, true)],
      [whole.view.getUint32(6, true), whole.view.getUint16(10, true)],
    ],
    ports: [0, 0],
    protocol: u16(whole, 12),
  };
  const outer = network(whole);
  if (outer === undefined) return hashOf(macs, 0);
  const header = ip(outer);
  const outerFlow = header === undefined ? macs : flowOf(header);
  const found = announced(mode, outer);
  if (found === undefined) return hashOf(outerFlow, 0);
  const [kind, span] = found;
  if (kind === 'esp') return hashOf(outerFlow, has(span, 4) ? span.view.getUint32(span.at, true) : 0);
  return hashOf(innerFlow(PARSERS[kind]!(span)) ?? outerFlow, 0);
}
