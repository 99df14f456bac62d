/** The contexts of the program kinds that this engine runs: what r1 points to, as data. */
import { BPF_ATTACH_TYPE } from '@cpumap/uapi';
import type { ContextModel, ContextValue, VerifierStruct } from './verifier-types.ts';

const SCALAR: ContextValue = { kind: 'scalar' };

/** struct xdp_md of six u32; egress_ifindex is there only for programs of a devmap. */
export function xdpContext(expectedAttachType: number): ContextModel {
  const values: ContextValue[] = [{ kind: 'packet' }, { kind: 'packet-end' }, { kind: 'packet-meta' }, SCALAR, SCALAR];
  if (expectedAttachType === BPF_ATTACH_TYPE.XDP_DEVMAP) values.push(SCALAR);
  const fields = values.map((value, i) => ({ offset: 4 * i, size: 4, value }));
  return { kind: 'xdp', size: 24, fields, recordFrom: undefined };
}

/**
 * A tracepoint's record of `size` bytes, as its format file describes it: any part of it may be loaded as a number but
 * the first 8 bytes, which are the same for all tracepoints and which Linux keeps to itself.
 */
export function tracepointContext(size: number): ContextModel {
  return { kind: 'tracepoint', size, fields: [], recordFrom: 8 };
}

/** The arguments of a raw tracepoint, 8 bytes each: numbers, or pointers to structs that may be read. */
export function rawTracepointContext(args: readonly ('scalar' | VerifierStruct)[]): ContextModel {
  const fields = args.map((arg, i) => ({
    offset: 8 * i,
    size: 8,
    value: arg === 'scalar' ? SCALAR : ({ kind: 'struct', struct: arg } as const),
  }));
  return { kind: 'raw-tracepoint', size: 8 * args.length, fields, recordFrom: 0 };
}
