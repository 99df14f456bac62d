/** BPF_MOD on u32: division by 0 is no fault in BPF, it leaves the dividend as it is. */
export function bpfModulo(dividend: number, divisor: number): number {
  return divisor === 0 ? dividend : dividend % divisor;
}
