/**
 * Loads, stores and atomic operations on the shared memory, at addresses that have been checked.
 *
 * Plain accesses may be misaligned. A plain one of 8 bytes is two of 4: another CPU may see half of it, as it may not
 * on a 64-bit Linux machine; what CPUs share is for the atomic operations, which are single.
 */
import type { Memory } from '@cpumap/smp';
import type { Instruction } from '../isa/instruction.ts';
import { accessSize, BPF_ATOMIC, BPF_MODE } from '../isa/opcodes.ts';
import { setWide } from './arithmetic.ts';

/** Fills the register whose low half is at index `d` of the register file. */
export type Load = (r: Int32Array, d: number, at: number) => void;
export type Store = (at: number, lo: number, hi: number) => void;
/** `s` is the index of the source register's low half; it takes the old value if the operation fetches. */
export type Atomic = (r: Int32Array, s: number, at: number) => void;

export interface MemoryOperations {
  load(instruction: Instruction): Load;
  store(instruction: Instruction): Store;
  atomic(instruction: Instruction): Atomic;
}

export function attachMemoryOperations({ wasm, u8, i32 }: Memory): MemoryOperations {
  const view = new DataView(wasm.buffer);
  const i64 = new BigInt64Array(wasm.buffer);

  const signedLoad = (read: (at: number) => number): Load => {
    return (r, d, at) => {
      const value = read(at);
      r[d] = value;
      r[d + 1] = value >> 31;
    };
  };
  const unsignedLoad = (read: (at: number) => number): Load => {
    return (r, d, at) => {
      r[d] = read(at);
      r[d + 1] = 0;
    };
  };

  const loads: Readonly<Record<number, Load>> = {
    1: unsignedLoad((at) => u8[at]!),
    2: unsignedLoad((at) => view.getUint16(at, true)),
    4: unsignedLoad((at) => view.getInt32(at, true)),
    8: (r, d, at) => {
      r[d] = view.getInt32(at, true);
      r[d + 1] = view.getInt32(at + 4, true);
    },
  };
  const signedLoads: Readonly<Record<number, Load>> = {
    1: signedLoad((at) => view.getInt8(at)),
    2: signedLoad((at) => view.getInt16(at, true)),
    4: signedLoad((at) => view.getInt32(at, true)),
  };
  const stores: Readonly<Record<number, Store>> = {
    1: (at, lo) => {
      u8[at] = lo;
    },
    2: (at, lo) => view.setUint16(at, lo, true),
    4: (at, lo) => view.setInt32(at, lo, true),
    8: (at, lo, hi) => {
      view.setInt32(at, lo, true);
      view.setInt32(at + 4, hi, true);
    },
  };

  const simple32: ReadonlyMap<number, (index: number, value: number) => number> = new Map([
    [BPF_ATOMIC.ADD, (index: number, value: number) => Atomics.add(i32, index, value)],
    [BPF_ATOMIC.OR, (index: number, value: number) => Atomics.or(i32, index, value)],
    [BPF_ATOMIC.AND, (index: number, value: number) => Atomics.and(i32, index, value)],
    [BPF_ATOMIC.XOR, (index: number, value: number) => Atomics.xor(i32, index, value)],
    [BPF_ATOMIC.XCHG & ~BPF_ATOMIC.FETCH, (index: number, value: number) => Atomics.exchange(i32, index, value)],
  ]);
  const simple64: ReadonlyMap<number, (index: number, value: bigint) => bigint> = new Map([
    [BPF_ATOMIC.ADD, (index: number, value: bigint) => Atomics.add(i64, index, value)],
    [BPF_ATOMIC.OR, (index: number, value: bigint) => Atomics.or(i64, index, value)],
    [BPF_ATOMIC.AND, (index: number, value: bigint) => Atomics.and(i64, index, value)],
    [BPF_ATOMIC.XOR, (index: number, value: bigint) => Atomics.xor(i64, index, value)],
    [BPF_ATOMIC.XCHG & ~BPF_ATOMIC.FETCH, (index: number, value: bigint) => Atomics.exchange(i64, index, value)],
  ]);
  const wide = (r: Int32Array, s: number): bigint => (BigInt(r[s + 1]!) << 32n) | BigInt(r[s]! >>> 0);

  function atomic32(imm: number): Atomic {
    if (imm === BPF_ATOMIC.CMPXCHG) {
      return (r, s, at) => {
        r[0] = Atomics.compareExchange(i32, at >> 2, r[0]!, r[s]!);
        r[1] = 0;
      };
    }
    const operation = simple32.get(imm & ~BPF_ATOMIC.FETCH)!;
    if ((imm & BPF_ATOMIC.FETCH) === 0) return (r, s, at) => void operation(at >> 2, r[s]!);
    return (r, s, at) => {
      r[s] = operation(at >> 2, r[s]!);
      r[s + 1] = 0;
    };
  }

  function atomic64(imm: number): Atomic {
    if (imm === BPF_ATOMIC.CMPXCHG) {
      return (r, s, at) => setWide(r, 0, Atomics.compareExchange(i64, at >> 3, wide(r, 0), wide(r, s)));
    }
    const operation = simple64.get(imm & ~BPF_ATOMIC.FETCH)!;
    if ((imm & BPF_ATOMIC.FETCH) === 0) return (r, s, at) => void operation(at >> 3, wide(r, s));
    return (r, s, at) => setWide(r, s, operation(at >> 3, wide(r, s)));
  }

  return {
    load: ({ opcode }) => ((opcode & 0xe0) === BPF_MODE.MEMSX ? signedLoads : loads)[accessSize(opcode)]!,
    store: ({ opcode }) => stores[accessSize(opcode)]!,
    atomic: ({ opcode, imm }) => (accessSize(opcode) === 4 ? atomic32(imm) : atomic64(imm)),
  };
}
