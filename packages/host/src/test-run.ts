/**
 * bpf(BPF_PROG_TEST_RUN) of an XDP program: one frame, one CPU, no device. mirrors bpf_prog_test_run_xdp, Linux 6.18: the
 * frame lies in a page of its own, and what does not fit, or lies behind ctx.data_end, in frags of a page each; nobody
 * asks whether the program copes with frags. With `repeat` the same buffer goes through the program again and again, ends
 * moved and all; a redirect is asked for and not carried out.
 */
import type { BpfProgram } from '@cpumap/bpf';
import { attachSharedInfos, XDP_BUFF } from '@cpumap/skb';
import type { Allocator, Memory } from '@cpumap/smp';
import {
  BPF_ATTACH_TYPE,
  BPF_PROG_TYPE,
  type ErrnoName,
  ETH_HLEN,
  KernelError,
  MAX_SKB_FRAGS,
  PAGE_SIZE,
  SKB_FRAG,
  SKB_SHARED_INFO_SIZE,
  XDP_FLAGS_HAS_FRAGS,
  XDP_PACKET_HEADROOM,
  XDP_PAGE_FRAME,
} from '@cpumap/uapi';
import { LOOPBACK_IFINDEX } from './blueprint.ts';

/** struct xdp_md as test runs take and give it: offsets from the start of the data, metadata first. */
export interface XdpMd {
  readonly data_meta: number;
  readonly data: number;
  readonly data_end: number;
  readonly ingress_ifindex: number;
  readonly rx_queue_index: number;
  readonly egress_ifindex: number;
}

export interface TestRunOptions {
  /** The frame from its Ethernet header on, behind the metadata if `ctx` says that there is any. */
  readonly data: Uint8Array;
  /** What the program sees. Default: no metadata, queue 0 of the loopback device. */
  readonly ctx?: Partial<XdpMd>;
  /** Default 1. */
  readonly repeat?: number;
  /**
   * The frame is received `repeat` times by a device of its own and verdicts are carried out, redirects included:
   * BPF_F_TEST_XDP_LIVE_FRAMES. There is no return value and no data out then.
   */
  readonly liveFrames?: boolean;
  /** The CPU that runs it. Default 0. */
  readonly cpu?: number;
}

export interface TestRunResult {
  /** The verdict of the last run. 0 with live frames. */
  readonly retval: number;
  /** Metadata and frame after the last run; empty with live frames. */
  readonly data: Uint8Array;
  readonly ctx: XdpMd;
  /** Nanoseconds a run took, on average. */
  readonly durationNs: number;
  /** What ended the program before its end; its verdict is XDP_ABORTED then. */
  readonly fault?: string;
}

/** What a CPU is asked to do, and what it answers. */
export interface TestRunCommand {
  readonly type: 'test-run';
  readonly progId: number;
  readonly buff: number;
  readonly repeat: number;
}
export interface TestRunAnswer {
  readonly retval: number;
  readonly durationNs: number;
  readonly fault?: string;
}

/** Of a live frame: the kernel keeps 112 bytes of its own in the page, and gives live frames no frags. */
export const MOST_LIVE = XDP_PAGE_FRAME - 112;
/** Metadata lies in the headroom, behind the descriptor of 40 bytes. */
const MOST_METADATA = XDP_PACKET_HEADROOM - 40;

interface TestRunDevice {
  readonly pointer: number;
  readonly queues: number;
}

export interface TestRunParts {
  readonly memory: Memory;
  readonly allocator: Allocator;
  /** Address of the device of an ifindex, and how many queues it has; undefined if there is none. */
  readonly device: (ifindex: number) => TestRunDevice | undefined;
  readonly command: (cpu: number, command: TestRunCommand) => Promise<unknown>;
}

function refuse(code: ErrnoName, hint: string): never {
  throw new KernelError(code, 'bpf(BPF_PROG_TEST_RUN)', { hint });
}

/** Where the part of the data ends that lies in the first page: metadata is in the headroom. */
const linearEnd = (start: number, end: number): number => Math.min(end, start + XDP_PAGE_FRAME);

/**
 * What test runs of both kinds refuse; the device that they come in on.
 * @throws KernelError EINVAL, ENOTSUPP, ENOMEM, ENODEV
 */
export function checkTestRun(
  program: BpfProgram,
  { data, ctx = {}, repeat = 1, liveFrames = false }: TestRunOptions,
  device: TestRunParts['device'],
): TestRunDevice {
  if (program.type !== BPF_PROG_TYPE.XDP) refuse('ENOTSUPP', `only XDP programs can be run on a frame`);
  if (program.expectedAttachType !== BPF_ATTACH_TYPE.XDP) {
    refuse('EINVAL', 'programs for map entries cannot be run on their own: put it in an entry and send frames');
  }
  if (!(Number.isInteger(repeat) && repeat >= 0 && repeat <= 0xffffffff)) {
    refuse('EINVAL', `repeat ${repeat} is no 32-bit number`);
  }
  const { data_meta: meta = 0, data: start = 0, data_end: end = data.length, egress_ifindex: egress = 0 } = ctx;
  if (meta !== 0 || end > data.length || start > end || egress !== 0) {
    refuse('EINVAL', 'in ctx data_meta is 0, data_end between data and the length of the data, and egress_ifindex 0');
  }
  if (start < 0 || start > MOST_METADATA || start % 4 !== 0) {
    refuse('EINVAL', `ctx.data says ${start} bytes of metadata: up to ${MOST_METADATA}, a multiple of 4`);
  }
  const length = data.length - start;
  if (length < ETH_HLEN) refuse('EINVAL', `a frame has at least the ${ETH_HLEN} bytes of its header`);
  if (liveFrames && (length > MOST_LIVE || end < data.length)) {
    refuse('EINVAL', `a live frame lies in one page, its end with data_end: ${length} bytes, at most ${MOST_LIVE}`);
  }
  const frags = Math.ceil((data.length - linearEnd(start, end)) / PAGE_SIZE);
  if (frags > MAX_SKB_FRAGS)
    refuse('ENOMEM', `what the first page does not take makes more than ${MAX_SKB_FRAGS} frags`);
  const { ingress_ifindex: ifindex = 0, rx_queue_index: queue = 0 } = ctx;
  if (ifindex === 0 && queue !== 0) refuse('EINVAL', 'without a device there is queue 0 alone');
  const from =
    device(ifindex === 0 ? LOOPBACK_IFINDEX : ifindex) ?? refuse('ENODEV', `no device has the ifindex ${ifindex}`);
  if (queue >= from.queues) refuse('EINVAL', `the device has no queue ${queue}`);
  return from;
}

export function createTestRun({ memory, allocator, device, command }: TestRunParts) {
  const { u8, u32 } = memory;
  const infos = attachSharedInfos(memory);

  /** Puts `rest` into pages behind the shared info; what each takes is put into `pages` first. */
  function addFrags(shinfo: number, rest: Uint8Array, pages: number[]): void {
    for (let at = 0; at < rest.length; at += PAGE_SIZE) {
      const page = allocator.alloc(PAGE_SIZE);
      pages.push(page);
      const bytes = rest.subarray(at, at + PAGE_SIZE);
      u8.set(bytes, page);
      infos.addFrag(shinfo, page, page, bytes.length);
    }
  }

  /** What the frame is after the run, metadata first. */
  function dataOut(start: number, end: number, shinfo: number): Uint8Array {
    const parts = [u8.slice(start, end)];
    for (let i = 0; i < infos.nrFrags(shinfo); i++) {
      const frag = infos.frag(shinfo, i);
      const page = u32[(frag + SKB_FRAG.netmem) >> 2]!;
      parts.push(u8.slice(page, page + u32[(frag + SKB_FRAG.len) >> 2]!));
    }
    return Uint8Array.from(Buffer.concat(parts));
  }

  return async (program: BpfProgram, options: TestRunOptions): Promise<TestRunResult> => {
    const from = checkTestRun(program, options, device);
    const { data, ctx = {}, repeat = 1, cpu = 0 } = options;
    const { data: metalen = 0, data_end = data.length, ingress_ifindex: ifindex = 0, rx_queue_index: queue = 0 } = ctx;
    const page = allocator.alloc(PAGE_SIZE);
    const buff = allocator.alloc(XDP_BUFF.sizeof);
    const pages = [page, buff];
    try {
      const set = (field: number, value: number): void => {
        u32[(buff + field) >> 2] = value;
      };
      const get = (field: number): number => u32[(buff + field) >> 2]!;
      u8.fill(0, page, page + PAGE_SIZE);
      const linear = linearEnd(metalen, data_end);
      const shinfo = page + PAGE_SIZE - SKB_SHARED_INFO_SIZE;
      u8.set(data.subarray(0, linear), page + XDP_PACKET_HEADROOM - metalen);
      addFrags(shinfo, data.subarray(linear), pages);
      set(XDP_BUFF.data_hard_start, page);
      set(XDP_BUFF.frame_sz, PAGE_SIZE);
      set(XDP_BUFF.data_meta, page + XDP_PACKET_HEADROOM - metalen);
      set(XDP_BUFF.data, page + XDP_PACKET_HEADROOM);
      set(XDP_BUFF.data_end, page + XDP_PACKET_HEADROOM + linear - metalen);
      set(XDP_BUFF.flags, linear < data.length ? XDP_FLAGS_HAS_FRAGS : 0);
      set(XDP_BUFF.frag_size, PAGE_SIZE);
      set(XDP_BUFF.ingress_ifindex, ifindex === 0 ? LOOPBACK_IFINDEX : ifindex);
      set(XDP_BUFF.rx_queue_index, queue);
      set(XDP_BUFF.egress_ifindex, 0);
      set(XDP_BUFF.dev, from.pointer);
      const answer = (await command(cpu, {
        type: 'test-run',
        progId: program.id,
        buff,
        repeat: Math.max(repeat, 1),
      })) as TestRunAnswer;
      const start = Math.min(get(XDP_BUFF.data_meta), get(XDP_BUFF.data));
      return {
        ...answer,
        data: dataOut(start, get(XDP_BUFF.data_end), shinfo),
        ctx: {
          data_meta: 0,
          data: get(XDP_BUFF.data) - start,
          data_end: get(XDP_BUFF.data_end) - start,
          ingress_ifindex: ifindex,
          rx_queue_index: queue,
          egress_ifindex: 0,
        },
      };
    } finally {
      for (const block of pages) allocator.free(block);
    }
  };
}
