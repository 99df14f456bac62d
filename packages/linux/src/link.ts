/**
 * Links: what holds a program at its place. A link lives as long as its descriptor: when the process ends, however it
 * ends, the kernel takes the program off.
 */
import { KernelError } from '@cpumap/uapi';
import { attrOf, BPF_CMD, INFO_ATTR, LINK_CREATE_ATTR, RAW_TRACEPOINT_ATTR } from './attr.ts';
import { bpfError, libc } from './libc.ts';

export interface LinuxLink {
  readonly fd: number;
  readonly id: number;
  /** Takes the program off. Safe to call twice. */
  close(): void;
}

const BPF_XDP = 37;
const XDP_FLAGS = { native: 1 << 2, generic: 1 << 1 } as const;
const LINK_INFO_ID = 4;
const LINK_INFO_BYTES = 32;

function linkOf(fd: number): LinuxLink {
  const c = libc();
  const info = new Uint8Array(LINK_INFO_BYTES);
  const attr = attrOf(c, INFO_ATTR, { bpf_fd: fd, info_len: info.length, info });
  const answer = c.bpf(BPF_CMD.OBJ_GET_INFO_BY_FD, attr);
  if (answer < 0) {
    c.close(fd);
    throw bpfError('BPF_OBJ_GET_INFO_BY_FD', answer);
  }
  let open = true;
  return {
    fd,
    id: new DataView(info.buffer).getUint32(LINK_INFO_ID, true),
    close() {
      if (open) c.close(fd);
      open = false;
    },
  };
}

/** The index of an interface in this network namespace. @throws KernelError ENODEV */
export function ifindexOf(name: string): number {
  const ifindex = libc().ifindexOf(name);
  if (ifindex === 0) {
    throw new KernelError('ENODEV', `interface ${name}`, {
      hint: 'there is none of that name in this network namespace: ip link shows them',
    });
  }
  return ifindex;
}

/** bpf(BPF_LINK_CREATE) of an XDP program. @throws KernelError EBUSY (another program), EOPNOTSUPP, EINVAL, EPERM */
export function attachXdpLink(progFd: number, ifindex: number, mode: 'native' | 'generic'): LinuxLink {
  const c = libc();
  const attr = attrOf(c, LINK_CREATE_ATTR, {
    prog_fd: progFd,
    target_ifindex: ifindex,
    attach_type: BPF_XDP,
    flags: XDP_FLAGS[mode],
  });
  const fd = c.bpf(BPF_CMD.LINK_CREATE, attr);
  if (fd < 0) throw bpfError('BPF_LINK_CREATE', fd);
  return linkOf(fd);
}

/** bpf(BPF_RAW_TRACEPOINT_OPEN): of a raw tracepoint by name; a tp_btf program knows its own. @throws KernelError ENOENT */
export function attachRawTracepoint(progFd: number, name?: string): LinuxLink {
  const c = libc();
  const text = name === undefined ? undefined : new TextEncoder().encode(`${name}\0`);
  const fd = c.bpf(BPF_CMD.RAW_TRACEPOINT_OPEN, attrOf(c, RAW_TRACEPOINT_ATTR, { name: text, prog_fd: progFd }));
  if (fd < 0) throw bpfError('BPF_RAW_TRACEPOINT_OPEN', fd);
  return linkOf(fd);
}
