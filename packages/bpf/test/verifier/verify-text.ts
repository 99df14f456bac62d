/** A program of the tables through the verifier. */
import { BPF_ATTACH_TYPE, BPF_PROG_TYPE } from '@cpumap/uapi';
import { assemble } from '../../src/asm/assemble.ts';
import type { Instruction } from '../../src/isa/instruction.ts';
import { rawTracepointContext, tracepointContext, xdpContext } from '../../src/verifier/context-models.ts';
import { VerifierError } from '../../src/verifier/verifier-error.ts';
import type { ContextModel, VerifierInput, VerifierResult } from '../../src/verifier/verifier-types.ts';
import { verifyProgram } from '../../src/verifier/verify-program.ts';
import { MAPS } from './maps.ts';

type ProgramKind = 'xdp' | 'xdp-devmap' | 'xdp-cpumap' | 'tracepoint' | 'raw-tracepoint' | 'tp-btf';

export interface Case {
  readonly name: string;
  readonly text: string;
  readonly kind?: ProgramKind;
  readonly license?: string;
}

interface Kind {
  readonly programType: number;
  readonly expectedAttachType: number;
  readonly context: ContextModel;
}

const NET_DEVICE = { name: 'net_device', size: 2560 };
const BPF_PROG = { name: 'bpf_prog', size: 72 };
const A = BPF_ATTACH_TYPE;
const xdp = (attach: number): Kind => ({
  programType: BPF_PROG_TYPE.XDP,
  expectedAttachType: attach,
  context: xdpContext(attach),
});
const KINDS: Readonly<Record<ProgramKind, Kind>> = {
  xdp: xdp(A.XDP),
  'xdp-devmap': xdp(A.XDP_DEVMAP),
  'xdp-cpumap': xdp(A.XDP_CPUMAP),
  tracepoint: { programType: BPF_PROG_TYPE.TRACEPOINT, expectedAttachType: 0, context: tracepointContext(64) },
  'raw-tracepoint': {
    programType: BPF_PROG_TYPE.RAW_TRACEPOINT,
    expectedAttachType: 0,
    context: rawTracepointContext(new Array(12).fill('scalar')),
  },
  // tracepoint xdp_redirect: dev, prog, tgt, err, map_type, map_id, index
  'tp-btf': {
    programType: BPF_PROG_TYPE.TRACING,
    expectedAttachType: 23,
    context: rawTracepointContext([NET_DEVICE, BPF_PROG, 'scalar', 'scalar', 'scalar', 'scalar', 'scalar']),
  },
};

export function inputOf({ name, text, kind = 'xdp', license = 'GPL' }: Case, logLevel: 0 | 1 | 2 = 0): VerifierInput {
  return inputOfProgram(assemble(text), { name, kind, license, logLevel });
}

export function inputOfProgram(
  instructions: readonly Instruction[],
  options: { name?: string; kind?: ProgramKind; license?: string; logLevel?: 0 | 1 | 2 } = {},
): VerifierInput {
  const { name = 'test', kind = 'xdp', license = 'GPL', logLevel = 0 } = options;
  const bySlot = new Map(instructions.map((one) => [one.slot, one]));
  return {
    name,
    instructions,
    ...KINDS[kind],
    license,
    logLevel,
    mapAt: (slot) => MAPS[bySlot.get(slot)!.imm - 1],
  };
}

interface Answer {
  readonly result?: VerifierResult;
  readonly error?: VerifierError;
}

export function answerOf(input: VerifierInput): Answer {
  try {
    return { result: verifyProgram(input) };
  } catch (error) {
    if (error instanceof VerifierError) return { error };
    throw error;
  }
}
