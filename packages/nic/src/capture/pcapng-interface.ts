/**
 * One Interface Description Block: what the frames that name it need to be read.
 *
 * Clock. A time is a 64-bit count of ticks. if_tsresol gives the tick: its low 7 bits are an exponent, of 10 or, with the
 * top bit, of 2; without the option a tick is a microsecond. if_tsoffset is added in seconds and may be negative. A time
 * finer than a nanosecond is cut to it.
 *
 * Frame check sequence. if_fcslen is in octets; an early draft said bits, so 32 is taken for 4.
 */
import { CaptureError } from './capture-error.ts';
import { EPB, IDB, OPTION, padded } from './pcapng-format.ts';
import type { CaptureInterface } from './types.ts';

export interface PcapngInterface {
  readonly described: CaptureInterface;
  /** Its number in the file, not in its section. */
  readonly id: number;
  /** Where its block begins. */
  readonly offset: number;
  readonly fcsLength: number;
  /** ns = ticks * nsMultiplier / nsDivisor + offsetNs */
  readonly nsMultiplier: bigint;
  readonly nsDivisor: bigint;
  readonly offsetNs: bigint;
}

const NS_PER_SECOND = 1_000_000_000n;

/** Bits 5 to 8 of epb_flags: length of the frame check sequence, 0 for not known. */
const FCS_SHIFT = 5;
const FCS_MASK = 0xf;

const utf8 = new TextDecoder();

/** A list of options, each as its code and where its value lies. */
interface Option {
  readonly code: number;
  readonly at: number;
  readonly length: number;
}

function readOptions(view: DataView, from: number, end: number, littleEndian: boolean): Option[] {
  const options: Option[] = [];
  let at = from;
  // the list may end with its block instead of an end mark
  while (end - at >= 4) {
    const code = view.getUint16(at, littleEndian);
    if (code === OPTION.endOfOptions) break;
    const length = view.getUint16(at + 2, littleEndian);
    if (length > end - at - 4) {
      const what = `option ${code} says that it has ${length} bytes, its block has ${end - at - 4} left`;
      throw new CaptureError('CORRUPT', at + 2, what);
    }
    options.push({ code, at: at + 4, length });
    at += 4 + padded(length);
  }
  return options;
}

function expectLength(option: Option, name: string, length: number): void {
  if (option.length === length) return;
  const what = `option ${name} has ${option.length} bytes, it must have ${length}`;
  throw new CaptureError('CORRUPT', option.at - 2, what);
}

/** Reads the block at `offset`, whose last byte before the closing length is at `end` - 1. */
export function readInterface(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  end: number,
  littleEndian: boolean,
  id: number,
): PcapngInterface {
  let name = '';
  let description = '';
  let resolution = 6;
  let offsetSeconds = 0n;
  let fcsLength = 0;
  // strings are cut out first: TextDecoder refuses shared memory
  const text = (option: Option): string => utf8.decode(bytes.slice(option.at, option.at + option.length));
  for (const option of readOptions(view, offset + IDB.options, end, littleEndian)) {
    switch (option.code) {
      case OPTION.ifName:
        name = text(option);
        break;
      case OPTION.ifDescription:
        description = text(option);
        break;
      case OPTION.ifTsResolution:
        expectLength(option, 'if_tsresol', 1);
        resolution = view.getUint8(option.at);
        break;
      case OPTION.ifFcsLength:
        expectLength(option, 'if_fcslen', 1);
        fcsLength = view.getUint8(option.at);
        if (fcsLength === 32) fcsLength = 4;
        break;
      case OPTION.ifTsOffset:
        expectLength(option, 'if_tsoffset', 8);
        offsetSeconds = view.getBigInt64(option.at, littleEndian);
        break;
    }
  }
  const exponent = resolution & 0x7f;
  const binary = (resolution & 0x80) !== 0;
  return {
    described: {
      name,
      description,
      linkType: view.getUint16(offset + IDB.linkType, littleEndian),
      snaplen: view.getUint32(offset + IDB.snaplen, littleEndian),
    },
    id,
    offset,
    fcsLength,
    nsMultiplier: binary ? NS_PER_SECOND : 10n ** BigInt(Math.max(9 - exponent, 0)),
    nsDivisor: binary ? 1n << BigInt(exponent) : 10n ** BigInt(Math.max(exponent - 9, 0)),
    offsetNs: offsetSeconds * NS_PER_SECOND,
  };
}

/** The time of the packet block at `offset`, in nanoseconds since 1970. */
export function readTimestamp(view: DataView, offset: number, littleEndian: boolean, from: PcapngInterface): bigint {
  const high = view.getUint32(offset + EPB.ticksHigh, littleEndian);
  const low = view.getUint32(offset + EPB.ticksLow, littleEndian);
  const ticks = (BigInt(high) << 32n) | BigInt(low);
  return (ticks * from.nsMultiplier) / from.nsDivisor + from.offsetNs;
}

/** Length of the check sequence of the packet whose options lie at `at`: its own flags win over its interface. */
export function readFcsLength(
  view: DataView,
  at: number,
  end: number,
  littleEndian: boolean,
  from: PcapngInterface,
): number {
  if (end - at < 4) return from.fcsLength;
  for (const option of readOptions(view, at, end, littleEndian)) {
    if (option.code !== OPTION.epbFlags) continue;
    expectLength(option, 'epb_flags', 4);
    return (view.getUint32(option.at, littleEndian) >>> FCS_SHIFT) & FCS_MASK || from.fcsLength;
  }
  return from.fcsLength;
}
