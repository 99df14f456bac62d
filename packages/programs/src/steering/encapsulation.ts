/**
 * What an encapsulation is to the steering programs: where the outer headers say that it is there, and the assembly text
 * that goes over its header.
 *
 * The text begins with the label of its name, r3 behind the header that announced it. It ends at one of the labels below
 * with r3 at what is inside, or at `outer` when it cannot say: the frame is then hashed by its outer header. It may use
 * r0 to r5; r9 is 0, and what is left there is added to the seed of the outer header's hash.
 */

/**
 * Where an encapsulation leads: `inner_ethernet` with r3 at an Ethernet header, `inner_network` with r4 an EtherType in
 * host order and r3 behind it, `inner_nibble` with r3 at an IP header of a version that its first four bits tell.
 */
export type Inside = 'inner_ethernet' | 'inner_network' | 'inner_nibble';

export interface Encapsulation {
  readonly name: string;
  /** EtherTypes behind which it begins. */
  readonly etherTypes?: readonly number[];
  /** The IP protocol behind which it begins. */
  readonly protocol?: number;
  /** The UDP destination port behind which it begins. */
  readonly port?: number;
  /** It begins behind a UDP header with `port` as source, too: where an address translator changed the destination. */
  readonly eitherPort?: boolean;
  /** Every label that the text goes to besides `outer`: a program must not contain what nothing reaches. */
  readonly leadsTo: readonly Inside[];
  readonly text: string;
}

/** To `outer` when the frame ends before `bytes` from r3. Changes r1. */
export function need(bytes: number, short = 'outer'): string {
  return `
    r1 = r3
    r1 += ${bytes}
    if r1 > r8 goto ${short}`;
}

/** `register` = the 16 bits at r3 + `at`, in host order. */
export function load16(register: string, at: number): string {
  return `
    ${register} = *(u16 *)(r3 + ${at})
    ${register} = be16 ${register}`;
}
