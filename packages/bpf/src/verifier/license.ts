/** Licences that the kernel counts as compatible with the GPL: include/linux/license.h, by their exact words. */
const COMPATIBLE: ReadonlySet<string> = new Set([
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
]);

export function isGplCompatible(license: string): boolean {
  return COMPATIBLE.has(license);
}
