/**
 * union bpf_attr: what each command of bpf(2) takes, as a struct of named fields (include/uapi/linux/bpf.h of 6.18). Only
 * the part that is used is passed, so that older kernels, which know fewer fields, take it too.
 */
import { layout } from '@cpumap/uapi';
import type { Attribute, Libc } from './libc.ts';

export const BPF_CMD = {
  MAP_CREATE: 0,
  MAP_LOOKUP_ELEM: 1,
  MAP_UPDATE_ELEM: 2,
  MAP_DELETE_ELEM: 3,
  MAP_GET_NEXT_KEY: 4,
  PROG_LOAD: 5,
  PROG_TEST_RUN: 10,
  PROG_GET_FD_BY_ID: 13,
  MAP_GET_FD_BY_ID: 14,
  OBJ_GET_INFO_BY_FD: 15,
  RAW_TRACEPOINT_OPEN: 17,
  BTF_LOAD: 18,
  MAP_LOOKUP_AND_DELETE_ELEM: 21,
  MAP_FREEZE: 22,
  MAP_LOOKUP_BATCH: 24,
  MAP_LOOKUP_AND_DELETE_BATCH: 25,
  MAP_UPDATE_BATCH: 26,
  MAP_DELETE_BATCH: 27,
  LINK_CREATE: 28,
  LINK_UPDATE: 29,
  LINK_GET_FD_BY_ID: 30,
  LINK_GET_NEXT_ID: 31,
  LINK_DETACH: 34,
} as const;
export type BpfCommand = keyof typeof BPF_CMD;

export const MAP_CREATE_ATTR = layout({
  map_type: 'u32',
  key_size: 'u32',
  value_size: 'u32',
  max_entries: 'u32',
  map_flags: 'u32',
  inner_map_fd: 'u32',
  numa_node: 'u32',
  map_name_0: 'u32', // 16 bytes
  map_name_1: 'u32',
  map_name_2: 'u32',
  map_name_3: 'u32',
  map_ifindex: 'u32',
  btf_fd: 'u32',
  btf_key_type_id: 'u32',
  btf_value_type_id: 'u32',
});
export const MAP_ELEM_ATTR = layout({ map_fd: 'u32', key: 'u64', value: 'u64', flags: 'u64' });
export const MAP_BATCH_ATTR = layout({
  in_batch: 'u64',
  out_batch: 'u64',
  keys: 'u64',
  values: 'u64',
  count: 'u32',
  map_fd: 'u32',
  elem_flags: 'u64',
  flags: 'u64',
});
export const PROG_LOAD_ATTR = layout({
  prog_type: 'u32',
  insn_cnt: 'u32',
  insns: 'u64',
  license: 'u64',
  log_level: 'u32',
  log_size: 'u32',
  log_buf: 'u64',
  kern_version: 'u32',
  prog_flags: 'u32',
  prog_name_0: 'u32', // 16 bytes
  prog_name_1: 'u32',
  prog_name_2: 'u32',
  prog_name_3: 'u32',
  prog_ifindex: 'u32',
  expected_attach_type: 'u32',
  prog_btf_fd: 'u32',
  func_info_rec_size: 'u32',
  func_info: 'u64',
  func_info_cnt: 'u32',
  line_info_rec_size: 'u32',
  line_info: 'u64',
  line_info_cnt: 'u32',
  attach_btf_id: 'u32',
});
export const BTF_LOAD_ATTR = layout({ btf: 'u64', btf_log_buf: 'u64', btf_size: 'u32', btf_log_size: 'u32' });
export const TEST_RUN_ATTR = layout({
  prog_fd: 'u32',
  retval: 'u32',
  data_size_in: 'u32',
  data_size_out: 'u32',
  data_in: 'u64',
  data_out: 'u64',
  repeat: 'u32',
  duration: 'u32',
  ctx_size_in: 'u32',
  ctx_size_out: 'u32',
  ctx_in: 'u64',
  ctx_out: 'u64',
  flags: 'u32',
  cpu: 'u32',
  batch_size: 'u32',
});
export const INFO_ATTR = layout({ bpf_fd: 'u32', info_len: 'u32', info: 'u64' });
export const FD_BY_ID_ATTR = layout({ id: 'u32', next_id: 'u32', open_flags: 'u32' });
export const RAW_TRACEPOINT_ATTR = layout({ name: 'u64', prog_fd: 'u32' });
export const LINK_CREATE_ATTR = layout({ prog_fd: 'u32', target_ifindex: 'u32', attach_type: 'u32', flags: 'u32' });
export const LINK_FD_ATTR = layout({ link_fd: 'u32' });
export const LINK_UPDATE_ATTR = layout({ link_fd: 'u32', new_prog_fd: 'u32', flags: 'u32', old_prog_fd: 'u32' });

/** Fields of one command, by name. A pointer is given as the array that it points to; undefined fields are 0. */
export type AttrFields<L> = { readonly [K in Exclude<keyof L, 'sizeof'>]?: number | bigint | Uint8Array | undefined };

export interface Attr extends Attribute {
  /** What the kernel wrote into a field of 32 bits. */
  u32(offset: number): number;
}

/** The attribute of a command. */
export function attrOf<const L extends { readonly sizeof: number }>(
  libc: Libc,
  fields: L,
  values: AttrFields<L>,
): Attr {
  const bytes = new Uint8Array(fields.sizeof);
  const view = new DataView(bytes.buffer);
  const arrays: Uint8Array[] = [];
  const offsets = fields as unknown as Readonly<Record<string, number>>;
  for (const [name, value] of Object.entries(values as Record<string, number | bigint | Uint8Array | undefined>)) {
    if (value === undefined) continue;
    const offset = offsets[name]!;
    if (typeof value === 'number') view.setUint32(offset, value, true);
    else if (typeof value === 'bigint') view.setBigUint64(offset, value, true);
    else {
      arrays.push(value);
      view.setBigUint64(offset, libc.address(value), true);
    }
  }
  return { bytes, arrays, u32: (offset) => view.getUint32(offset, true) };
}

/** A name of up to 15 characters as the four words of a name field; the kernel takes letters, digits, `_` and `.`. */
export function nameWords(name: string): [number, number, number, number] {
  const bytes = new Uint8Array(16);
  new TextEncoder().encodeInto(name.replace(/[^A-Za-z0-9_.]/g, '_').slice(0, 15), bytes);
  const words = new Uint32Array(bytes.buffer);
  return [words[0]!, words[1]!, words[2]!, words[3]!];
}
