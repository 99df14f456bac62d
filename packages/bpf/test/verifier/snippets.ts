/** Pieces that many programs of the tables are made of. Programs leave by `out`. */

export const DONE = `
  r0 = 1
  exit
out:
  r0 = 2
  exit`;

/** r6 ctx, r2 data, r3 data_end. */
export const PACKET = `r6 = r1
  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  `;
/** 14 bytes are there: r2 the packet. */
export const FOURTEEN = `${PACKET}r4 = r2
  r4 += 14
  if r4 > r3 goto out
  `;
/** A value of map 1 in r0. */
export const VALUE = `*(u32 *)(r10 - 4) = 99
  r2 = r10
  r2 += -4
  r1 = map_by_fd(1) ll
  call 1
  if r0 == 0 goto out
  `;
/** A random number in r7; map value, with room for 64, in r0. */
export const RANDOM_AND_VALUE = `call 7
  r7 = r0
  ${VALUE}`;
/** Eight zero bytes as key in r2. */
export const KEY = '*(u64 *)(r10 - 8) = 0\n r2 = r10\n r2 += -8\n ';
