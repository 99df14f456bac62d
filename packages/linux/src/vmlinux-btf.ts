/**
 * The running kernel's BTF: ids of tracepoints for tp_btf programs, offsets of members of its structs. Read when first
 * asked for; it takes a fraction of a second and some tens of megabytes, of which only what was asked for is kept.
 */
import { readFileSync } from 'node:fs';
import { type Btf, readBtf } from '@cpumap/bpf';
import { KernelError } from '@cpumap/uapi';

const VMLINUX = '/sys/kernel/btf/vmlinux';
/** A tracepoint's prototype is a typedef of this name. */
const TRACEPOINT_PREFIX = 'btf_trace_';

/** Where our own tracing programs find the ids that the kernel's structs hold. */
export interface StructOffsets {
  /** struct net_device */
  readonly deviceIfindex: number;
  /** struct bpf_prog, and struct bpf_prog_aux */
  readonly programAux: number;
  readonly auxId: number;
}

interface KernelTypes {
  readonly tracepoints: ReadonlyMap<string, number>;
  readonly offsets: StructOffsets;
}

let kernelTypes: KernelTypes | undefined;

function read(): KernelTypes {
  if (kernelTypes === undefined) {
    const { types } = readVmlinux();
    kernelTypes = {
      tracepoints: new Map(
        types.flatMap(({ kind, name }, id): [string, number][] =>
          kind === 'typedef' && name.startsWith(TRACEPOINT_PREFIX) ? [[name.slice(TRACEPOINT_PREFIX.length), id]] : [],
        ),
      ),
      offsets: {
        deviceIfindex: offsetOf(types, 'net_device', 'ifindex'),
        programAux: offsetOf(types, 'bpf_prog', 'aux'),
        auxId: offsetOf(types, 'bpf_prog_aux', 'id'),
      },
    };
  }
  return kernelTypes;
}

/** @throws KernelError ENOENT where the kernel has no BTF */
export function readVmlinux(): Btf {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(VMLINUX);
  } catch (cause) {
    throw new KernelError('ENOENT', VMLINUX, {
      hint: 'the kernel has no BTF of itself (CONFIG_DEBUG_INFO_BTF): tp_btf programs cannot be loaded here',
      cause,
    });
  }
  return readBtf(bytes, { section: VMLINUX }).btf;
}

function offsetOf(types: Btf['types'], struct: string, member: string): number {
  for (const type of types) {
    if (type.kind !== 'struct' || type.name !== struct) continue;
    const found = type.members.find(({ name }) => name === member);
    if (found !== undefined) return found.bitOffset / 8;
  }
  throw new KernelError('ENOENT', VMLINUX, { hint: `struct ${struct} has no member ${member} in this kernel` });
}

/** The BTF id that a tp_btf program for a tracepoint is loaded with. @throws KernelError ENOENT */
export function tracepointBtfId(tracepoint: string): number {
  const id = read().tracepoints.get(tracepoint);
  if (id !== undefined) return id;
  throw new KernelError('ENOENT', `tracepoint ${tracepoint}`, { hint: 'this kernel has none of that name' });
}

/** @throws KernelError ENOENT */
export function structOffsets(): StructOffsets {
  return read().offsets;
}
