/** BTF for bpf(BPF_BTF_LOAD), from types as the words of include/uapi/linux/btf.h. The n-th type has the id n + 1. */
import { attrOf, BPF_CMD, BTF_LOAD_ATTR } from './attr.ts';
import { bpfError, libc } from './libc.ts';

export const BTF_KIND = { INT: 1, STRUCT: 4, FUNC: 12, FUNC_PROTO: 13 } as const;

/** One type: its name, kind, how many parts follow, and the word behind them; parts are words, or names. */
export interface BtfTypeWords {
  readonly name: string;
  readonly kind: number;
  readonly parts?: number;
  readonly sizeOrType: number;
  readonly rest?: readonly (number | string)[];
}

const MAGIC = 0xeb9f;
const HEADER_BYTES = 24;

export function encodeBtf(types: readonly BtfTypeWords[]): Uint8Array {
  let text = '\0';
  const place = (name: string): number => {
    if (name === '') return 0;
    text += `${name}\0`;
    return text.length - name.length - 1;
  };
  const words = types.flatMap(({ name, kind, parts = 0, sizeOrType, rest = [] }) => [
    place(name),
    (kind << 24) | parts,
    sizeOrType,
    ...rest.map((word) => (typeof word === 'number' ? word : place(word))),
  ]);
  const strings = new TextEncoder().encode(text);
  const bytes = new Uint8Array(HEADER_BYTES + words.length * 4 + strings.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, MAGIC, true);
  view.setUint8(2, 1); // version
  const header = [HEADER_BYTES, 0, words.length * 4, words.length * 4, strings.length];
  for (const [i, word] of [...header, ...words].entries()) view.setUint32(4 + 4 * i, word, true);
  bytes.set(strings, HEADER_BYTES + words.length * 4);
  return bytes;
}

/** bpf(BPF_BTF_LOAD): a descriptor, the caller's to close. @throws KernelError */
export function loadBtf(types: readonly BtfTypeWords[]): number {
  const c = libc();
  const btf = encodeBtf(types);
  const fd = c.bpf(BPF_CMD.BTF_LOAD, attrOf(c, BTF_LOAD_ATTR, { btf, btf_size: btf.length }));
  if (fd < 0) throw bpfError('BPF_BTF_LOAD', fd);
  return fd;
}
