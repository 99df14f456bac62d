/** What the kernel knows of programs and links, by descriptor or id: bpf(BPF_OBJ_GET_INFO_BY_FD). */
import { KernelError } from '@cpumap/uapi';
import { attrOf, BPF_CMD, FD_BY_ID_ATTR, INFO_ATTR } from './attr.ts';
import { bpfError, libc } from './libc.ts';

/** struct bpf_prog_info, as far as it is read. */
const PROG_INFO = { type: 0, id: 4, name: 64, sizeof: 80 };
/** struct bpf_map_info, as far as it is read. */
export const MAP_INFO = {
  type: 0,
  id: 4,
  key_size: 8,
  value_size: 12,
  max_entries: 16,
  map_flags: 20,
  name: 24,
  sizeof: 88,
};
const NAME_BYTES = 16;

export interface ProgramInfo {
  readonly id: number;
  /** BPF_PROG_TYPE */
  readonly type: number;
  /** The first 15 characters of what it was loaded as. */
  readonly name: string;
}

/** The first bytes of an object's info. @throws KernelError EBADF */
export function objectInfo(fd: number, bytes: number): DataView {
  const c = libc();
  const info = new Uint8Array(bytes);
  const answer = c.bpf(BPF_CMD.OBJ_GET_INFO_BY_FD, attrOf(c, INFO_ATTR, { bpf_fd: fd, info_len: bytes, info }));
  if (answer < 0) throw bpfError('BPF_OBJ_GET_INFO_BY_FD', answer);
  return new DataView(info.buffer);
}

/** A name field: up to 15 characters and zeros. */
export function nameAt({ buffer }: DataView, offset: number): string {
  const bytes = new Uint8Array(buffer, offset, NAME_BYTES);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

/** @throws KernelError EBADF */
export function programInfo(fd: number): ProgramInfo {
  const view = objectInfo(fd, PROG_INFO.sizeof);
  return {
    id: view.getUint32(PROG_INFO.id, true),
    type: view.getUint32(PROG_INFO.type, true),
    name: nameAt(view, PROG_INFO.name),
  };
}

/** A program that somebody else loaded. @throws KernelError ENOENT (gone), EPERM */
export function programInfoById(id: number): ProgramInfo {
  const c = libc();
  const fd = c.bpf(BPF_CMD.PROG_GET_FD_BY_ID, attrOf(c, FD_BY_ID_ATTR, { id }));
  if (fd < 0) throw bpfError('BPF_PROG_GET_FD_BY_ID', fd);
  try {
    return programInfo(fd);
  } finally {
    c.close(fd);
  }
}

/** The id of the map behind a descriptor; undefined when there is none. */
export function mapIdOf(fd: number): number | undefined {
  try {
    return objectInfo(fd, MAP_INFO.sizeof).getUint32(MAP_INFO.id, true);
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}
