/**
 * Maps and programs: what user space creates and a CPU runs, without knowing what cpumap or XDP mean. And bytecode: reading
 * objects that clang made, assembling, disassembling and interpreting instructions.
 *
 * @packageDocumentation
 */
export * from './array-map.ts';
export * from './asm/assemble.ts';
export * from './asm/assembly-error.ts';
export * from './asm/builder.ts';
export * from './asm/disassemble.ts';
export * from './asm/registers.ts';
export * from './bpf-map.ts';
export { type Btf, readBtf } from './btf/btf.ts';
export type { BtfLineInfo, CoreRelocation, CoreRelocationKind } from './btf/btf-ext.ts';
export * from './btf/btf-types.ts';
export * from './btf/btf-walk.ts';
export * from './elf/object-error.ts';
export * from './interp/fault.ts';
export * from './interp/interpreter.ts';
export * from './isa/check.ts';
export * from './isa/codec.ts';
export * from './isa/control-flow.ts';
export * from './isa/instruction.ts';
export * from './isa/map-references.ts';
export * from './isa/opcodes.ts';
export * from './isa/relocate.ts';
export { type CompiledProgram, type CompileOptions, compileProgram } from './jit/compile.ts';
export type { ContextSpec } from './jit/guard.ts';
export { FAULTED, type InstanceSpec, instantiateProgram, JIT_STACK_SIZE, type JitInstance } from './jit/instance.ts';
export { type Region, regionListSize, writeRegionList } from './jit/regions.ts';
export type { HelperSignature, JitHelper } from './jit/signatures.ts';
export * from './map-access.ts';
export * from './object/clamp-maps.ts';
export * from './object/link-program.ts';
export * from './object/read-object.ts';
export * from './object/section-names.ts';
export * from './object/spec.ts';
export * from './program.ts';
