/**
 * What r1 points to in each kind of program that the engine runs: the verifier's model of it, and for tracing programs
 * the structs that their arguments point to, which CO-RE relocations are resolved against.
 */
import {
  type BpfProgram,
  type ContextModel,
  rawTracepointContext,
  tracepointContext,
  type VerifierStruct,
  xdpContext,
} from '@cpumap/bpf';
import { type EventName, eventsOf, TRACE_NET_DEVICE, XDP_CPUMAP_STATS } from '@cpumap/tracepoints';
import { BPF_ATTACH_TYPE, BPF_PROG_TYPE, type Features, KernelError, progTypeName } from '@cpumap/uapi';

type Argument = 'scalar' | VerifierStruct;
const S = 'scalar';
const NET_DEVICE: VerifierStruct = { name: 'net_device', size: TRACE_NET_DEVICE.sizeof };
const STATS: VerifierStruct = { name: 'xdp_cpumap_stats', size: XDP_CPUMAP_STATS.sizeof };

/** dev, the program, what it redirects to, err, map type, map id, index. The second and third are 0 on the engine. */
const REDIRECT: readonly Argument[] = [NET_DEVICE, S, S, S, S, S, S];

/** The arguments of each event as its raw tracepoint has them (6.18). */
const RAW_ARGUMENTS: Readonly<Record<EventName, readonly Argument[]>> = {
  xdp_redirect: REDIRECT,
  xdp_redirect_err: REDIRECT,
  xdp_redirect_map: REDIRECT,
  xdp_redirect_map_err: REDIRECT,
  xdp_exception: [NET_DEVICE, S, S],
  xdp_cpumap_enqueue: [S, S, S, S],
  xdp_cpumap_kthread: [S, S, S, S, STATS],
  xdp_devmap_xmit: [NET_DEVICE, NET_DEVICE, S, S, S],
};

function refuse(program: BpfProgram, hint: string): never {
  throw new KernelError('EINVAL', 'bpf(BPF_PROG_LOAD)', { hint: `program ${program.name}: ${hint}` });
}

/** The event of a tracing program. @throws KernelError EINVAL without one, ENOENT for one that the release lacks */
export function eventOf(program: BpfProgram, features: Features): EventName {
  const events = eventsOf(features);
  const { attachTo } = program;
  if (attachTo === undefined || attachTo === '') return refuse(program, 'it does not say which tracepoint it is for');
  const name = attachTo.replace(/^xdp[/:]/, '') as EventName;
  if (events.has(name)) return name;
  throw new KernelError('ENOENT', `tracepoint ${attachTo}`, {
    hint: `this release has ${[...events.keys()].join(', ')}`,
  });
}

/** @throws KernelError EINVAL for a kind of program that the engine does not run, ENOENT for an event that it lacks */
export function contextOf(program: BpfProgram, features: Features): ContextModel {
  switch (program.type) {
    case BPF_PROG_TYPE.XDP:
      return xdpContext(program.expectedAttachType);
    case BPF_PROG_TYPE.TRACEPOINT: {
      const { offsets } = eventsOf(features).get(eventOf(program, features))!;
      return tracepointContext(offsets.sizeof);
    }
    case BPF_PROG_TYPE.RAW_TRACEPOINT:
      return rawTracepointContext(RAW_ARGUMENTS[eventOf(program, features)]);
    case BPF_PROG_TYPE.TRACING:
      if (program.expectedAttachType !== BPF_ATTACH_TYPE.TRACE_RAW_TP) {
        return refuse(program, 'of tracing programs the engine runs tp_btf alone: there are no functions to hook');
      }
      return rawTracepointContext(RAW_ARGUMENTS[eventOf(program, features)]);
    default:
      return refuse(program, `the engine does not run programs of type ${progTypeName(program.type)}`);
  }
}
