/**
 * The sample's monitoring programs as assembly text: each hangs on a tracepoint and adds one event up in a record of its
 * CPU's own. Their context is the event's record. What they return says nothing: 0, and 1 for a CPU that is none.
 */

import { ENQUEUE_RECORD, KTHREAD_RECORD, REDIRECT_RECORD } from '@cpumap/tracepoints';
import { DATAREC } from '@cpumap/uapi';
import { add, lookup } from './fragments.ts';

const end = `
  out:
    r0 = 0
    exit`;

/** xdp_redirect_err and xdp_redirect_map_err: at key 1, or at 0 should the errno be 0. */
export const redirectError = `
    r1 = *(u32 *)(r1 + ${REDIRECT_RECORD.err})
    *(u32 *)(r10 - 4) = 1
    if r1 != 0 goto count
    *(u32 *)(r10 - 4) = 0
  count:
    ${lookup('redirect_err_cnt', 'out')}
    ${add('r0', DATAREC.dropped, 1)}
    ${end}`;

export const exception = `
    *(u32 *)(r10 - 4) = 0
    ${lookup('exception_cnt', 'out')}
    ${add('r0', DATAREC.dropped, 1)}
    ${end}`;

/** Adds up `processed` and `drops` of the record at r6 in that of the map at r0. */
const addBulk = ({ processed, drops }: { readonly processed: number; readonly drops: number }): string => `
    r7 = *(u32 *)(r6 + ${processed})
    ${add('r0', DATAREC.processed, 'r7')}
    r2 = *(u32 *)(r6 + ${drops})
    ${add('r0', DATAREC.dropped, 'r2')}`;

/** By the CPU that the frames go to. `issue` counts the bulks that held any: processed / issue is their average size. */
export const cpumapEnqueue = (nrCpus: number): string => `
    r6 = r1
    r0 = 1
    r1 = *(u32 *)(r6 + ${ENQUEUE_RECORD.to_cpu})
    if r1 >= ${nrCpus} goto no_cpu
    *(u32 *)(r10 - 4) = r1
    ${lookup('cpumap_enqueue_cnt', 'out')}
    ${addBulk(ENQUEUE_RECORD)}
    if r7 == 0 goto out
    ${add('r0', DATAREC.issue, 1)}
    ${end}
  no_cpu:
    exit`;

/** `issue` counts the turns before which the kthread slept or let others run. */
export const cpumapKthread = `
    r6 = r1
    *(u32 *)(r10 - 4) = 0
    ${lookup('cpumap_kthread_cnt', 'out')}
    ${addBulk(KTHREAD_RECORD)}
    r2 = *(u32 *)(r6 + ${KTHREAD_RECORD.sched})
    if r2 == 0 goto out
    ${add('r0', DATAREC.issue, 1)}
    ${end}`;
