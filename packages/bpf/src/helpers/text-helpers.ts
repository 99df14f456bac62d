/** Helpers that make text: for the trace pipe, or for the program's own memory. */
import type { Memory } from '@cpumap/smp';
import { ERRNO } from '@cpumap/uapi';
import { type HelperTable, helperTable } from './helper-table.ts';
import { attachFormat } from './printk-format.ts';
import type { Readable } from './readable.ts';

const EINVAL = -ERRNO.EINVAL;
/** MAX_BPRINTF_VARARGS */
const MAX_ARGUMENTS = 12;

export interface TextHelperParts {
  readonly memory: Memory;
  readonly readable: Readable;
  /** Takes a line of bpf_trace_printk, without its newline. */
  readonly printk: (line: string) => void;
}

export function attachTextHelpers({ memory, readable, printk }: TextHelperParts): HelperTable {
  const { u8 } = memory;
  const view = new DataView(u8.buffer);
  const format = attachFormat(memory, readable);

  function print(text: string | undefined): number {
    if (text === undefined) return EINVAL;
    printk(text.replace(/\n$/, ''));
    return text.length;
  }

  /** The array of u64 that bpf_trace_vprintk and bpf_snprintf take; undefined for one that they do not take. */
  function values(data: number, bytes: number): bigint[] | undefined {
    if (bytes % 8 !== 0 || bytes > MAX_ARGUMENTS * 8) return undefined;
    return Array.from({ length: bytes / 8 }, (_, i) => view.getBigUint64(data + 8 * i, true));
  }

  return helperTable({
    trace_printk: (text: number, size: number, a: bigint, b: bigint, c: bigint) => print(format(text, size, [a, b, c])),
    trace_vprintk(text: number, size: number, data: number, bytes: number) {
      const args = values(data, bytes);
      return args === undefined ? EINVAL : print(format(text, size, args));
    },
    snprintf(to: number, size: number, text: number, data: number, bytes: number) {
      const args = values(data, bytes);
      const made = args === undefined ? undefined : format(text, u8.length - text, args);
      if (made === undefined) return EINVAL;
      if (size > 0) {
        const fits = Math.min(made.length, size - 1);
        for (let i = 0; i < fits; i++) u8[to + i] = made.charCodeAt(i);
        u8[to + fits] = 0;
      }
      return made.length + 1;
    },
  });
}
