/**
 * Reads what is written behind `--pktgen`: comma-separated `key=value`, flags also without a value.
 *
 *   rate=1.5M,size=64,flows=256          imix,vlan=100,ipv6          proto=tcp,dport=80
 *
 * Every key may be left out and stands at most once; spaces around keys and values do not matter; the empty text is all
 * defaults. `PKTGEN_KEYS` is the whole language, and what help and errors quote. A wrong key or value throws a
 * PktgenSpecError; so does a combination that cannot be generated, instead of a value that is quietly ignored.
 *
 * Sizes are those on the wire, check sequence of four bytes included, as generators count: size=64 is a frame of 60 bytes
 * at the driver.
 */
import { frameHeaderLength } from '../frames/build-frame.ts';
import { PktgenSpecError } from './pktgen-error.ts';

export type PktgenProtocol = 'udp' | 'tcp' | 'icmp';

export interface PktgenSpec {
  /** Frames per second; Infinity for as fast as they are taken. */
  readonly rate: number;
  /** On the wire, check sequence included. Not used with `imix`. */
  readonly size: number;
  readonly imix: boolean;
  readonly flows: number;
  readonly proto: PktgenProtocol;
  /** null: a port for each flow. */
  readonly sport: number | null;
  readonly dport: number;
  /** null: no tag. */
  readonly vlan: number | null;
  readonly ipv6: boolean;
  readonly seed: number;
}

export interface PktgenKey {
  readonly key: keyof PktgenSpec;
  readonly allowed: string;
  readonly default: string;
  readonly meaning: string;
}

export const FCS_LENGTH = 4;
export const PKTGEN_MAX_FLOWS = 65_536;
const MIN_SIZE = 64;
const MAX_SIZE = 9018;
const MAX_TAGGED_SIZE = 9022;
const MAX_SEED = 0xffff_ffff;
/** Far above any machine; keeps the time between frames a sensible number. */
const MAX_RATE = 1e12;

const SIZE_ALLOWED = `${MIN_SIZE} to ${MAX_SIZE}, with vlan to ${MAX_TAGGED_SIZE}`;

export const PKTGEN_KEYS: readonly PktgenKey[] = [
  { key: 'rate', allowed: 'max, or a number with k, M or G', default: 'max', meaning: 'frames per second' },
  { key: 'size', allowed: SIZE_ALLOWED, default: '64', meaning: 'bytes on the wire, check sequence included' },
  { key: 'imix', allowed: 'imix, imix=1 or imix=0', default: '0', meaning: 'mix 64, 594 and 1518 bytes as 7:4:1' },
  { key: 'flows', allowed: `1 to ${PKTGEN_MAX_FLOWS}`, default: '1', meaning: 'different senders, taken in turn' },
  { key: 'proto', allowed: 'udp, tcp or icmp', default: 'udp', meaning: 'what is in the packets' },
  { key: 'sport', allowed: '0 to 65535', default: 'one for each flow', meaning: 'source port' },
  { key: 'dport', allowed: '0 to 65535', default: '9', meaning: 'destination port' },
  { key: 'vlan', allowed: '1 to 4094', default: 'no tag', meaning: '802.1Q tag with this id' },
  { key: 'ipv6', allowed: 'ipv6, ipv6=1 or ipv6=0', default: '0', meaning: 'IPv6 instead of IPv4' },
  { key: 'seed', allowed: `0 to ${MAX_SEED}`, default: '0', meaning: 'other addresses and ports for the flows' },
];

/** Reads `text`; see the top of this file. */
export function parsePktgenSpec(text: string): PktgenSpec {
  const given = splitSpec(text);
  const proto = readProtocol(given.get('proto'));
  const imix = readFlag(given, 'imix');
  const ipv6 = readFlag(given, 'ipv6');
  const vlan = readInteger(given, 'vlan', 1, 4094) ?? null;
  for (const port of ['sport', 'dport'] as const) {
    const value = given.get(port);
    if (value === undefined || proto !== 'icmp') continue;
    throw new PktgenSpecError(
      port,
      value,
      `${port} means nothing with proto=icmp`,
      `${port} with proto=udp or proto=tcp`,
    );
  }
  const size = given.get('size');
  if (size !== undefined && imix) {
    throw new PktgenSpecError('size', size, 'size and imix exclude each other', 'one of the two');
  }
  const spec = {
    rate: readRate(given.get('rate')),
    imix,
    flows: readInteger(given, 'flows', 1, PKTGEN_MAX_FLOWS) ?? 1,
    proto,
    sport: readInteger(given, 'sport', 0, 65_535) ?? null,
    dport: readInteger(given, 'dport', 0, 65_535) ?? 9,
    vlan,
    ipv6,
    seed: readInteger(given, 'seed', 0, MAX_SEED) ?? 0,
  };
  return { ...spec, size: readSize(given, pktgenMinSize(spec), vlan !== null) };
}

/** The smallest size that holds the headers of `spec`: 64, or more for long ones (TCP over IPv6: 78). */
export function pktgenMinSize({ vlan, ipv6, proto }: Pick<PktgenSpec, 'vlan' | 'ipv6' | 'proto'>): number {
  const headers = frameHeaderLength({ vlans: vlan === null ? 0 : 1, version: ipv6 ? 6 : 4, protocol: proto });
  return Math.max(headers + FCS_LENGTH, MIN_SIZE);
}

function splitSpec(text: string): Map<string, string> {
  const given = new Map<string, string>();
  if (text.trim() === '') return given;
  for (const item of text.split(',')) {
    const equals = item.indexOf('=');
    const key = (equals < 0 ? item : item.slice(0, equals)).trim();
    const known = PKTGEN_KEYS.find((one) => one.key === key);
    // a key without '=' is told from one with an empty value by what stands for it: flags are 1, others get ''
    const value = equals < 0 ? (isFlag(key) ? '1' : '') : item.slice(equals + 1).trim();
    if (known === undefined) {
      const what = key === '' ? `a key is missing in '${text}'` : `there is no key '${key}'`;
      throw new PktgenSpecError(key, value, what, PKTGEN_KEYS.map((one) => one.key).join(', '));
    }
    if (given.has(key)) {
      throw new PktgenSpecError(key, value, `${key} is given twice, '${given.get(key)}' and '${value}'`, `${key} once`);
    }
    if (value === '') throw new PktgenSpecError(key, value, `${key} has no value`, known.allowed);
    given.set(key, value);
  }
  return given;
}

function isFlag(key: string): boolean {
  return key === 'imix' || key === 'ipv6';
}

function refuse(key: keyof PktgenSpec, value: string, allowed?: string): PktgenSpecError {
  const known = PKTGEN_KEYS.find((one) => one.key === key);
  return new PktgenSpecError(key, value, `${key}=${value} cannot be taken`, allowed ?? known?.allowed ?? '');
}

function readFlag(given: Map<string, string>, key: 'imix' | 'ipv6'): boolean {
  const value = given.get(key) ?? '0';
  if (value === '0' || value === '1') return value === '1';
  throw refuse(key, value);
}

function readInteger(given: Map<string, string>, key: keyof PktgenSpec, min: number, max: number): number | undefined {
  const value = given.get(key);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^\d{1,15}$/.test(value) || number < min || number > max) throw refuse(key, value);
  return number;
}

function readProtocol(value = 'udp'): PktgenProtocol {
  if (value === 'udp' || value === 'tcp' || value === 'icmp') return value;
  throw refuse('proto', value);
}

const RATE_UNIT: Readonly<Record<string, number>> = { k: 1e3, K: 1e3, M: 1e6, G: 1e9 };

function readRate(value = 'max'): number {
  if (value === 'max') return Number.POSITIVE_INFINITY;
  const [, digits, unit = ''] = /^(\d{1,15}(?:\.\d{1,9})?)([kKMG]?)$/.exec(value) ?? [];
  if (digits === undefined) throw refuse('rate', value);
  const rate = Number(digits) * (RATE_UNIT[unit] ?? 1);
  if (rate === 0) throw refuse('rate', value, 'more than 0 frames per second, or max');
  if (rate > MAX_RATE) throw refuse('rate', value, `at most ${MAX_RATE / 1e9}G, or max`);
  return rate;
}

function readSize(given: Map<string, string>, min: number, tagged: boolean): number {
  const max = tagged ? MAX_TAGGED_SIZE : MAX_SIZE;
  const allowed = `${min} to ${max} with these headers`;
  const value = given.get('size');
  if (value === undefined) return min;
  const size = Number(value);
  if (!/^\d{1,15}$/.test(value)) throw refuse('size', value);
  if (size < min || size > max) throw refuse('size', value, min > MIN_SIZE || tagged ? allowed : SIZE_ALLOWED);
  return size;
}
