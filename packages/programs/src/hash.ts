/**
 * SuperFastHash (Paul Hsieh's published function) of one 4-byte word, started from a seed instead of the length:
 * one round for the two halves of the word, then the six steps that let every bit reach every other.
 */

/** What the sample adds the IP protocol to, to start the hash from. */
const INITVAL = 15485863;

/** [operation, shift, how the shifted hash is mixed in] */
const STEPS = [
  ['<<', 3, '^'],
  ['>>', 5, '+'],
  ['<<', 4, '^'],
  ['>>', 17, '+'],
  ['<<', 25, '^'],
  ['>>', 6, '+'],
] as const;

function mix(shift: '<<' | '>>', bits: number, sign: '^' | '+'): string {
  return `
    w2 = w9
    w2 ${shift}= ${bits}
    w9 ${sign}= w2`;
}

/** w9 = the hash of the word w9, with protocol w5 in its seed. */
export const superFastHash = `
    w5 += ${INITVAL}
    w2 = w9
    w2 &= 0xffff
    w5 += w2
    w9 >>= 16
    w9 <<= 11
    w9 ^= w5
    w5 <<= 16
    w9 ^= w5
    ${mix('>>', 11, '+')}
    ${STEPS.map(([shift, bits, sign]) => mix(shift, bits, sign)).join('')}`;
