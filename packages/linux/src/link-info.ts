/** Links of the running kernel, anybody's: what they hold and where, and taking them off. */
import { KernelError } from '@cpumap/uapi';
import { attrOf, BPF_CMD, FD_BY_ID_ATTR, LINK_FD_ATTR } from './attr.ts';
import { bpfError, libc } from './libc.ts';
import { objectInfo } from './object-info.ts';

/** struct bpf_link_info, as far as it is read. */
const LINK_INFO = { type: 0, id: 4, prog_id: 8, xdp_ifindex: 16, sizeof: 32 };
/** BPF_LINK_TYPE_XDP */
const LINK_TYPE_XDP = 6;

export interface LinkInfo {
  readonly id: number;
  /** BPF_LINK_TYPE */
  readonly type: number;
  readonly progId: number;
  /** Of XDP links; 0 once the interface is gone or the link is detached. */
  readonly ifindex: number | undefined;
}

/** bpf(BPF_OBJ_GET_INFO_BY_FD) of a link. @throws KernelError EBADF */
export function linkInfo(fd: number): LinkInfo {
  const view = objectInfo(fd, LINK_INFO.sizeof);
  const type = view.getUint32(LINK_INFO.type, true);
  return {
    id: view.getUint32(LINK_INFO.id, true),
    type,
    progId: view.getUint32(LINK_INFO.prog_id, true),
    ifindex: type === LINK_TYPE_XDP ? view.getUint32(LINK_INFO.xdp_ifindex, true) : undefined,
  };
}

/** A link that somebody holds. @throws KernelError ENOENT (gone), EPERM */
export function linkInfoById(id: number): LinkInfo {
  const c = libc();
  const fd = c.bpf(BPF_CMD.LINK_GET_FD_BY_ID, attrOf(c, FD_BY_ID_ATTR, { id }));
  if (fd < 0) throw bpfError('BPF_LINK_GET_FD_BY_ID', fd);
  try {
    return linkInfo(fd);
  } finally {
    c.close(fd);
  }
}

/** The ids of all links, ascending. @throws KernelError EPERM */
export function* linkIds(): Generator<number> {
  const c = libc();
  for (let id = 0; ; ) {
    const attr = attrOf(c, FD_BY_ID_ATTR, { id });
    const answer = c.bpf(BPF_CMD.LINK_GET_NEXT_ID, attr);
    if (answer < 0) {
      const error = bpfError('BPF_LINK_GET_NEXT_ID', answer);
      if (error.code === 'ENOENT') return;
      throw error;
    }
    id = attr.u32(FD_BY_ID_ATTR.next_id);
    yield id;
  }
}

/**
 * The link by which a program is at an interface; undefined when it was attached without one, and without the right to
 * look. Indexes of interfaces repeat in other network namespaces, ids of programs do not: both are compared.
 */
export function xdpLinkOf(ifindex: number, progId: number): LinkInfo | undefined {
  try {
    for (const id of linkIds()) {
      const info = existing(id);
      if (info !== undefined && info.ifindex === ifindex && info.progId === progId) return info;
    }
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
  }
  return undefined;
}

/** A link's info, or undefined when it went away meanwhile. */
function existing(id: number): LinkInfo | undefined {
  try {
    return linkInfoById(id);
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** bpf(BPF_LINK_DETACH): the program is off although descriptors of the link stay. @returns 0, or a negative errno */
export function detachLink(fd: number): number {
  const c = libc();
  return c.bpf(BPF_CMD.LINK_DETACH, attrOf(c, LINK_FD_ATTR, { link_fd: fd }));
}
