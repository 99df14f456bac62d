/**
 * The verifier: whether a program can do harm, and what about it is certain.
 *
 * It follows every path with what is known of registers and stack (Documentation/bpf/verifier.rst describes the method),
 * and accepts what Linux 6.18 accepts for a privileged user, with the kernel's errno and sentence for what it refuses.
 * A slot in `proved` never leads outside the stack, the context, the packet and the map values that the program may
 * touch, provided that helpers return what their prototypes say and that structs of tracing programs are there.
 */
import { BPF_PROG_TYPE, KernelError, progTypeName } from '@cpumap/uapi';
import { checkInstruction } from '../isa/check.ts';
import { explore, Refusal, type Statistics } from './explore.ts';
import { shapeOf } from './program-shape.ts';
import { checkStackDepth } from './stack-depth.ts';
import type { Findings } from './verification.ts';
import { VerifierError } from './verifier-error.ts';
import { VerifierLog } from './verifier-log.ts';
import type { VerifierInput, VerifierMap, VerifierResult } from './verifier-types.ts';

const KINDS: ReadonlySet<number> = new Set([
  BPF_PROG_TYPE.XDP,
  BPF_PROG_TYPE.TRACEPOINT,
  BPF_PROG_TYPE.RAW_TRACEPOINT,
  BPF_PROG_TYPE.TRACING,
]);

function refuse(code: Refusal['code'], verdict: string, slot: number | undefined, hint: string): never {
  throw new Refusal(code, verdict, slot, hint);
}

/** The answers of checkInstruction as those of the verifier. */
function checkInstructions({ instructions }: VerifierInput): void {
  for (const instruction of instructions) {
    try {
      checkInstruction(instruction);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      const hint = (error.hint ?? '').replace(/^slot \d+: /, '');
      refuse('EINVAL', `invalid insn ${instruction.slot}: ${hint}`, instruction.slot, hint);
    }
  }
}

interface Outcome {
  readonly findings: Findings;
  readonly statistics: Statistics;
  readonly log: VerifierLog | undefined;
  readonly refusal: Refusal | undefined;
  readonly stackDepth: number;
}

function run(input: VerifierInput, level: 0 | 1 | 2): Outcome {
  const log = level === 0 ? undefined : new VerifierLog(input, level);
  const statistics = { processed: 0, total: 0, peak: 0, maxPerInsn: 0 };
  const findings: Findings = {
    proved: new Set(),
    mapAtCall: new Map(),
    constantArguments: new Map(),
    stackUse: [],
    callbacks: new Set(),
    usesTailCalls: false,
    changesPacket: false,
  };
  try {
    if (!KINDS.has(input.programType)) {
      const hint = `programs of type ${progTypeName(input.programType)} are not run here`;
      refuse('EINVAL', `unsupported program type ${input.programType}`, undefined, hint);
    }
    checkInstructions(input);
    const shape = shapeOf(input.instructions, refuse);
    findings.stackUse.push(...shape.subprograms.map(() => 0));
    explore(input, shape, findings, statistics, log);
    const stackDepth = checkStackDepth(shape, findings.stackUse, refuse);
    return { findings, statistics, log, refusal: undefined, stackDepth };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    log?.flush();
    log?.add(error.verdict);
    return { findings, statistics, log, refusal: error, stackDepth: 0 };
  }
}

function textOf({ log, statistics }: Outcome): string {
  const { processed, maxPerInsn, total, peak } = statistics;
  const numbers = `max_states_per_insn ${maxPerInsn} total_states ${total} peak_states ${peak} mark_read 0`;
  return `${log?.text() ?? ''}processed ${processed} insns (limit 1000000) ${numbers}\n`;
}

/** A program is refused with VerifierError, whose log is complete also where none was asked for. */
export function verifyProgram(input: VerifierInput): VerifierResult {
  let outcome = run(input, input.logLevel);
  if (outcome.refusal !== undefined && input.logLevel === 0) outcome = run(input, 1);
  const { refusal, findings, statistics, stackDepth } = outcome;
  const log = textOf(outcome);
  if (refusal !== undefined) {
    const { code, verdict, slot, hint } = refusal;
    const where = slot === undefined ? '' : ` (slot ${slot})`;
    throw new VerifierError(code, verdict, log, slot, `program "${input.name}": ${verdict}${where}: ${hint}`);
  }
  const mapAtCall = new Map<number, VerifierMap>();
  for (const [slot, map] of findings.mapAtCall) if (map !== undefined) mapAtCall.set(slot, map);
  return {
    log: input.logLevel === 0 ? '' : log,
    proved: findings.proved,
    mapAtCall,
    constantArguments: findings.constantArguments,
    stackDepth,
    processedInsns: statistics.processed,
    callbacks: findings.callbacks,
    usesTailCalls: findings.usesTailCalls,
    changesPacket: findings.changesPacket,
  };
}
