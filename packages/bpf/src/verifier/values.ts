/**
 * What a register holds: a number (Scalar), a pointer, or nothing that may be read (undefined).
 *
 * Pointers never change; what is found out about one makes another. `id` ties those together that one comparison says
 * something about: packet pointers with the same unknown distance, results of one lookup that may be NULL.
 */
import type { Scalar } from './scalar.ts';
import type { VerifierMap, VerifierStruct } from './verifier-types.ts';

type PointerKind =
  | 'ctx'
  | 'fp'
  | 'map'
  | 'map-key'
  | 'map-value'
  | 'packet'
  | 'packet-meta'
  | 'packet-end'
  | 'ringbuf-mem'
  | 'struct'
  | 'func';

/** `range` of a packet pointer that lies at the packet's end or beyond: what a comparison said. */
export const AT_PACKET_END = -1;
export const BEYOND_PACKET_END = -2;

interface PointerFields {
  /** The known part of the distance from where it began. */
  readonly off: number;
  /** The rest of the distance; undefined if it is zero. */
  readonly variable: Scalar | undefined;
  readonly id: number;
  /** Of packet pointers: so many bytes from where it began, without `off`, are in the packet. */
  readonly range: number;
  readonly orNull: boolean;
  readonly map: VerifierMap | undefined;
  /** Of `fp`: whose stack, counted from the outermost function. */
  readonly frame: number;
  /** Of `ringbuf-mem`: bytes that it has. */
  readonly size: number;
  readonly struct: VerifierStruct | undefined;
  /** Of what the program must give back. */
  readonly reference: number;
  /** Of `func`: its first slot. */
  readonly slot: number;
}

export interface Pointer extends PointerFields {
  readonly kind: PointerKind;
}

export type Value = Scalar | Pointer;

const PLAIN: PointerFields = {
  off: 0,
  variable: undefined,
  id: 0,
  range: 0,
  orNull: false,
  map: undefined,
  frame: 0,
  size: 0,
  struct: undefined,
  reference: 0,
  slot: 0,
};

export function pointer(kind: PointerKind, fields: Partial<PointerFields> = {}): Pointer {
  return { kind, ...PLAIN, ...fields };
}

export function isScalar(value: Value | undefined): value is Scalar {
  return value?.kind === 'scalar';
}

export function isPointer(value: Value | undefined): value is Pointer {
  return value !== undefined && value.kind !== 'scalar';
}

interface PacketPointer extends Pointer {
  readonly kind: 'packet' | 'packet-meta';
}

export function isPacket(value: Value | undefined): value is PacketPointer {
  return value?.kind === 'packet' || value?.kind === 'packet-meta';
}

/** The kernel's name of a kind, as its messages and its log have it. */
export function typeName(value: Value): string {
  switch (value.kind) {
    case 'scalar':
      return 'scalar';
    case 'packet':
      return 'pkt';
    case 'packet-meta':
      return 'pkt_meta';
    case 'packet-end':
      return 'pkt_end';
    case 'map':
      return value.orNull ? 'map_ptr_or_null' : 'map_ptr';
    case 'map-key':
      return 'map_key';
    case 'map-value':
      return value.orNull ? 'map_value_or_null' : 'map_value';
    case 'ringbuf-mem':
      return value.orNull ? 'ringbuf_mem_or_null' : 'ringbuf_mem';
    case 'struct':
      return 'trusted_ptr_';
    default:
      return value.kind;
  }
}
