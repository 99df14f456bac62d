/**
 * Reads what is written behind --capture: HOOK:FILE[:FILTER], the filter comma-separated key=value.
 *
 *   drop:drops.pcapng      xdp-in:in.pcapng:proto=udp,dport=53,src=10.0.0.0/8      remote:r.pcapng:dst=2001:db8::/32,limit=1k
 *
 * The file's name ends at the first colon behind it, so it cannot hold one; the filter may, which IPv6 addresses need.
 * `CAPTURE_KEYS` is the whole language of filters, and what help and errors quote. Every key stands at most once. A key that
 * says nothing at the hook is refused, instead of a capture that stays empty.
 */
import { type AddressRange, HOOKS, type Hook, type ProbeFilter, reasonNumber } from '@cpumap/host';
import { ipv4Bytes, ipv6Bytes } from '@cpumap/nic';
import { NR_CPUS, XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_REDIRECT, XDP_TX } from '@cpumap/uapi';

export interface CaptureSpec {
  readonly hook: Hook;
  readonly file: string;
  /** As it was written; '' if there was none. */
  readonly filterText: string;
  readonly filter: ProbeFilter;
  readonly every: number;
  readonly snaplen: number;
  /** The most frames of a second. */
  readonly limit: number;
  /** The most bytes of the file, but for what ends it. */
  readonly size: number;
}

/** What is wrong, for whoever wrote it. */
export class CaptureSpecError extends Error {
  override readonly name = 'CaptureSpecError';
}

type Draft = { -readonly [K in keyof ProbeFilter]: ProbeFilter[K] } & {
  every?: number;
  snaplen?: number;
  limit?: number;
  size?: number;
};

export interface CaptureKey {
  readonly key: string;
  readonly allowed: string;
  readonly meaning: string;
  /** Where it says something; everywhere if absent. */
  readonly hooks?: readonly Hook[];
  /** Notes the value; false if it is none. */
  readonly read: (text: string, draft: Draft) => boolean;
}

const MAX_SNAPLEN = 65_535;
const DEFAULTS = { every: 1, snaplen: MAX_SNAPLEN, limit: 100_000, size: 100e6 };

const PROTOCOLS: Readonly<Record<string, Pick<ProbeFilter, 'protocol' | 'etherType'>>> = {
  icmp: { protocol: 1 },
  tcp: { protocol: 6 },
  udp: { protocol: 17 },
  icmp6: { protocol: 58 },
  sctp: { protocol: 132 },
  ip: { etherType: 0x0800 },
  arp: { etherType: 0x0806 },
  ip6: { etherType: 0x86dd },
};
const VERDICTS: Readonly<Record<string, number>> = {
  aborted: XDP_ABORTED,
  drop: XDP_DROP,
  pass: XDP_PASS,
  tx: XDP_TX,
  redirect: XDP_REDIRECT,
};

type NumberKey = 'cpu' | 'vlan' | 'sport' | 'dport' | 'to' | 'every' | 'snaplen' | 'limit' | 'size';

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9 };

function readNumber(key: NumberKey, min: number, max: number): CaptureKey['read'] {
  return (text, draft) => {
    const [, digits, unit] = /^(\d+)([kMG]?)$/.exec(text) ?? [];
    if (digits === undefined) return false;
    const value = Number(digits) * UNITS[unit!]!;
    draft[key] = value;
    return value >= min && value <= max;
  };
}

function addressRange(text: string): AddressRange | undefined {
  const [, address, prefix] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  if (address === undefined) return undefined;
  const read = address.includes(':') ? ipv6Bytes : ipv4Bytes;
  try {
    const bytes = [...read(address, '')];
    const bits = prefix === undefined ? bytes.length * 8 : Number(prefix);
    return bits <= bytes.length * 8 ? { bytes, prefix: bits } : undefined;
  } catch {
    return undefined;
  }
}

function readAddress(key: 'src' | 'dst'): CaptureKey['read'] {
  return (text, draft) => {
    const range = addressRange(text);
    if (range !== undefined) draft[key] = range;
    return range !== undefined;
  };
}

const WITH_VERDICT: readonly Hook[] = ['xdp-in', 'redirect', 'drop'];
const WITH_TARGET: readonly Hook[] = ['redirect', 'enqueue', 'enqueue-drop', 'drop'];
const WITH_REASON: readonly Hook[] = ['enqueue-drop', 'drop'];
const PORT = '0 to 65535';
const ADDRESS = 'an IPv4 or IPv6 address, or ADDRESS/PREFIX';

export const CAPTURE_KEYS: readonly CaptureKey[] = [
  {
    key: 'proto',
    allowed: `${Object.keys(PROTOCOLS).join(', ')} or a protocol number`,
    meaning: 'what is in the frame',
    read(text, draft) {
      const known = PROTOCOLS[text];
      const number = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
      Object.assign(draft, known ?? { protocol: number });
      return known !== undefined || number <= 255;
    },
  },
  { key: 'src', allowed: ADDRESS, meaning: 'source', read: readAddress('src') },
  { key: 'dst', allowed: ADDRESS, meaning: 'destination', read: readAddress('dst') },
  { key: 'sport', allowed: PORT, meaning: 'source port', read: readNumber('sport', 0, 65_535) },
  { key: 'dport', allowed: PORT, meaning: 'destination port', read: readNumber('dport', 0, 65_535) },
  { key: 'vlan', allowed: '0 to 4095', meaning: 'id of the outermost tag', read: readNumber('vlan', 0, 4095) },
  { key: 'cpu', allowed: `0 to ${NR_CPUS - 1}`, meaning: 'where it is seen', read: readNumber('cpu', 0, NR_CPUS - 1) },
  {
    key: 'to',
    allowed: 'a CPU, or the ifindex of a device',
    meaning: 'where it is redirected to',
    hooks: WITH_TARGET,
    read: readNumber('to', 0, 0xffff),
  },
  {
    key: 'verdict',
    allowed: Object.keys(VERDICTS).join(', '),
    meaning: "the program's",
    hooks: WITH_VERDICT,
    read(text, draft) {
      const verdict = VERDICTS[text.toLowerCase()];
      if (verdict !== undefined) draft.verdict = verdict;
      return verdict !== undefined;
    },
  },
  {
    key: 'reason',
    allowed: 'a reason below, or redirect_ERRNO as in redirect_einval',
    meaning: 'why it is dropped',
    hooks: WITH_REASON,
    read(text, draft) {
      draft.reason = text;
      return reasonNumber(text) !== -1;
    },
  },
  {
    key: 'every',
    allowed: '1 or more',
    meaning: 'only each so manieth on each CPU',
    read: readNumber('every', 1, 1e9),
  },
  {
    key: 'snaplen',
    allowed: `1 to ${MAX_SNAPLEN}`,
    meaning: `bytes of each frame (${DEFAULTS.snaplen})`,
    read: readNumber('snaplen', 1, MAX_SNAPLEN),
  },
  {
    key: 'limit',
    allowed: '1 or more, with k or M',
    meaning: `frames of a second, at most (${DEFAULTS.limit / 1e3}k)`,
    read: readNumber('limit', 1, 1e9),
  },
  {
    key: 'size',
    allowed: '1000 or more, with k, M or G',
    meaning: `bytes of the file, at most (${DEFAULTS.size / 1e6}M)`,
    read: readNumber('size', 1000, 1e12),
  },
];

const KEY_NAMES = CAPTURE_KEYS.map(({ key }) => key).join(', ');

function readPair(pair: string, hook: Hook, draft: Draft): string {
  const equals = pair.indexOf('=');
  const name = (equals === -1 ? pair : pair.slice(0, equals)).trim();
  const known = CAPTURE_KEYS.find(({ key }) => key === name);
  if (known === undefined) throw new CaptureSpecError(`there is no key '${name}'; there is ${KEY_NAMES}`);
  if (known.hooks?.includes(hook) === false) {
    throw new CaptureSpecError(`${name} says nothing at ${hook}, only at ${known.hooks.join(', ')}`);
  }
  const value = equals === -1 ? '' : pair.slice(equals + 1).trim();
  if (!known.read(value, draft)) throw new CaptureSpecError(`${name}='${value}': allowed is ${known.allowed}`);
  return name;
}

/** @throws CaptureSpecError */
export function parseCaptureSpec(text: string): CaptureSpec {
  const [, name, file, filterText = ''] = /^([^:]*):([^:]+)(?::(.*))?$/s.exec(text) ?? [];
  if (name === undefined || file === undefined) throw new CaptureSpecError('write HOOK:FILE or HOOK:FILE:FILTER');
  const hook = HOOKS.find((known) => known === name);
  if (hook === undefined) throw new CaptureSpecError(`there is no hook '${name}'; there is ${HOOKS.join(', ')}`);
  const draft: Draft = {};
  const seen = new Set<string>();
  for (const pair of filterText.trim() === '' ? [] : filterText.split(',')) {
    const key = readPair(pair, hook, draft);
    if (seen.has(key)) throw new CaptureSpecError(`${key} is given twice`);
    seen.add(key);
  }
  const { every, snaplen, limit, size, ...filter } = { ...DEFAULTS, ...draft };
  return { hook, file, filterText: filterText.trim(), filter, every, snaplen, limit, size };
}
