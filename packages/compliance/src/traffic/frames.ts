/**
 * The frames of bursts. A program that begins with `feed` makes every frame of a burst another one: it takes the next
 * element of an array map, gives the frame its length and its first 14 bytes, and has the element for what follows.
 *
 * The source address says which frame it is: 5a 5a 5a, the flow, the number within the burst (16 bits). The rest is a
 * pattern without that.
 */
import { createHash } from 'node:crypto';
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import { words } from '../cases/bytes.ts';
import type { Subject, SubjectMap } from '../subject.ts';

const MAC = { destination: 0, source: 6, type: 12, header: 14 } as const;
const MAGIC = 0x5a;
/** How far a program may have pushed the header back. */
const LOOK = 260;

export interface Plan {
  /** Of the frame. */
  readonly length: number;
  /** The arguments that the program finds. */
  readonly key?: number;
  readonly flags?: number;
  readonly verdict?: number;
  /** Which frames belong together: their order is looked at. Default 0. */
  readonly flow?: number;
  /** Default a unicast address of nobody. */
  readonly destination?: readonly number[];
  /** EtherType; default 0x88b5, which is for experiments. */
  readonly type?: number;
}

/** Offsets in an element: what `feed` leaves in r7 points to one. */
export const PLAN = { length: 0, key: 4, flags: 8, verdict: 12, header: 16, sizeof: 32 } as const;

/** The bytes of a frame before any program. */
export function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + 3) % 0x5a);
}

function element({ length, key = 0, flags = 0, verdict = 2, flow = 0, ...rest }: Plan, number: number): Uint8Array {
  const { destination = [2, 0, 0, 0, 0xee, 0xee], type = 0x88b5 } = rest;
  const bytes = new Uint8Array(PLAN.sizeof);
  bytes.set(words(length, key, flags, verdict));
  const source = [MAGIC, MAGIC, MAGIC, flow, number >> 8, number & 0xff];
  bytes.set([...destination, ...source, type >> 8, type & 0xff], PLAN.header);
  return bytes;
}

export interface Feeder {
  readonly maps: { readonly state: SubjectMap; readonly plan: SubjectMap };
  /** From the next burst on. */
  set(plans: readonly Plan[]): void;
}

const MOST_PLANS = 512;

export function createFeeder(subject: Subject): Feeder {
  const array = (name: string, valueSize: number, maxEntries: number): SubjectMap =>
    subject.createMap({ name, type: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize, maxEntries });
  const maps = { state: array('state', 4, 1), plan: array('plan', PLAN.sizeof, MOST_PLANS) };
  return {
    maps,
    set(plans) {
      maps.state.update(0, words(0));
      for (const [i, plan] of plans.entries()) maps.plan.update(i, element(plan, i));
    },
  };
}

/** r6 the context, r7 the frame's element; r0 to r5 and r8 are for the moment. */
export function feed(body: string): string {
  const copy = [0, 4, 8].map((at) => `r3 = *(u32 *)(r7 + ${PLAN.header + at})\n *(u32 *)(r1 + ${at}) = r3`);
  return `r6 = r1
    *(u32 *)(r10 - 4) = 0
    r2 = r10
    r2 += -4
    r1 = map(state) ll
    call 1
    if r0 == 0 goto dead
    r8 = *(u32 *)(r0 + 0)
    r1 = r8
    r1 += 1
    *(u32 *)(r0 + 0) = r1
    *(u32 *)(r10 - 4) = r8
    r2 = r10
    r2 += -4
    r1 = map(plan) ll
    call 1
    if r0 == 0 goto dead
    r7 = r0
    r1 = *(u32 *)(r6 + 0)
    r3 = *(u32 *)(r6 + 4)
    r3 -= r1
    r2 = *(u32 *)(r7 + ${PLAN.length})
    r2 -= r3
    r1 = r6
    call 65
    r1 = *(u32 *)(r6 + 0)
    r2 = *(u32 *)(r6 + 4)
    r3 = r1
    r3 += ${MAC.header}
    if r3 > r2 goto dead
    ${copy.join('\n')}
    r3 = *(u16 *)(r7 + ${PLAN.header + MAC.type})
    *(u16 *)(r1 + ${MAC.type}) = r3
    ${body}
  dead:
    r0 = 1
    exit`;
}

/** Redirects to the element's key of a map, with its flags. */
export const redirectTo = (map: string): string => `r1 = map(${map}) ll
    r2 = *(u32 *)(r7 + ${PLAN.key})
    r3 = *(u32 *)(r7 + ${PLAN.flags})
    call 51
    exit`;

/** The flow that a delivered frame belongs to, wherever its header is now. */
export function flowOf(frame: Uint8Array): string {
  const end = Math.min(frame.length - 3, LOOK);
  for (let i = 0; i < end; i++) {
    if (frame[i] === MAGIC && frame[i + 1] === MAGIC && frame[i + 2] === MAGIC) return `flow ${frame[i + 3]}`;
  }
  return 'no flow';
}

const WHOLE = 64;

/** All bytes of a short frame; of a longer one the first, and a digest of all. */
export function frameText(frame: Uint8Array): string {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  if (frame.length <= WHOLE) return `${frame.length} ${text(frame)}`;
  const digest = createHash('sha1').update(frame).digest('hex').slice(0, 12);
  return `${frame.length} ${text(frame.subarray(0, 24))} sha1 ${digest}`;
}
