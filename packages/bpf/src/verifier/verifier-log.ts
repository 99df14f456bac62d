/**
 * The log, in the kernel's format: each instruction of the path with the state of what it touched, and where paths part
 * and meet. On level 1 a path that has ended well leaves the log, so that it shows the one that did not.
 */
import { disassembleInstruction } from '../asm/disassemble.ts';
import type { Instruction } from '../isa/instruction.ts';
import type { State } from './state.ts';
import { frameText, stateText } from './value-text.ts';
import type { VerifierInput } from './verifier-types.ts';

/** So many lines are kept, at least: the end of a path is what tells why. */
const KEPT_LINES = 10_000;
/** Where the state begins in a line. */
const STATE_COLUMN = 40;

export class VerifierLog {
  private readonly lines: string[] = [];
  private dropped = 0;
  private readonly level: 1 | 2;
  private readonly source: VerifierInput['lines'];
  private line = '';
  private registers = 0;
  private readonly slots = new Set<number>();
  private lastSource: string | undefined;

  constructor({ lines }: VerifierInput, level: 1 | 2) {
    this.level = level;
    this.source = lines;
  }

  /** A line of its own; the instruction that it is about stands before it. */
  add(line: string): void {
    this.flush();
    this.push(line);
  }

  private push(line: string): void {
    if (this.lines.push(line) < 2 * KEPT_LINES) return;
    this.lines.splice(0, KEPT_LINES);
    this.dropped += KEPT_LINES;
  }

  touch(register: number): void {
    this.registers |= 1 << register;
  }

  touchStack(frame: number, slot: number): void {
    this.slots.add(frame * 64 + slot);
  }

  begin(instruction: Instruction, state: State, isPathStart: boolean): void {
    const { slot, opcode } = instruction;
    const source = this.source?.get(slot);
    if (source !== undefined && source !== this.lastSource) this.add(`; ${source}`);
    this.lastSource = source;
    if (isPathStart) this.add(`${slot}: ${stateText(state)}`);
    this.line = `${slot}: (${opcode.toString(16).padStart(2, '0')}) ${disassembleInstruction(instruction)}`;
    this.registers = 0;
    this.slots.clear();
  }

  /** The instruction was checked: `state` is the one behind it. */
  done(state: State): void {
    if (this.line === '') return;
    const top = state.frames.length - 1;
    const text = frameText(state.frames[top]!, {
      registers: (i) => (this.registers & (1 << i)) !== 0,
      slots: (i) => this.slots.has(top * 64 + i),
    });
    const where = top === 0 ? '' : `frame${top}: `;
    this.push(text === '' ? this.line : `${this.line.padEnd(STATE_COLUMN)}; ${where}${text}`);
    this.line = '';
  }

  /** The instruction alone, of the one that is refused or that leaves the function. */
  flush(): void {
    if (this.line !== '') this.push(this.line);
    this.line = '';
  }

  mark(): number {
    return this.dropped + this.lines.length;
  }

  /** A path has ended well, and one that parted from it at `mark` is next. */
  rewind(mark: number): void {
    if (this.level === 1) this.lines.length = Math.min(this.lines.length, Math.max(0, mark - this.dropped));
    this.lastSource = undefined;
  }

  text(): string {
    return this.lines.map((line) => `${line}\n`).join('');
  }
}
