/** An explanation as text: numbered steps, the kernel's function behind each, the way through programs below. */
import type { PathLine } from './program-path.ts';
import type { Explanation, Step } from './steps.ts';

const TITLE = 16;
const INDENT = 4;
const WIDTH = 100;
const INSTRUCTION = 46;

const ENDS: Readonly<Record<Explanation['end'], string>> = {
  delivered: 'The stack took it.',
  dropped: 'It was dropped.',
  sent: 'It left by the device that it came in on.',
  redirected: 'It left by another device.',
  refused: 'It never reached a CPU.',
};

function pathLines(path: readonly PathLine[]): string[] {
  const lines: string[] = [];
  let place = '';
  for (const { slot, text, outcome, function: name, source } of path) {
    const now = [name, source].filter((part) => part !== undefined).join(': ');
    if (now !== '' && now !== place) lines.push(`      ; ${now}`);
    place = now;
    lines.push(`${String(slot).padStart(9)}: ${text.padEnd(INSTRUCTION)} ${outcome}`);
  }
  return lines;
}

/** Facts side by side, as many as a line takes. */
function factLines(facts: readonly string[]): string[] {
  const lines: string[] = [];
  for (const fact of facts) {
    const last = lines.at(-1);
    if (last === undefined || last.length + fact.length + 2 > WIDTH) lines.push(fact);
    else lines[lines.length - 1] = `${last}, ${fact}`;
  }
  return lines;
}

function stepLines({ step, kernel, values, path = [], note }: Step, index: number): string[] {
  const facts = factLines(Object.entries(values).map(([name, value]) => `${name} ${value}`));
  const said = note === undefined ? facts : [...facts, note];
  return [
    `${String(index + 1).padStart(2)}. ${step.padEnd(TITLE)}${kernel.join(' > ')}`.trimEnd(),
    ...said.map((line) => `${' '.repeat(INDENT)}${line}`),
    ...pathLines(path),
  ];
}

export function explanationLines({ frame, of, length, packet, input, release, steps, end }: Explanation): string[] {
  return [
    `Frame ${frame}${of === undefined ? '' : ` of ${of}`}: ${length} bytes, ${packet}`,
    `from ${input}, as Linux ${release} handles it`,
    '',
    ...steps.flatMap(stepLines),
    '',
    ENDS[end],
  ];
}
