/** What BPF_PROG_TEST_RUN takes and gives, and what of it a program sees in struct xdp_md. */
import type { TestRunOptions, XdpMd } from '@cpumap/host';
import { BPF_ATTACH_TYPE } from '@cpumap/uapi';
import type { Case } from '../case.ts';
import { LOOPBACK, NOTHING } from '../subject.ts';
import { frame } from './frames.ts';
import { shownRun } from './run.ts';

const group = 'test runs';
const PASS = 'r0 = 2\n exit';

const lengths: Case = {
  group,
  name: 'lengths of frames',
  async run(subject, ask) {
    const program = await subject.loadProgram({ text: PASS });
    for (const length of [0, 1, 13, 14, 15, 60, 1514, 3519, 3520, 3521, 3776, 3777, 4096, 4097, 8000]) {
      await ask.later(`${length} bytes`, () => shownRun(program, { data: frame(length) }));
    }
  },
};

const CONTEXTS: readonly Partial<XdpMd>[] = [
  {},
  ...[0, 1, 2, 3, 4, 8, 32, 36, 212, 216, 220, 248, 252, 256, 260].map((data) => ({ data })),
  ...[0, 1, 63, 64, 65].map((data_end) => ({ data_end })),
  ...[1, 4].map((data_meta) => ({ data_meta })),
  ...[0, LOOPBACK, NOTHING, 0xffffffff].flatMap((ingress_ifindex) =>
    [0, 1, 2, 1000].map((rx_queue_index) => ({ ingress_ifindex, rx_queue_index })),
  ),
  ...[1, 2].map((egress_ifindex) => ({ egress_ifindex })),
  { data: 52 },
  { data: 48 },
  { data: 50, data_end: 64 },
];

const inputs: Case = {
  group,
  name: 'contexts, and what programs see of them',
  async run(subject, ask) {
    const fields = ['data', 'data_end', 'data_meta', 'ingress_ifindex', 'rx_queue_index'] as const;
    /** Where the packet lies is no two machines' same: its ends are seen as distances. */
    const reads: Readonly<Record<(typeof fields)[number], string>> = {
      data: 'r0 = *(u32 *)(r1 + 0)\n r2 = *(u32 *)(r1 + 8)\n r0 -= r2\n exit',
      data_end: 'r0 = *(u32 *)(r1 + 4)\n r2 = *(u32 *)(r1 + 0)\n r0 -= r2\n exit',
      data_meta: 'r0 = *(u32 *)(r1 + 4)\n r2 = *(u32 *)(r1 + 8)\n r0 -= r2\n exit',
      ingress_ifindex: 'r0 = *(u32 *)(r1 + 12)\n exit',
      rx_queue_index: 'r0 = *(u32 *)(r1 + 16)\n exit',
    };
    for (const field of fields) {
      let program: Awaited<ReturnType<typeof subject.loadProgram>> | undefined;
      await ask.later(`${field}: load`, async () => {
        program = await subject.loadProgram({ text: reads[field] });
      });
      for (const ctx of CONTEXTS) {
        const loaded = program;
        if (loaded === undefined) continue;
        const options: TestRunOptions = { data: frame(64), ctx };
        await ask.later(`${field}: ${JSON.stringify(ctx)}`, () => shownRun(loaded, options));
      }
    }
  },
};

const fields: Case = {
  group,
  name: 'accesses of the context',
  async run(subject, ask) {
    for (const expectedAttachType of [BPF_ATTACH_TYPE.XDP, BPF_ATTACH_TYPE.XDP_CPUMAP, BPF_ATTACH_TYPE.XDP_DEVMAP]) {
      for (const size of [8, 16, 32, 64]) {
        for (let offset = -4; offset <= 28; offset += size === 8 ? 1 : 2) {
          const at = offset < 0 ? `r1 - ${-offset}` : `r1 + ${offset}`;
          for (const [kind, text] of [
            ['read', `r0 = *(u${size} *)(${at})\n r0 = 2\n exit`],
            ['write', `*(u${size} *)(${at}) = 1\n r0 = 2\n exit`],
          ] as const) {
            await ask.later(`type ${expectedAttachType}: ${kind} ${size} bits at ${offset}`, async () => {
              await subject.loadProgram({ text, expectedAttachType });
            });
          }
        }
      }
    }
  },
};

const kinds: Case = {
  group,
  name: 'programs for entries',
  async run(subject, ask) {
    for (const expectedAttachType of [BPF_ATTACH_TYPE.XDP, BPF_ATTACH_TYPE.XDP_CPUMAP, BPF_ATTACH_TYPE.XDP_DEVMAP]) {
      for (const frags of [false, true]) {
        const program = await subject.loadProgram({ text: PASS, expectedAttachType, frags });
        await ask.later(`type ${expectedAttachType}, frags ${frags}`, () => shownRun(program, { data: frame(64) }));
      }
    }
  },
};

const verdicts: Case = {
  group,
  name: 'verdicts',
  async run(subject, ask) {
    for (const verdict of [0, 1, 2, 3, 4, 5, 255, 0x7fffffff, -1]) {
      const program = await subject.loadProgram({ text: `r0 = ${verdict}\n exit` });
      for (const repeat of [0, 1, 3]) {
        await ask.later(`${verdict}, ${repeat} times`, () => shownRun(program, { data: frame(20), repeat }));
      }
    }
  },
};

export const CONTEXT_CASES: readonly Case[] = [lengths, inputs, fields, kinds, verdicts];
