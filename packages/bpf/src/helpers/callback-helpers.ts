/** Helpers that call functions of the program: bpf_loop and bpf_for_each_map_elem. Made for each instance of a program. */
import { ERRNO } from '@cpumap/uapi';
import type { MapOps } from '../maps/map-ops.ts';
import { type HelperTable, helperTable } from './helper-table.ts';

/** BPF_MAX_LOOPS */
const MAX_LOOPS = 1 << 23;
const EINVAL = -ERRNO.EINVAL;
/** Of 32 bits: so it is in the code that the kernel's verifier puts in place of a call. */
const E2BIG = -ERRNO.E2BIG >>> 0;

/** `callFunction` is the instance's: see JitInstance. */
export function attachCallbackHelpers(
  maps: MapOps,
  callFunction: (slot: number, r1: number, r2: number, r3: number, r4: number) => number,
): HelperTable {
  return helperTable({
    loop(count: number, countHi: number, callback: number, context: number, flagsLo: number, flagsHi: number) {
      if ((flagsLo | flagsHi) !== 0) return EINVAL;
      if (countHi !== 0 || count >>> 0 > MAX_LOOPS) return E2BIG;
      for (let i = 0; i < count; i++) {
        if (callFunction(callback, i, context, 0, 0) !== 0) return i + 1;
      }
      return count;
    },
    for_each_map_elem(map: number, callback: number, context: number, flagsLo: number, flagsHi: number) {
      if ((flagsLo | flagsHi) !== 0) return EINVAL;
      return maps.forEach(map, (_, key, value) => callFunction(callback, map, key, value, context));
    },
  });
}
