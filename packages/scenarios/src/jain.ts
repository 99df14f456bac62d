/**
 * Jain's fairness index of shares (Jain, Chiu, Hawe 1984): (x1 + ... + xn)² / (n (x1² + ... + xn²)). 1 when all have the
 * same, 1/n when one has all. Nothing at all is shared evenly: 1.
 */
export function jainIndex(shares: readonly number[]): number {
  // scaled to the largest, so that no square overflows or vanishes
  const most = shares.reduce((a, b) => Math.max(a, b), 0);
  if (most === 0) return 1;
  let sum = 0;
  let squares = 0;
  for (const share of shares) {
    sum += share / most;
    squares += (share / most) ** 2;
  }
  return (sum * sum) / (shares.length * squares);
}
