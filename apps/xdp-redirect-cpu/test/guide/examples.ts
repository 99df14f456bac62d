/**
 * Examples in Markdown, as readers would use them:
 *
 *   ```console   lines with `$ ` are commands, the lines behind are what they print; `…` stands for any text in a line,
 *                a line `…` for any lines; ```console root needs root on Linux, ```console clang the compiler
 *   ```ts        a module; if ```text follows, that is what it prints, with the same `…`
 *   ```sh        commands that are not run (they need an interface, or never end); their options must exist
 *
 * A file that an example reads is written by a block ```c FILE or ```js FILE before it.
 */
interface ConsoleStep {
  readonly command: string;
  readonly output: string;
}

export type Example =
  | {
      readonly kind: 'console';
      readonly line: number;
      readonly needs: string | undefined;
      readonly steps: readonly ConsoleStep[];
    }
  | { readonly kind: 'ts'; readonly line: number; readonly code: string; readonly output: string | undefined }
  | { readonly kind: 'sh'; readonly line: number; readonly commands: readonly string[] }
  | { readonly kind: 'file'; readonly line: number; readonly name: string; readonly content: string };

interface Block {
  readonly line: number;
  readonly language: string;
  readonly name: string | undefined;
  readonly content: string;
}

function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let open: { line: number; language: string; name: string | undefined; lines: string[] } | undefined;
  for (const [index, line] of markdown.split('\n').entries()) {
    if (open === undefined) {
      const fence = /^```(\w+)(?: (\S+))?$/.exec(line);
      if (fence !== null) open = { line: index + 1, language: fence[1]!, name: fence[2], lines: [] };
    } else if (line === '```') {
      blocks.push({ ...open, content: open.lines.map((each) => `${each}\n`).join('') });
      open = undefined;
    } else open.lines.push(line);
  }
  if (open !== undefined) throw new Error(`line ${open.line}: the block does not end`);
  return blocks;
}

function stepsOf(content: string): ConsoleStep[] {
  const steps: { command: string; output: string }[] = [];
  let continued = false;
  for (const line of content.replace(/\n$/, '').split('\n')) {
    const last = steps.at(-1);
    if (continued) last!.command += ` ${line.trim()}`;
    else if (line.startsWith('$ ')) steps.push({ command: line.slice(2), output: '' });
    else if (last === undefined) throw new Error(`output before the first command: ${line}`);
    else last.output += `${line}\n`;
    const command = steps.at(-1)!;
    continued = (line.startsWith('$ ') || continued) && command.command.endsWith('\\');
    if (continued) command.command = command.command.replace(/\s*\\$/, '');
  }
  return steps;
}

export function examplesOf(markdown: string): Example[] {
  const blocks = blocksOf(markdown);
  return blocks.flatMap(({ line, language, name, content }, index): Example[] => {
    if (language === 'console') return [{ kind: 'console', line, needs: name, steps: stepsOf(content) }];
    if (name !== undefined) return [{ kind: 'file', line, name, content }];
    switch (language) {
      case 'ts': {
        const next = blocks[index + 1];
        return [{ kind: 'ts', line, code: content, output: next?.language === 'text' ? next.content : undefined }];
      }
      case 'sh':
        return [
          { kind: 'sh', line, commands: content.split('\n').filter((each) => /^(xdp-redirect-cpu|npm) /.test(each)) },
        ];
      case 'text':
      case 'json':
        return [];
      default:
        throw new Error(`line ${line}: \`\`\`${language} is no kind of example; there are console, ts, sh, text, json`);
    }
  });
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Matches text that is as an example says. */
export function patternOf(output: string): RegExp {
  if (output === '') return /^$/;
  if (/^[\s…]*$/.test(output)) throw new Error('an example that shows nothing of what is printed');
  const lines = output.replace(/\n$/, '').split('\n');
  const parts = lines.map((line) =>
    line.trim() === '…' ? '(?:.*\\n)*?' : `${line.split('…').map(escaped).join('.*')}[ \\t]*\\n`,
  );
  return new RegExp(`^${parts.join('')}$`);
}

/** Splits a command as a shell does, without what a shell expands. */
export function wordsOf(command: string): string[] {
  const words = command.replace(/\s+#.*$/, '').match(/'[^']*'|"[^"]*"|\S+/g) ?? [];
  return words.map((word) => (/^(['"]).*\1$/.test(word) ? word.slice(1, -1) : word));
}
