/**
 * Struct layouts: field names and widths in, byte offsets out, by C's rules of alignment.
 *
 * `ptr` takes the kernel's 8 bytes so that sizes and offsets agree with Linux on 64 bits; the engine stores its
 * 4-byte offsets in the low half.
 */
const WIDTH = { u8: 1, u16: 2, u32: 4, i32: 4, ptr: 8, u64: 8, f64: 8 } as const;

export type FieldKind = keyof typeof WIDTH;
export type Layout<F extends Record<string, FieldKind>> = { readonly [K in keyof F]: number } & {
  readonly sizeof: number;
};

/**
 * `layout({ a: 'u32', b: 'ptr' })` is `{ a: 0, b: 8, sizeof: 16 }`.
 * The size is rounded up to the widest field's alignment, as C does.
 */
export function layout<const F extends Record<string, FieldKind>>(fields: F): Layout<F> {
  const offsets: Record<string, number> = {};
  let at = 0;
  let widest = 1;
  for (const [name, kind] of Object.entries(fields)) {
    const width = WIDTH[kind];
    widest = Math.max(widest, width);
    at = Math.ceil(at / width) * width;
    offsets[name] = at;
    at += width;
  }
  offsets.sizeof = Math.ceil(at / widest) * widest;
  return offsets as Layout<F>;
}
