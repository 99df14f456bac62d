/**
 * Links: what holds a program at its place. A link lives as long as its descriptor: when the process ends, however it
 * ends, the kernel takes the program off.
 */
import { BPF_ATTACH_TYPE, XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE } from '@cpumap/uapi';
import { attrOf, BPF_CMD, LINK_CREATE_ATTR, LINK_UPDATE_ATTR, RAW_TRACEPOINT_ATTR } from './attr.ts';
import { bpfError, libc, systemError } from './libc.ts';
import { detachLink } from './link-info.ts';

export interface LinuxLink {
  readonly fd: number;
  /** Takes the program off, whoever else holds a descriptor of the link. Safe to call twice. */
  close(): void;
}

const XDP_FLAGS = { native: XDP_FLAGS_DRV_MODE, generic: XDP_FLAGS_SKB_MODE } as const;

const PERF_TYPE_TRACEPOINT = 2;
/** PERF_ATTR_SIZE_VER0: what every kernel with perf events takes. */
const PERF_ATTR = { type: 0, size: 4, config: 8, sample_period: 16, sizeof: 64 };
const PERF_EVENT_IOC = { ENABLE: 0x2400, SET_BPF: 0x40042408 } as const;

/** A link by its descriptor. Closing alone lets the kernel take its time, and a process that was forked hold on. */
function linkOf(fd: number, detach: (fd: number) => void = () => undefined): LinuxLink {
  let open = true;
  return {
    fd,
    close() {
      if (!open) return;
      open = false;
      detach(fd);
      libc().close(fd);
    },
  };
}

/** bpf(BPF_LINK_CREATE) of an XDP program. @returns a negative errno: EBUSY, EEXIST, EOPNOTSUPP, EINVAL, EPERM, … */
export function attachXdpLink(progFd: number, ifindex: number, mode: 'native' | 'generic'): LinuxLink | number {
  const c = libc();
  const attr = attrOf(c, LINK_CREATE_ATTR, {
    prog_fd: progFd,
    target_ifindex: ifindex,
    attach_type: BPF_ATTACH_TYPE.XDP,
    flags: XDP_FLAGS[mode],
  });
  const fd = c.bpf(BPF_CMD.LINK_CREATE, attr);
  return fd < 0 ? fd : linkOf(fd, detachLink);
}

/** bpf(BPF_LINK_UPDATE): another program in its place, without a moment between. @returns 0, or a negative errno */
export function updateLink({ fd }: LinuxLink, progFd: number): number {
  const c = libc();
  return c.bpf(BPF_CMD.LINK_UPDATE, attrOf(c, LINK_UPDATE_ATTR, { link_fd: fd, new_prog_fd: progFd }));
}

/** bpf(BPF_RAW_TRACEPOINT_OPEN): of a raw tracepoint by name; a tp_btf program knows its own. @throws KernelError ENOENT */
export function attachRawTracepoint(progFd: number, name?: string): LinuxLink {
  const c = libc();
  const text = name === undefined ? undefined : new TextEncoder().encode(`${name}\0`);
  const fd = c.bpf(BPF_CMD.RAW_TRACEPOINT_OPEN, attrOf(c, RAW_TRACEPOINT_ATTR, { name: text, prog_fd: progFd }));
  if (fd < 0) throw bpfError('BPF_RAW_TRACEPOINT_OPEN', fd);
  return linkOf(fd);
}

/** A tracepoint's perf event, by its id in tracefs. One is enough: a tracepoint runs its programs on every CPU. */
function openPerfTracepoint(tracepointId: number): number {
  const attr = new Uint8Array(PERF_ATTR.sizeof);
  const view = new DataView(attr.buffer);
  view.setUint32(PERF_ATTR.type, PERF_TYPE_TRACEPOINT, true);
  view.setUint32(PERF_ATTR.size, PERF_ATTR.sizeof, true);
  view.setUint32(PERF_ATTR.config, tracepointId, true);
  view.setUint32(PERF_ATTR.sample_period, 1, true);
  return libc().perfEventOpen(attr, 0);
}

export function canOpenPerfTracepoint(tracepointId: number): boolean {
  const fd = openPerfTracepoint(tracepointId);
  if (fd >= 0) libc().close(fd);
  return fd >= 0;
}

/** A program at a tracepoint. @throws KernelError EACCES, EPERM; EINVAL for one that reads beyond the record */
export function attachPerfTracepoint(progFd: number, tracepointId: number): LinuxLink {
  const c = libc();
  const fd = openPerfTracepoint(tracepointId);
  if (fd < 0) {
    throw systemError('perf_event_open', fd, 'it needs CAP_PERFMON (Linux 5.8) or CAP_SYS_ADMIN: run as root');
  }
  for (const [name, request, argument] of [
    ['PERF_EVENT_IOC_SET_BPF', PERF_EVENT_IOC.SET_BPF, progFd],
    ['PERF_EVENT_IOC_ENABLE', PERF_EVENT_IOC.ENABLE, 0],
  ] as const) {
    const answer = c.ioctl(fd, request, argument);
    if (answer >= 0) continue;
    c.close(fd);
    throw systemError(`ioctl(${name})`, answer);
  }
  return linkOf(fd);
}
