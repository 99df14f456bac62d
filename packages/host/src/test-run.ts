/**
 * bpf(BPF_PROG_TEST_RUN) of an XDP program: one frame, one CPU, no device. mirrors bpf_prog_test_run_xdp, Linux 6.18: the
 * frame lies in a page of its own; with `repeat` the same buffer goes through the program again and again, ends moved
 * and all; a redirect is asked for and not carried out.
 */
import type { BpfProgram } from '@cpumap/bpf';
import { XDP_BUFF } from '@cpumap/skb';
import type { Allocator, Memory } from '@cpumap/smp';
import {
  BPF_ATTACH_TYPE,
  BPF_PROG_TYPE,
  type ErrnoName,
  ETH_HLEN,
  KernelError,
  SKB_SHARED_INFO_SIZE,
  XDP_PACKET_HEADROOM,
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

const PAGE_SIZE = 4096;
/** Of a frame; a longer one would need a second buffer. */
const MOST_OF_PAGE = PAGE_SIZE - XDP_PACKET_HEADROOM - SKB_SHARED_INFO_SIZE;
/** Live frames share their page with the kernel's notes on it: struct xdp_page_head. */
export const MOST_OF_LIVE_PAGE = MOST_OF_PAGE - 112;
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

/** What test runs of both kinds refuse; the device that they come in on. @throws KernelError EINVAL, ENOTSUPP, ENODEV */
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
  if (meta !== 0 || end !== data.length || egress !== 0) {
    refuse('EINVAL', 'in ctx data_meta is 0, data_end the length of the data, and egress_ifindex 0');
  }
  if (start < 0 || start > MOST_METADATA || start % 4 !== 0) {
    refuse('EINVAL', `ctx.data says ${start} bytes of metadata: up to ${MOST_METADATA}, a multiple of 4`);
  }
  const length = data.length - start;
  if (length < ETH_HLEN) refuse('EINVAL', `a frame has at least the ${ETH_HLEN} bytes of its header`);
  const most = liveFrames ? MOST_OF_LIVE_PAGE : MOST_OF_PAGE;
  if (length > most) refuse('EINVAL', `a frame of ${length} bytes does not fit into one page: at most ${most}`);
  const { ingress_ifindex: ifindex = 0, rx_queue_index: queue = 0 } = ctx;
  if (ifindex === 0 && queue !== 0) refuse('EINVAL', 'without a device there is queue 0 alone');
  const from =
    device(ifindex === 0 ? LOOPBACK_IFINDEX : ifindex) ?? refuse('ENODEV', `no device has the ifindex ${ifindex}`);
  if (queue >= from.queues) refuse('EINVAL', `the device has no queue ${queue}`);
  return from;
}

export function createTestRun({ memory, allocator, device, command }: TestRunParts) {
  const { u8, u32 } = memory;
  return async (program: BpfProgram, options: TestRunOptions): Promise<TestRunResult> => {
    const from = checkTestRun(program, options, device);
    const { data, ctx = {}, repeat = 1, cpu = 0 } = options;
    const { data: metalen = 0, ingress_ifindex: ifindex = 0, rx_queue_index: queue = 0 } = ctx;
    const page = allocator.alloc(PAGE_SIZE);
    const buff = allocator.alloc(XDP_BUFF.sizeof);
    try {
      const set = (field: number, value: number): void => {
        u32[(buff + field) >> 2] = value;
      };
      const get = (field: number): number => u32[(buff + field) >> 2]!;
      u8.fill(0, page, page + PAGE_SIZE);
      u8.set(data, page + XDP_PACKET_HEADROOM - metalen);
      set(XDP_BUFF.data_hard_start, page);
      set(XDP_BUFF.frame_sz, PAGE_SIZE);
      set(XDP_BUFF.data_meta, page + XDP_PACKET_HEADROOM - metalen);
      set(XDP_BUFF.data, page + XDP_PACKET_HEADROOM);
      set(XDP_BUFF.data_end, page + XDP_PACKET_HEADROOM + data.length - metalen);
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
        data: u8.slice(start, get(XDP_BUFF.data_end)),
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
      allocator.free(page);
      allocator.free(buff);
    }
  };
}
