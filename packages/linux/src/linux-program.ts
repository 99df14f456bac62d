/**
 * Programs of the running kernel: bpf(BPF_PROG_LOAD) with the verifier's log, bpf(BPF_PROG_TEST_RUN), and what the kernel
 * knows of a program. A program lives while its descriptor, a link or a map holds it.
 */
import {
  type BpfMap,
  type BpfProgram,
  type BytecodeCode,
  encodeProgram,
  type Instruction,
  joinImm64,
  type ProgramSpec,
  programOf,
} from '@cpumap/bpf';
import type { TestRunOptions, TestRunResult, XdpMd } from '@cpumap/host';
import { BPF_PROG_TYPE, KernelError, XDP_MD } from '@cpumap/uapi';
import { attrOf, BPF_CMD, nameWords, PROG_LOAD_ATTR, TEST_RUN_ATTR } from './attr.ts';
import { loadFunctionBtf } from './function-btf.ts';
import { bpfError, libc } from './libc.ts';
import { programInfo } from './object-info.ts';
import { onCpu } from './on-cpu.ts';

export interface LinuxProgram extends BpfProgram {
  readonly fd: number;
  /** bpf(BPF_PROG_TEST_RUN). @throws KernelError */
  testRun(options: TestRunOptions): Promise<TestRunResult>;
  /** Closes the descriptor; attached, the program stays loaded. Safe to call twice. */
  close(): void;
}

/** A program that the kernel's verifier refused. */
export class LinuxVerifierError extends KernelError {
  /** What the verifier wrote, to its last line. */
  readonly log: string;

  constructor(error: KernelError, program: string, complaint: string, log: string) {
    super(error.code, error.syscall, { hint: `program "${program}": ${complaint}` });
    this.log = log;
  }
}

/** The line that says why; undefined when the verifier found nothing wrong: the program was refused before or after it. */
function complaintOf(log: string): string | undefined {
  const lines = log
    .split('\n')
    .filter((line) => line !== '' && !/^(processed|verification time|stack depth) /.test(line));
  return /^processed /m.test(log) && lines.length === 0 ? undefined : lines.at(-1);
}

const BPF_F_XDP_HAS_FRAGS = 1 << 5;
const BPF_F_TEST_XDP_LIVE_FRAMES = 1 << 1;
const FUNC_INFO_BYTES = 8;
const LOG_BYTES = 4 * 1024 * 1024;

/** The code with descriptors in place of names: what the kernel takes. */
function withDescriptors({ bytecode }: BytecodeCode, maps: LinuxLoad['maps']): Uint8Array {
  const bySlot = new Map(bytecode.mapReferences.map((reference) => [reference.slot, reference]));
  const instructions = bytecode.instructions.map((instruction): Instruction => {
    const reference = bySlot.get(instruction.slot);
    if (reference === undefined) return instruction;
    const map = maps[reference.target];
    if (map === undefined) {
      throw new KernelError('EBADF', 'bpf(BPF_PROG_LOAD)', { hint: `there is no map "${reference.target}"` });
    }
    return { ...instruction, imm: map.pointer, imm64: joinImm64(map.pointer, reference.offset) };
  });
  return encodeProgram(instructions);
}

export interface LinuxLoad {
  readonly maps: Readonly<Record<string, Pick<BpfMap, 'pointer'>>>;
  /** Of the function or event that a tracing program is for, in the kernel's BTF. */
  readonly attachBtfId?: number;
  /** 0 no log unless it is refused, 1 and 2 as the kernel. */
  readonly logLevel?: 0 | 1 | 2;
}

/** bpf(BPF_PROG_LOAD). @throws LinuxVerifierError; KernelError EPERM, EINVAL, EBADF */
export function loadLinuxProgram(spec: ProgramSpec, { maps, attachBtfId, logLevel = 0 }: LinuxLoad): LinuxProgram {
  const { code } = spec;
  if (!('bytecode' in code)) {
    throw new KernelError('EINVAL', 'bpf(BPF_PROG_LOAD)', {
      hint: `program ${spec.name} is TypeScript: the kernel runs bytecode alone`,
    });
  }
  const c = libc();
  const insns = withDescriptors(code, maps);
  const license = new TextEncoder().encode(`${code.license ?? ''}\0`);
  const facts = programOf(spec, 0);
  const [prog_name_0, prog_name_1, prog_name_2, prog_name_3] = nameWords(spec.name);
  const btf = loadFunctionBtf(code.bytecode.instructions);
  const attempt = (level: number): { fd: number; log: string } => {
    const log = level === 0 ? undefined : new Uint8Array(LOG_BYTES);
    const attr = attrOf(c, PROG_LOAD_ATTR, {
      prog_type: facts.type,
      insn_cnt: insns.length / 8,
      insns,
      license,
      log_level: level,
      log_size: log?.length,
      log_buf: log,
      prog_flags: facts.frags ? BPF_F_XDP_HAS_FRAGS : 0,
      prog_name_0,
      prog_name_1,
      prog_name_2,
      prog_name_3,
      expected_attach_type: facts.expectedAttachType,
      attach_btf_id: attachBtfId,
      prog_btf_fd: btf?.fd,
      func_info_rec_size: btf && FUNC_INFO_BYTES,
      func_info: btf?.funcInfo,
      func_info_cnt: btf?.count,
    });
    const fd = c.bpf(BPF_CMD.PROG_LOAD, attr);
    return { fd, log: log === undefined ? '' : new TextDecoder().decode(log.subarray(0, log.indexOf(0))) };
  };
  let { fd, log } = attempt(logLevel);
  if (fd < 0) ({ fd, log } = attempt(Math.max(logLevel, 1))); // the log is asked for when there is something to read
  btf?.close(); // a program that was loaded holds it
  if (fd < 0) {
    const error = bpfError('BPF_PROG_LOAD', fd);
    const complaint = complaintOf(log);
    throw complaint === undefined ? error : new LinuxVerifierError(error, spec.name, complaint, log);
  }
  const program = { ...facts, id: programInfo(fd).id };
  let open = true;
  return {
    ...program,
    fd,
    testRun: async (options) => testRun(program, fd, options),
    close() {
      if (open) c.close(fd);
      open = false;
    },
  };
}

const PAGE_SIZE = 4096;

function testRun({ type }: BpfProgram, fd: number, options: TestRunOptions): TestRunResult {
  const c = libc();
  if (type !== BPF_PROG_TYPE.XDP) {
    throw new KernelError('ENOTSUPP', 'bpf(BPF_PROG_TEST_RUN)', { hint: 'only XDP programs are run on a frame here' });
  }
  const { data, ctx, repeat = 1, liveFrames = false, cpu } = options;
  const dataIn = data.slice();
  // what a program can put in front, and behind
  const dataOut = new Uint8Array(liveFrames ? 0 : dataIn.length + 2 * PAGE_SIZE);
  const ctxIn = ctx === undefined ? undefined : contextBytes({ data_end: data.length, ...ctx });
  const ctxOut = new Uint8Array(XDP_MD.sizeof);
  const withContext = ctxIn !== undefined;
  const attr = attrOf(c, TEST_RUN_ATTR, {
    prog_fd: fd,
    data_size_in: dataIn.length,
    data_in: dataIn,
    data_size_out: dataOut.length,
    data_out: liveFrames ? undefined : dataOut,
    repeat: Math.max(repeat, 1),
    ctx_size_in: withContext ? ctxIn.length : 0,
    ctx_in: ctxIn,
    ctx_size_out: withContext && !liveFrames ? ctxOut.length : 0,
    ctx_out: withContext && !liveFrames ? ctxOut : undefined,
    flags: liveFrames ? BPF_F_TEST_XDP_LIVE_FRAMES : 0,
  });
  const run = (): { answer: number; elapsedNs: number } => {
    const started = performance.now();
    const answer = c.bpf(BPF_CMD.PROG_TEST_RUN, attr);
    return { answer, elapsedNs: (performance.now() - started) * 1e6 };
  };
  // the kernel runs XDP programs on the CPU of whoever asks; its own way to name one is for other kinds of programs
  const { answer, elapsedNs } = cpu === undefined ? run() : onCpu(cpu, run);
  if (answer < 0) throw bpfError('BPF_PROG_TEST_RUN', answer);
  const size = attr.u32(TEST_RUN_ATTR.data_size_out);
  return {
    retval: attr.u32(TEST_RUN_ATTR.retval),
    data: dataOut.slice(0, size),
    ctx: withContext && !liveFrames ? contextOf(ctxOut) : contextOf(contextBytes({ data_end: size })),
    durationNs: liveFrames ? elapsedNs / Math.max(repeat, 1) : attr.u32(TEST_RUN_ATTR.duration),
  };
}

function contextBytes(ctx: Partial<XdpMd>): Uint8Array {
  const bytes = new Uint8Array(XDP_MD.sizeof);
  const view = new DataView(bytes.buffer);
  for (const [field, value] of Object.entries(ctx)) view.setUint32(XDP_MD[field as keyof XdpMd], value, true);
  return bytes;
}

function contextOf(bytes: Uint8Array): XdpMd {
  const view = new DataView(bytes.buffer);
  const field = (name: keyof XdpMd): number => view.getUint32(XDP_MD[name], true);
  return {
    data_meta: field('data_meta'),
    data: field('data'),
    data_end: field('data_end'),
    ingress_ifindex: field('ingress_ifindex'),
    rx_queue_index: field('rx_queue_index'),
    egress_ifindex: field('egress_ifindex'),
  };
}
