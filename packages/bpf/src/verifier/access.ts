import type { Scalar } from './scalar.ts';

/** Bytes that an instruction or a helper touches, as seen from the register that points there. */
export interface Access {
  readonly register: number;
  readonly offset: number;
  readonly size: number;
  readonly write: boolean;
}

/** Known and unknown bits, as the kernel's messages have them. */
export function tnumText({ value, mask }: Scalar): string {
  return `(0x${value.toString(16)}; 0x${mask.toString(16)})`;
}
