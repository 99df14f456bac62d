/** Programs of entries: every verdict, what they see, what they change, and where they send frames on. */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import type { Case } from '../../case.ts';
import { LOOPBACK, NOTHING, type Subject } from '../../subject.ts';
import type { Plan } from '../../traffic/frames.ts';
import { words } from '../bytes.ts';
import { bench, cpuMap, part, same, second, setEntry, toTarget, whole } from './setup.ts';

const GROUP = 'traffic, second programs';
const MODES = ['native', 'generic'] as const;
const VERDICTS = [0, 1, 2, 3, 5, 6, 7, 255, -1];

/** r0 = the number that the frame carries, r6 the context, r7 its start; to `out` when it is not there. */
const NUMBER = `r6 = r1
    r7 = *(u32 *)(r1 + 0)
    r2 = *(u32 *)(r1 + 4)
    r3 = r7
    r3 += 14
    r0 = 1
    if r3 > r2 goto out
    r0 = *(u8 *)(r7 + 11)`;
const OUT = `\n out:\n exit`;

const MIXES: Readonly<Record<string, string>> = {
  'drops every third of ten': `${NUMBER}\n r0 %= 3\n if r0 == 0 goto drop\n r0 = 2\n exit\n drop:\n r0 = 1${OUT}`,
  'verdicts in turn': `${NUMBER}\n r0 %= 6${OUT}`,
  'aborts the first and the last': `${NUMBER}\n if r0 == 0 goto abort\n if r0 == 9 goto abort\n r0 = 2\n exit\n abort:\n r0 = 0${OUT}`,
};

/**
 * Keeps the helpers' last answer in the first bytes, for as long as the frame has them, writes all bytes that were pushed
 * (what lay there before is not the same everywhere), and passes.
 */
const keep = (call: string, pushed = 0): string => {
  const bytes = Math.max(14, pushed + (-pushed & 1));
  const fill = Array.from({ length: bytes / 2 - 1 }, (_, i) => `*(u16 *)(r7 + ${2 * i + 2}) = r5`);
  return `r6 = r1
    ${call}
    r4 = r0
    r7 = *(u32 *)(r6 + 0)
    r2 = *(u32 *)(r6 + 4)
    r3 = r7
    r3 += ${bytes}
    r0 = 2
    if r3 > r2 goto out
    r5 = 0x1122
    *(u16 *)(r7 + 0) = r4
    ${pushed === 0 ? '' : fill.join('\n')}${OUT}`;
};
const head = (by: number): string => `r1 = r6\n r2 = ${by}\n call 44`;
const tail = (by: number): string => `r1 = r6\n r2 = ${by}\n call 65`;
const meta = (by: number): string => `r1 = r6\n r2 = ${by}\n call 54`;
const EDITS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [-4, -14, -100, -215, -216, -217, -256, 4, 14, 46, 47, 60].map((by) => [
      `head by ${by}`,
      keep(head(by), by < 0 ? Math.min(-by, 216) : 0),
    ]),
  ),
  ...Object.fromEntries([-1, -14, -45, -46, -47, 1, 20, 500].map((by) => [`tail by ${by}`, keep(tail(by))])),
  ...Object.fromEntries([-4, -8, -32, -36, -100, -252, -256, -3, 4].map((by) => [`metadata by ${by}`, keep(meta(by))])),
  'head by -180, metadata by -32': keep(`${head(-180)}\n ${meta(-32)}`, 180),
  'head by -180, metadata by -36': keep(`${head(-180)}\n ${meta(-36)}`, 180),
  'head by -180, metadata by -40': keep(`${head(-180)}\n ${meta(-40)}`, 180),
  'metadata by -32, head by -184': keep(`${meta(-32)}\n ${head(-184)}`, 184),
  'metadata by -32, head by -185': keep(`${meta(-32)}\n ${head(-185)}`),
  'head by 8, tail by -8': keep(`${head(8)}\n ${tail(-8)}`),
};

/** Writes whether it came in where the main program saw it come in, and by which queue. */
const SEES = `r6 = r1
    r7 = *(u32 *)(r1 + 0)
    r2 = *(u32 *)(r1 + 4)
    r3 = r7
    r3 += 40
    r0 = 1
    if r3 > r2 goto out
    r4 = *(u32 *)(r7 + 14)
    r5 = *(u32 *)(r6 + 12)
    r4 ^= r5
    *(u32 *)(r7 + 14) = r4
    r4 = *(u32 *)(r6 + 16)
    *(u32 *)(r7 + 18) = r4
    r4 = *(u32 *)(r6 + 8)
    r5 = *(u32 *)(r6 + 0)
    r5 -= r4
    *(u32 *)(r7 + 22) = r5
    r0 = 2${OUT}`;
const LEAVE_IFINDEX = `r1 = *(u32 *)(r6 + 0)
    r2 = *(u32 *)(r6 + 4)
    r3 = r1
    r3 += 40
    if r3 > r2 goto dead
    r4 = *(u32 *)(r6 + 12)
    *(u32 *)(r1 + 14) = r4
    ${toTarget}`;

const toMap = (key: number, flags = 0): string => `r1 = map(next) ll\n r2 = ${key}\n r3 = ${flags}\n call 51\n exit`;

/** Where second programs send frames on: the text, and the map `next`. */
function onwards(subject: Subject, va: number): Readonly<Record<string, Parameters<typeof second>>> {
  const next = cpuMap(subject, 'onward');
  setEntry(next, 0, 64);
  const small = cpuMap(subject, 'onward small');
  setEntry(small, 0, 3);
  const devices = subject.createMap({
    name: 'devices',
    type: BPF_MAP_TYPE.DEVMAP,
    keySize: 4,
    valueSize: 4,
    maxEntries: 4,
  });
  devices.update(0, words(va));
  devices.update(1, words(LOOPBACK));
  const redirect = (ifindex: number): string => `r1 = ${ifindex}\n r2 = 0\n call 23\n exit`;
  return {
    'to another cpumap': [subject, toMap(0), { next }],
    'to another cpumap, with a ring of 3': [subject, toMap(0), { next: small }],
    'to an empty slot': [subject, toMap(1), { next }],
    'to an empty slot, else pass': [subject, toMap(1, 2), { next }],
    'every other frame to another cpumap': [
      subject,
      `${NUMBER}\n r0 &= 1\n if r0 == 0 goto on\n r0 = 2\n exit\n on:\n ${toMap(0)}${OUT}`,
      { next },
    ],
    'by a devmap': [subject, toMap(0), { next: devices }],
    'by a devmap to a device that cannot send': [subject, toMap(1), { next: devices }],
    'by ifindex': [subject, redirect(va), {}],
    'by ifindex to a device that cannot send': [subject, redirect(LOOPBACK), {}],
    'by ifindex to nobody': [subject, redirect(NOTHING), {}],
    'without a helper': [subject, 'r0 = 4\n exit', {}],
  };
}

export const SECOND_PROGRAM_CASES: readonly Case[] = MODES.flatMap((mode): Case[] => {
  const start = async (subject: Subject) => {
    const parts = await bench(subject);
    const va = parts.traffic.device('va');
    const target = cpuMap(subject, 'target');
    return { ...parts, va, target, more: mode === 'generic' ? { generic: va } : {} };
  };
  return [
    {
      group: GROUP,
      name: `${mode}: verdicts`,
      async run(subject, ask) {
        const { main, send, target, more } = await start(subject);
        const program = await main(toTarget, { target });
        const texts = Object.fromEntries(VERDICTS.map((verdict) => [`verdict ${verdict}`, `r0 = ${verdict}\n exit`]));
        for (const [name, text] of Object.entries({ ...texts, ...MIXES })) {
          setEntry(target, 0, 64, await second(subject, text));
          await ask.later(name, async () => whole(await send(program, same(10), more)));
        }
      },
    },
    {
      group: GROUP,
      name: `${mode}: edits, then XDP_PASS`,
      async run(subject, ask) {
        const { main, send, target, more } = await start(subject);
        const program = await main(toTarget, { target });
        for (const [name, text] of Object.entries(EDITS)) {
          setEntry(target, 0, 64, await second(subject, text));
          await ask.later(name, async () => whole(await send(program, same(2), more)));
        }
      },
    },
    {
      group: GROUP,
      name: `${mode}: the context`,
      async run(subject, ask) {
        const { main, send, target, more } = await start(subject);
        setEntry(target, 0, 64, await second(subject, SEES));
        const program = await main(LEAVE_IFINDEX, { target });
        await ask.later('device, queue and metadata', async () =>
          part(await send(program, same(2), more), 'delivered'),
        );
      },
    },
    {
      group: GROUP,
      name: `${mode}: onward`,
      async run(subject, ask) {
        const { main, send, target, more, va } = await start(subject);
        const program = await main(toTarget, { target });
        for (const [name, args] of Object.entries(onwards(subject, va.ifindex))) {
          setEntry(target, 0, 64, await second(...args));
          for (const n of name.endsWith('of 3') ? [1, 8] : [1, 8, 12]) {
            // passed and sent on: two flows, whose order against each other is up to the scheduler
            const plans = same(n).map((plan, i): Plan => ({ ...plan, flow: i & 1 }));
            await ask.later(`${name}, ${n} frames`, async () => {
              return part(await send(program, plans, more), 'events', 'onward', 'xmit', 'sums', 'delivered');
            });
          }
        }
      },
    },
  ];
});
