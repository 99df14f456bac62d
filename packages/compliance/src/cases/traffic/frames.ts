/** Frames of every length and kind, and what the first program does to them before the redirect: delivered byte for byte. */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import type { Case } from '../../case.ts';
import { LOOPBACK, NOTHING } from '../../subject.ts';
import { type Plan, pattern } from '../../traffic/frames.ts';
import { words } from '../bytes.ts';
import { bench, cpuMap, part, same, second, setEntry, toTarget, whole } from './setup.ts';

const GROUP = 'traffic, frames';
const LENGTHS = [
  14, 15, 16, 17, 18, 59, 60, 61, 63, 64, 65, 127, 128, 129, 255, 256, 511, 512, 1023, 1024, 1500, 1514, 1515, 1518,
  1522, 1523, 2000, 2047, 2048, 3000, 3391, 3392, 3393, 3400, 3407, 3408, 3409, 3520, 3521,
];
/** EtherTypes, and lengths as 802.3 has them in the same place. */
const TYPES = [
  0, 1, 0x2e, 0x5dc, 0x5ff, 0x600, 0x601, 0x0800, 0x0806, 0x8035, 0x8100, 0x86dd, 0x8847, 0x8863, 0x88a8, 0x88cc,
  0x88f7, 0x9000, 0xffff,
];
const DESTINATIONS: Readonly<Record<string, readonly number[]>> = {
  broadcast: [255, 255, 255, 255, 255, 255],
  'multicast of IPv4': [1, 0, 0x5e, 0, 0, 1],
  'multicast of IPv6': [0x33, 0x33, 0, 0, 0, 1],
  'a local address': [2, 1, 2, 3, 4, 5],
  'a global address': [0, 0x1b, 0x21, 1, 2, 3],
};

const CONTEXTS = [
  {},
  { data_end: 59 },
  { data_meta: 4 },
  { data: 3 },
  { ingress_ifindex: LOOPBACK },
  { ingress_ifindex: NOTHING },
  { rx_queue_index: 1 },
  { ingress_ifindex: LOOPBACK, rx_queue_index: 1 },
  { egress_ifindex: LOOPBACK },
];

const head = (by: number): string => `r1 = r6\n r2 = ${by}\n call 44`;
const meta = (by: number): string => `r1 = r6\n r2 = ${by}\n call 54`;

/** Writes the pushed bytes and the metadata; a frame whose helpers refused is passed on as it is. */
function edited(pushed: number, metadata: number): string {
  const fill = (register: string, bytes: number): string =>
    Array.from({ length: bytes / 4 }, (_, i) => `*(u32 *)(${register} + ${4 * i}) = r5`).join('\n');
  return `${pushed === 0 ? 'r0 = 0' : head(-pushed)}
    if r0 != 0 goto ready
    r5 = 0x66778899
    r1 = *(u32 *)(r6 + 0)
    r2 = *(u32 *)(r6 + 4)
    r3 = r1
    r3 += ${Math.max(pushed, 14)}
    if r3 > r2 goto ready
    ${fill('r1', pushed)}
    ${metadata === 0 ? 'r0 = 0' : meta(-metadata)}
    if r0 != 0 goto ready
    r5 = 0x66778899
    r1 = *(u32 *)(r6 + 0)
    r4 = *(u32 *)(r6 + 8)
    r3 = r4
    r3 += ${metadata}
    if r3 > r1 goto ready
    ${fill('r4', metadata)}
  ready:
    ${toTarget}`;
}

export const FRAME_CASES: readonly Case[] = [
  {
    group: GROUP,
    name: 'lengths',
    async run(subject, ask) {
      const { main, send } = await bench(subject);
      const target = cpuMap(subject, 'target');
      setEntry(target, 0, 64);
      const program = await main(toTarget, { target });
      for (const length of LENGTHS) {
        await ask.later(`${length} bytes`, async () => part(await send(program, same(2, { length })), 'delivered'));
      }
      const mixed = LENGTHS.filter((length) => length <= 1500).map((length): Plan => ({ length }));
      await ask.later('all at once', async () => part(await send(program, mixed), 'delivered'));
    },
  },
  {
    group: GROUP,
    name: 'what a burst is refused for',
    async run(subject, ask) {
      const program = await subject.loadProgram({ text: 'r0 = 1\n exit' });
      for (const ctx of CONTEXTS) {
        await ask.later(JSON.stringify(ctx), async () => {
          await program.testRun({ data: pattern(60), ctx, liveFrames: true });
        });
      }
      for (const length of [0, 1, 13, 14, 3408, 3409]) {
        await ask.later(`${length} bytes`, async () => {
          await program.testRun({ data: pattern(length), liveFrames: true });
        });
      }
      const none = await second(subject, 'r0 = 1\n exit');
      await ask.later('a program for entries', async () => {
        await none.testRun({ data: pattern(60), liveFrames: true });
      });
    },
  },
  {
    group: GROUP,
    name: 'types and addresses',
    async run(subject, ask) {
      const { traffic, main, send } = await bench(subject);
      const generic = traffic.device('va');
      const target = cpuMap(subject, 'target');
      setEntry(target, 0, 64);
      const program = await main(toTarget, { target });
      for (const type of TYPES) {
        for (const length of [14, 17, 60]) {
          await ask.later(`type ${type.toString(16)}, ${length} bytes`, async () =>
            part(await send(program, same(1, { length, type })), 'delivered'),
          );
        }
      }
      for (const [name, destination] of Object.entries(DESTINATIONS)) {
        // by a cable: the broadcast address of `lo` is zero
        await ask.later(name, async () =>
          part(await send(program, same(1, { destination }), { generic }), 'delivered'),
        );
      }
    },
  },
  {
    group: GROUP,
    name: 'room that the first program takes',
    async run(subject, ask) {
      const { main, send } = await bench(subject);
      const target = cpuMap(subject, 'target');
      setEntry(target, 0, 64);
      for (const pushed of [0, 4, 100, 184, 212, 216, 220, 256]) {
        for (const metadata of [0, 4, 32, 36, 116, 252]) {
          const program = await main(edited(pushed, metadata), { target });
          await ask.later(`${pushed} bytes in front, ${metadata} of metadata`, async () =>
            whole(await send(program, same(1))),
          );
        }
      }
    },
  },
  {
    group: GROUP,
    name: 'out by a device',
    async run(subject, ask) {
      const { traffic, main, send } = await bench(subject);
      const [va, vb] = [traffic.device('va'), traffic.device('vb')];
      const value = { keySize: 4, valueSize: 4, maxEntries: 4 };
      for (const type of ['DEVMAP', 'DEVMAP_HASH'] as const) {
        const target = subject.createMap({ name: 'target', type: BPF_MAP_TYPE[type], ...value });
        target.update(0, words(va.ifindex));
        target.update(1, words(vb.ifindex));
        const program = await main(toTarget, { target });
        for (const n of [1, 15, 16, 17, 33]) {
          await ask.later(`${type}: ${n} frames`, async () => whole(await send(program, same(n))));
        }
        const turns = Array.from({ length: 40 }, (_, i): Plan => ({ length: 60, key: i % 3, flow: i % 3, flags: 1 }));
        await ask.later(`${type}: two devices and an empty slot in turn`, async () =>
          whole(await send(program, turns)),
        );
      }
    },
  },
];
