/** Helpers that move the packet's ends or copy its bytes: how far they go, what they leave behind, what they answer. */
import type { TestRunOptions } from '@cpumap/host';
import type { Case } from '../case.ts';
import { frame } from './frames.ts';
import { shownRun } from './run.ts';

const ADJUST_HEAD = 44;
const ADJUST_META = 54;
const ADJUST_TAIL = 65;
const GET_BUFF_LEN = 188;
const LOAD_BYTES = 189;
const STORE_BYTES = 190;

const LENGTH = 64;
const METADATA = [0, 4, 8, 32, 36, 128, 216];
const DELTAS = [
  -0x80000000, -4096, -300, -257, -256, -255, -253, -252, -251, -248, -217, -216, -215, -213, -212, -211, -208, -184,
  -180, -132, -128, -100, -64, -63, -52, -51, -50, -49, -40, -36, -32, -16, -14, -8, -4, -3, -1, 0, 1, 3, 4, 8, 14, 32,
  36, 49, 50, 51, 63, 64, 65, 128, 212, 216, 252, 256, 3000, 3455, 3456, 3457, 4000, 0x7fffffff,
];

/** A frame behind its metadata; the context tells where the ends were moved to. */
const input = (metadata: number): TestRunOptions => ({
  data: frame(metadata + LENGTH),
  ctx: { data: metadata, data_end: metadata + LENGTH },
});

const adjust = (helper: number, delta: number): string => `r1 = r6\n r2 = ${delta}\n call ${helper}\n`;

function limits(name: string, helper: number): Case {
  return {
    group: 'packet helpers',
    name: `${name}: limits`,
    async run(subject, ask) {
      for (const delta of DELTAS) {
        const program = await subject.loadProgram({ text: `r6 = r1\n ${adjust(helper, delta)} exit` });
        for (const metadata of METADATA) {
          await ask.later(`${delta} with ${metadata} bytes of metadata`, () => shownRun(program, input(metadata)));
        }
      }
    },
  };
}

const pairs: Case = {
  group: 'packet helpers',
  name: 'one after the other',
  async run(subject, ask) {
    const steps = [
      ['head', ADJUST_HEAD, [-216, -12, 12]],
      ['meta', ADJUST_META, [-32, -4, 4, 12]],
      ['tail', ADJUST_TAIL, [-20, 20]],
    ] as const;
    for (const [firstName, first, firstDeltas] of steps) {
      for (const [secondName, second, secondDeltas] of steps) {
        for (const a of firstDeltas) {
          for (const b of secondDeltas) {
            const text = `r6 = r1\n ${adjust(first, a)} r7 = r0\n ${adjust(second, b)} r0 <<= 8\n r0 ^= r7\n exit`;
            await ask.later(`${firstName} ${a}, ${secondName} ${b}`, async () =>
              shownRun(await subject.loadProgram({ text }), input(8)),
            );
          }
        }
      }
    }
  },
};

const repeated: Case = {
  group: 'packet helpers',
  name: 'repeated runs',
  async run(subject, ask) {
    for (const [name, helper, delta] of [
      ['head', ADJUST_HEAD, -8],
      ['head', ADJUST_HEAD, 4],
      ['meta', ADJUST_META, -4],
      ['tail', ADJUST_TAIL, 16],
      ['tail', ADJUST_TAIL, -16],
    ] as const) {
      const program = await subject.loadProgram({ text: `r6 = r1\n ${adjust(helper, delta)} exit` });
      for (const repeat of [0, 1, 2, 3, 40]) {
        await ask.later(`${name} ${delta}, ${repeat} times`, () => shownRun(program, { ...input(0), repeat }));
      }
    }
  },
};

const SIZES = [1, 2, 3, 8, 31, 32];
const OFFSETS = [0, 1, 13, 31, 32, 33, 56, 61, 62, 63, 64, 65, 0xfffe, 0xffff, 0x10000, -1];

const bytes: Case = {
  group: 'packet helpers',
  name: 'bpf_xdp_load_bytes and bpf_xdp_store_bytes',
  async run(subject, ask) {
    const filled = [0, 1, 2, 3].map((i) => `*(u64 *)(r10 - ${32 - 8 * i}) = ${0x11111111 * (i + 1)}`).join('\n');
    for (const [name, helper] of [
      ['load', LOAD_BYTES],
      ['store', STORE_BYTES],
    ] as const) {
      for (const size of SIZES) {
        for (const offset of OFFSETS) {
          const text = `${filled}\n r6 = r1\n r2 = ${offset}\n r3 = r10\n r3 += -32\n r4 = ${size}\n call ${helper}
            if r0 != 0 goto out\n r0 = *(u64 *)(r10 - 32)\n r1 = *(u64 *)(r10 - 8)\n r0 ^= r1\nout:\n exit`;
          await ask.later(`${name} ${size} at ${offset}`, async () =>
            shownRun(await subject.loadProgram({ text }), input(0)),
          );
        }
      }
    }
  },
};

const ENDS = 'r2 = *(u32 *)(r6 + 8)\n r3 = *(u32 *)(r6 + 0)\n';

const metadata: Case = {
  group: 'packet helpers',
  name: 'metadata written and read',
  async run(subject, ask) {
    for (const size of [4, 8, 32, 216, 252, 256]) {
      for (const reach of new Set([4, size, size + 4])) {
        const text = `r6 = r1\n r2 = -${size}\n call ${ADJUST_META}\n if r0 != 0 goto out\n ${ENDS} r4 = r2\n r4 += ${reach}
          if r4 > r3 goto out\n *(u32 *)(r2 + ${reach - 4}) = 0x01020304\n r0 = 9\nout:\n exit`;
        await ask.later(`${reach} of ${size} written`, async () =>
          shownRun(await subject.loadProgram({ text }), input(0)),
        );
      }
      const read = `r6 = r1\n ${ENDS} r4 = r2\n r4 += 4\n r0 = 5\n if r4 > r3 goto +1\n r0 = *(u32 *)(r2 + 0)\n exit`;
      await ask.later(`read of ${size}`, async () => shownRun(await subject.loadProgram({ text: read }), input(size)));
    }
    await ask.later('none read', async () => {
      const text = `r6 = r1\n ${ENDS} r4 = r2\n r4 += 4\n r0 = 5\n if r4 > r3 goto +1\n r0 = *(u32 *)(r2 + 0)\n exit`;
      return shownRun(await subject.loadProgram({ text }), input(0));
    });
  },
};

const length: Case = {
  group: 'packet helpers',
  name: 'bpf_xdp_get_buff_len',
  async run(subject, ask) {
    const program = await subject.loadProgram({ text: `call ${GET_BUFF_LEN}\n exit` });
    for (const size of [14, 15, 64, 1500, 3520]) {
      await ask.later(`${size}`, () => shownRun(program, { data: frame(size) }));
    }
  },
};

export const PACKET_HELPER_CASES: readonly Case[] = [
  limits('bpf_xdp_adjust_head', ADJUST_HEAD),
  limits('bpf_xdp_adjust_meta', ADJUST_META),
  limits('bpf_xdp_adjust_tail', ADJUST_TAIL),
  pairs,
  repeated,
  bytes,
  metadata,
  length,
];
