/** `disasm FILE [PROG]`: an object's functions as assembly text, with the names that relocations and types give. */
import {
  btfTypeName,
  type CollectionSpec,
  decodeProgram,
  disassembleInstruction,
  type Instruction,
  linkProgram,
  type ObjectFunction,
  type ObjectReference,
} from '@cpumap/bpf';
import { bpfFuncName } from '@cpumap/uapi';
import { openObject } from './object-file.ts';
import type { TextOutput } from './screen.ts';

export interface DisasmOptions {
  readonly file: string;
  /** Default: every function of the object. */
  readonly program: string | undefined;
}

const CALL = 0x85;
const EXIT = 0x95;
const JUMP_CLASSES: readonly number[] = [5, 6];
const JA32 = 0x06;
const TEXT_COLUMN = 44;

/** The instruction with the name of what it refers to in place of a number. */
function withName(instruction: Instruction, { kind, target, offset }: ObjectReference): string {
  const { dst, opcode } = instruction;
  if (opcode === CALL) return `call ${target}`;
  switch (kind) {
    case 'map':
      return `r${dst} = map(${target}) ll`;
    case 'map-value':
      return `r${dst} = map_value(${target}) + 0x${offset.toString(16)} ll`;
    case 'func':
      return `r${dst} = func(${target}) ll`;
    default:
      return `r${dst} = extern(${target}) ll`;
  }
}

/** What is worth saying behind an instruction. */
function remark(spec: CollectionSpec, instruction: Instruction, reference: ObjectReference | undefined): string {
  const { opcode, src, imm, slot, offset } = instruction;
  if (reference?.kind === 'map-value') {
    const variables = spec.maps.get(reference.target)?.data?.variables ?? [];
    const found = variables.find((one) => one.offset <= reference.offset && reference.offset < one.offset + one.size);
    if (found === undefined) return '';
    return found.offset === reference.offset ? found.name : `${found.name} + ${reference.offset - found.offset}`;
  }
  if (reference !== undefined) return '';
  if (opcode === CALL && src === 0) {
    const name = bpfFuncName(imm);
    return name === undefined ? '' : `bpf_${name}`;
  }
  if (!JUMP_CLASSES.includes(opcode & 7) || opcode === CALL || opcode === EXIT) return '';
  return `to ${slot + 1 + (opcode === JA32 ? imm : offset)}`;
}

function functionLines(
  spec: CollectionSpec,
  { name, section, code, references, lines, core }: ObjectFunction,
): string[] {
  const bySlot = new Map(references.map((reference) => [reference.slot, reference]));
  const sources = new Map(lines.map((line) => [line.slot, line]));
  const moved = new Map(core.map((relocation) => [relocation.slot, relocation]));
  const out = [`${name} (section ${section}, ${code.length / 8} instructions)`];
  let source = '';
  for (const instruction of decodeProgram(code)) {
    const { slot } = instruction;
    const line = sources.get(slot);
    if (line !== undefined && line.text.trim() !== '') {
      const next = `; ${line.text.trim()} @ ${line.file.slice(line.file.lastIndexOf('/') + 1)}:${line.line}`;
      if (next !== source) out.push(next);
      source = next;
    }
    const reference = bySlot.get(slot);
    const text = reference === undefined ? disassembleInstruction(instruction) : withName(instruction, reference);
    const core = moved.get(slot);
    const where = core && `CO-RE ${core.kind} of ${btfTypeName(spec.btf!, core.type)} (${core.access})`;
    const said = [remark(spec, instruction, reference), where].filter((part) => part).join(', ');
    const left = `${String(slot).padStart(5)}: ${text}`;
    out.push(said === '' ? left : `${left.padEnd(TEXT_COLUMN)} ; ${said}`);
  }
  return out;
}

export function disasm({ file, program }: DisasmOptions, out: TextOutput): void {
  const spec = openObject(file);
  const names =
    program === undefined ? [...spec.functions.keys()] : linkProgram(spec, program).functions.map(({ name }) => name);
  const blocks = names.map((name) => functionLines(spec, spec.functions.get(name)!).join('\n'));
  out.write(`${blocks.join('\n\n')}\n`);
}
