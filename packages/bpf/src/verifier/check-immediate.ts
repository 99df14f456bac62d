/** 64-bit immediates: numbers, maps, places in a map's value, functions. */
import { type Instruction, nextImm } from '../isa/instruction.ts';
import { BPF_IMM64 } from '../isa/opcodes.ts';
import { constant } from './scalar.ts';
import { pointer, type Value } from './values.ts';
import { type Verification, writeRegister } from './verification.ts';

function immediateOf(v: Verification, instruction: Instruction): Value {
  const { slot, src, imm, imm64 } = instruction;
  switch (src) {
    case BPF_IMM64.VALUE:
      return constant(imm64!);
    case BPF_IMM64.CODE_ADDR:
      return pointer('func', { slot: slot + 1 + imm });
    case BPF_IMM64.MAP_FD:
    case BPF_IMM64.MAP_IDX:
    case BPF_IMM64.MAP_VALUE:
    case BPF_IMM64.MAP_IDX_VALUE: {
      const map = v.input.mapAt(slot);
      if (map === undefined) {
        return v.fail(
          'EBADF',
          `fd ${imm} is not pointing to valid bpf_map`,
          'nothing says which map the program names',
        );
      }
      if (src === BPF_IMM64.MAP_FD || src === BPF_IMM64.MAP_IDX) return pointer('map', { map });
      const off = nextImm(instruction);
      if (map.maxEntries !== 1 || off < 0 || off >= map.valueSize) {
        const hint = `map "${map.name}" has ${map.maxEntries} values of ${map.valueSize} bytes; an offset leads into the only one`;
        return v.fail('EINVAL', `direct value offset of ${off >>> 0} is not allowed`, hint);
      }
      return pointer('map-value', { map, off });
    }
    default:
      return v.fail('EINVAL', 'unrecognized bpf_ld_imm64 insn', 'variables of the kernel are not provided here');
  }
}

export function checkImmediate(v: Verification, instruction: Instruction): void {
  writeRegister(v, instruction.dst, immediateOf(v, instruction));
}
