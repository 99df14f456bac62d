/** Pieces of assembly that the cases share. */
import { BPF_FUNC, type BpfFuncName } from '@cpumap/uapi';

/** A helper by name. */
export const call = (name: BpfFuncName): string => `call ${BPF_FUNC[name]}`;

/** out[n] = r0; r1 is lost. */
export const keep = (n: number): string => `
    r1 = map_value(out) ll
    *(u64 *)(r1 + ${8 * n}) = r0`;

/** Bytes at r10 - `below`, downwards from nothing else: as many as the text has, with zeros up to a multiple of 8. */
export function onStack(text: string, below: number): string {
  const bytes = Buffer.alloc(Math.ceil((text.length + 1) / 8) * 8);
  bytes.write(text, 'latin1');
  const words = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readInt32LE(4 * i));
  return words.map((word, i) => `*(u32 *)(r10 - ${below - 4 * i}) = ${word}`).join('\n');
}

export const PASS = `
    r0 = 2
    exit`;
