/**
 * Maps and programs: what user space creates and a CPU runs, without knowing what cpumap or XDP mean. And bytecode: reading
 * objects that clang made, assembling, disassembling and interpreting instructions.
 *
 * @packageDocumentation
 */
export * from './asm/assemble.ts';
export * from './asm/assemble-program.ts';
export * from './asm/assembly-error.ts';
export * from './asm/builder.ts';
export * from './asm/disassemble.ts';
export * from './asm/registers.ts';
export { type Btf, readBtf } from './btf/btf.ts';
export type { BtfLineInfo, CoreRelocation, CoreRelocationKind } from './btf/btf-ext.ts';
export * from './btf/btf-types.ts';
export * from './btf/btf-walk.ts';
export { CORE_POISON } from './core/core-patch.ts';
export * from './core/resolve-core.ts';
export * from './core/target-types.ts';
export * from './elf/object-error.ts';
export { attachCallbackHelpers } from './helpers/callback-helpers.ts';
export * from './helpers/helper-signatures.ts';
export * from './helpers/helper-table.ts';
export { attachMachineHelpers, type MachineHelperParts } from './helpers/machine-helpers.ts';
export { attachMapHelpers, type ContextBytes, type MapHelpers } from './helpers/map-helpers.ts';
export * from './helpers/prototypes.ts';
export type { Readable } from './helpers/readable.ts';
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
export type { CallSite, InlineHelper } from './jit/emit-call.ts';
export type { ContextSpec } from './jit/guard.ts';
export { FAULTED, type InstanceSpec, instantiateProgram, JIT_STACK_SIZE, type JitInstance } from './jit/instance.ts';
export { type Region, regionListSize, writeRegionList } from './jit/regions.ts';
export type { HelperParam, HelperSignature, JitHelper } from './jit/signatures.ts';
export { WasmWriter } from './jit/wasm-encoder.ts';
export { MEMORY_COPY, MEMORY_FILL, OP, PREFIX_MISC } from './jit/wasm-opcodes.ts';
export * from './load/bytecode.ts';
export * from './load/instance-of-bytecode.ts';
export * from './load/tail-call.ts';
export { nextIndex } from './maps/array-index.ts';
export * from './maps/array-map.ts';
export * from './maps/bpf-map.ts';
export * from './maps/create-map.ts';
export * from './maps/map-access.ts';
export { BatchError } from './maps/map-batch.ts';
export { bytesOfU32, type MapKey, u32Of } from './maps/map-key.ts';
export * from './maps/map-ops.ts';
export * from './maps/map-owner.ts';
export * from './maps/map-types.ts';
export { openPerfBuffer, type PerfBuffer, type PerfBufferOptions } from './maps/perf-map.ts';
export { openRingBuffer, type RingBuffer } from './maps/ringbuf-map.ts';
export * from './object/clamp-maps.ts';
export * from './object/link-program.ts';
export * from './object/read-object.ts';
export * from './object/section-names.ts';
export * from './object/spec.ts';
export * from './program.ts';
export * from './verifier/context-models.ts';
export * from './verifier/verifier-error.ts';
export * from './verifier/verifier-types.ts';
export { verifyProgram } from './verifier/verify-program.ts';
