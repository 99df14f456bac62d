/**
 * Assembly text as instructions: one a line, in the syntax of LLVM's BPF assembler, which is what the disassembler
 * writes. Numbers are decimal or hexadecimal, comments begin with `#`, `//` or `;`.
 *
 *   loop:                       a label, alone or in front of an instruction
 *     r1 = *(u32 *)(r2 + 0x4)
 *     if r1 s> 7 goto loop      or a distance: goto -0x2
 *     call 0x33                 a helper by id
 *     call sum                  a function of this program, or by distance: call pc+0x3
 *     r1 = map_by_fd(0x5) ll    what LLVM has no text for: see syntax.ts
 *
 * The text decides bytes, not whether they make a program: jumps by distance may go anywhere.
 */
import { checkInstruction } from '../isa/check.ts';
import { type Instruction, joinImm64, slotCount } from '../isa/instruction.ts';
import { OPCODE } from '../isa/opcodes.ts';
import { AssemblyError } from './assembly-error.ts';
import { quote, scanLine } from './scanner.ts';
import { parseStatement, type Statement } from './statement.ts';

interface Line {
  readonly number: number;
  readonly column: number;
  readonly slot: number;
  readonly statement: Statement;
}

/** @throws AssemblyError */
export function assemble(text: string): Instruction[] {
  const labels = new Map<string, number>();
  const lines: Line[] = [];
  let slot = 0;
  for (const [i, source] of text.split('\n').entries()) {
    const cursor = scanLine(source, i + 1);
    while (cursor.peek().kind === 'word' && cursor.peek(1).text === ':') {
      const label = cursor.next();
      cursor.expect(':');
      if (labels.has(label.text)) cursor.fail(`the label ${quote(label)} was there before`, label);
      labels.set(label.text, slot);
    }
    const first = cursor.peek();
    if (first.kind === 'end') continue;
    const statement = parseStatement(cursor);
    if (cursor.peek().kind !== 'end') cursor.fail(`the line should end before ${quote(cursor.peek())}`);
    lines.push({ number: i + 1, column: first.column, slot, statement });
    slot += slotCount({ ...statement, slot });
  }
  return lines.map((line) => resolve(line, labels));
}

/** The instruction with its label's distance in place. */
function resolve({ number, column, slot, statement }: Line, labels: ReadonlyMap<string, number>): Instruction {
  const { label, ...fields } = statement;
  let instruction: Instruction = { slot, ...fields };
  if (label !== undefined) {
    const target = labels.get(label.token.text);
    if (target === undefined)
      throw new AssemblyError(number, label.token.column, `there is no label ${quote(label.token)}`);
    const distance = target - slot - 1;
    if (label.field === 'offset' && (distance < -0x8000 || distance > 0x7fff)) {
      throw new AssemblyError(number, label.token.column, `${quote(label.token)} is ${distance} slots away: use gotol`);
    }
    instruction = { ...instruction, [label.field]: distance };
    if (fields.opcode === OPCODE.LD_IMM64) instruction = { ...instruction, imm64: joinImm64(distance, 0) };
  }
  try {
    checkInstruction(instruction);
  } catch (cause) {
    const { hint } = cause as { hint?: string };
    throw new AssemblyError(number, column, (hint ?? String(cause)).replace(/^slot \d+: /, ''));
  }
  return instruction;
}
