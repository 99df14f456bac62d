/** One of the two subjects of random traffic: its maps, and the programs that sequences choose from, by names. */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import { words } from '../cases/bytes.ts';
import { type Bench, bench, cpuMap, second, setEntry, toTarget } from '../cases/traffic/setup.ts';
import type { Subject, SubjectMap, SubjectProgram } from '../subject.ts';
import { PLAN } from '../traffic/frames.ts';
import type { TrafficDevice } from '../traffic/traffic.ts';

export interface TrafficSide extends Bench {
  readonly subject: Subject;
  readonly target: SubjectMap;
  readonly onward: SubjectMap;
  readonly device: TrafficDevice;
  readonly mains: Readonly<Record<string, SubjectProgram>>;
  readonly seconds: Readonly<Record<string, SubjectProgram | undefined>>;
}

/** Slots of the map that frames are redirected to first: those of the two CPUs, and two that stay empty. */
export const SLOTS = 4;
/** Never full, whatever comes. */
export const ROOMY = 1024;

const START = 'r6 = r1\n r7 = *(u32 *)(r1 + 0)\n r8 = *(u32 *)(r1 + 4)\n';
const helper = (number: number, by: number): string => `r1 = r6\n r2 = ${by}\n call ${number}\n`;
const HEAD = 44;
const META = 54;
const TAIL = 65;
/** Writes the first 14 bytes: what was pushed is not the same everywhere. */
const WRITE = `r1 = *(u32 *)(r6 + 0)
    r2 = *(u32 *)(r6 + 4)
    r3 = r1
    r3 += 14
    if r3 > r2 goto written
    ${Array.from({ length: 7 }, (_, i) => `*(u16 *)(r1 + ${2 * i}) = 0x4242`).join('\n')}
    written:`;
const PASS = 'r0 = 2\n exit';
/** By the frame's number; 2 when it is too short to have one. */
const byNumber = (body: string): string => `${START} r1 = r7
    r1 += 14
    r0 = 2
    if r1 > r8 goto out
    r0 = *(u8 *)(r7 + 11)
    ${body}
    out:
    exit`;

const MAINS: Readonly<Record<string, string>> = {
  'as planned': toTarget,
  'push, then as planned': `${helper(HEAD, -14)}${WRITE}\n ${toTarget}`,
  'metadata, then as planned': `${helper(META, -8)}${toTarget}`,
  'hit or verdict': `r1 = map(target) ll
    r2 = *(u32 *)(r7 + ${PLAN.key})
    r3 = *(u32 *)(r7 + ${PLAN.flags})
    call 51
    r1 = *(u32 *)(r7 + ${PLAN.verdict})
    if r1 == 2 goto passed
    exit
    passed:
    ${PASS}`,
};

const redirectTo = (map: string): string => `r1 = map(${map}) ll\n r2 = 0\n r3 = 0\n call 51\n exit`;

const SECONDS: Readonly<Record<string, string>> = {
  pass: PASS,
  drop: 'r0 = 1\n exit',
  abort: 'r0 = 0\n exit',
  send: 'r0 = 3\n exit',
  'unknown verdict': 'r0 = 77\n exit',
  'every verdict': byNumber('r0 %= 7\n if r0 != 4 goto out\n r0 = 1'),
  push: `${START}${helper(HEAD, -14)}${WRITE}\n ${PASS}`,
  cut: `${START}${helper(HEAD, 4)}${helper(TAIL, -3)}${PASS}`,
  metadata: `${START}${helper(META, -12)}${PASS}`,
  'on to a cpumap': redirectTo('onward'),
  'every other on to a cpumap': byNumber(`r0 &= 1\n if r0 == 0 goto on\n ${PASS}\n on:\n ${redirectTo('onward')}`),
  'out by a device': redirectTo('devices'),
};

export const MAIN_NAMES: readonly string[] = Object.keys(MAINS);
export const SECOND_NAMES: readonly string[] = ['none', ...Object.keys(SECONDS)];

export async function trafficSide(subject: Subject): Promise<TrafficSide> {
  const parts = await bench(subject);
  const device = parts.traffic.device('va');
  const target = cpuMap(subject, 'target', SLOTS);
  const onward = cpuMap(subject, 'onward');
  const { DEVMAP } = BPF_MAP_TYPE;
  const devices = subject.createMap({ name: 'devices', type: DEVMAP, keySize: 4, valueSize: 4, maxEntries: 1 });
  devices.update(0, words(device.ifindex));
  const mains: Record<string, SubjectProgram> = {};
  for (const [name, body] of Object.entries(MAINS)) mains[name] = await parts.main(body, { target });
  const seconds: Record<string, SubjectProgram | undefined> = { none: undefined };
  for (const [name, text] of Object.entries(SECONDS)) {
    const maps = { ...(text.includes('map(onward)') && { onward }), ...(text.includes('map(devices)') && { devices }) };
    seconds[name] = await second(subject, text, maps);
  }
  subject.keep();
  return { ...parts, subject, target, onward, device, mains, seconds };
}

/** As every sequence finds it. */
export function reset({ target, onward }: TrafficSide): void {
  for (const cpu of [0, 1]) target.delete(cpu);
  setEntry(onward, 0, ROOMY);
}
