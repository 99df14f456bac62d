/**
 * The kinds of BTF as plain data, one interface for each shape, by the names of the kernel's Documentation/bpf/btf.rst.
 *
 * A type refers to others by id: its place in the section, from 1; id 0 is void.
 */

export const BTF_KIND = {
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  FWD: 7,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC: 12,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  FLOAT: 16,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
} as const;

export interface BtfVoid {
  readonly kind: 'void';
  readonly name: '';
}
export interface BtfInt {
  readonly kind: 'int';
  readonly name: string;
  readonly size: number;
  /** Bit 0 signed, bit 1 char, bit 2 bool. */
  readonly encoding: number;
  readonly bitOffset: number;
  readonly bits: number;
}
/** What stands for another type: a pointer to it, the type with a qualifier or tag, or another name of it. */
export interface BtfReference {
  readonly kind: 'ptr' | 'typedef' | 'volatile' | 'const' | 'restrict' | 'type_tag';
  readonly name: string;
  readonly type: number;
}
export interface BtfArray {
  readonly kind: 'array';
  readonly name: string;
  readonly type: number;
  readonly indexType: number;
  readonly length: number;
}
export interface BtfMember {
  readonly name: string;
  readonly type: number;
  readonly bitOffset: number;
  /** Width of a bit field; 0 for every other member. */
  readonly bits: number;
}
export interface BtfComposite {
  readonly kind: 'struct' | 'union';
  readonly name: string;
  readonly size: number;
  readonly members: readonly BtfMember[];
}
export interface BtfEnum {
  readonly kind: 'enum' | 'enum64';
  readonly name: string;
  readonly size: number;
  readonly signed: boolean;
  /** bigint for enum64. */
  readonly values: readonly { readonly name: string; readonly value: number | bigint }[];
}
export interface BtfForward {
  readonly kind: 'fwd';
  readonly name: string;
  readonly of: 'struct' | 'union';
}
export type BtfLinkage = 'static' | 'global' | 'extern';
export interface BtfFunc {
  readonly kind: 'func';
  readonly name: string;
  /** Its prototype. */
  readonly type: number;
  readonly linkage: BtfLinkage;
}
export interface BtfFuncProto {
  readonly kind: 'func_proto';
  readonly name: string;
  /** What it returns. */
  readonly type: number;
  /** A last parameter of type 0 without name stands for `...`. */
  readonly params: readonly { readonly name: string; readonly type: number }[];
}
export interface BtfVar {
  readonly kind: 'var';
  readonly name: string;
  readonly type: number;
  readonly linkage: BtfLinkage;
}
export interface BtfDatasec {
  readonly kind: 'datasec';
  readonly name: string;
  /** 0 as compilers write it: the ELF section has the size. */
  readonly size: number;
  /** Offsets are 0 too for most: the ELF symbols have them. */
  readonly vars: readonly { readonly type: number; readonly offset: number; readonly size: number }[];
}
export interface BtfFloat {
  readonly kind: 'float';
  readonly name: string;
  readonly size: number;
}
export interface BtfDeclTag {
  readonly kind: 'decl_tag';
  readonly name: string;
  readonly type: number;
  /** Index of the member or parameter that is tagged; -1 for the declaration itself. */
  readonly component: number;
}

export type BtfType =
  | BtfVoid
  | BtfInt
  | BtfReference
  | BtfArray
  | BtfComposite
  | BtfEnum
  | BtfForward
  | BtfFunc
  | BtfFuncProto
  | BtfVar
  | BtfDatasec
  | BtfFloat
  | BtfDeclTag;
