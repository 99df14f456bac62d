/** The command in a pseudo-terminal, and an emulator that knows what stands on its screen. */
import { type IPty, spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { COMMAND } from './command.ts';

const GIVE_UP_MS = 15_000;

export interface TerminalRun {
  /** What the command wrote. */
  readonly raw: string;
  /** The lines that are seen now. */
  screen(): string[];
  /** Which of the terminal's two screens is seen. */
  kind(): 'normal' | 'alternate';
  press(keys: string): void;
  signal(name: string): void;
  resize(cols: number, rows: number): void;
  /** Resolves with the screen when it is as wanted. @throws Error with the screen when that takes too long */
  until(what: string, wanted: (screen: string[]) => boolean): Promise<string[]>;
  /** All lines, with those that were scrolled away, when the command has ended. */
  ended(): Promise<{ readonly code: number; readonly lines: readonly string[] }>;
}

export function startInTerminal(args: readonly string[], cols: number, rows: number, env = {}): TerminalRun {
  const terminal = new xterm.Terminal({ cols, rows, allowProposedApi: true, scrollback: 500 });
  const pty: IPty = spawn(process.execPath, [COMMAND, ...args], {
    cols,
    rows,
    name: 'xterm-256color',
    env: { ...process.env, ...env } as Record<string, string>,
  });
  let raw = '';
  const changed = new Set<() => void>();
  pty.onData((data) => {
    raw += data;
    terminal.write(data, () => {
      for (const tell of changed) tell();
    });
  });
  const exit = new Promise<number>((resolve) => pty.onExit(({ exitCode }) => resolve(exitCode)));
  const linesFrom = (from: number, to: number): string[] => {
    const buffer = terminal.buffer.active;
    return Array.from({ length: to - from }, (_, y) => buffer.getLine(from + y)?.translateToString(true) ?? '');
  };
  const screen = (): string[] => {
    const { viewportY } = terminal.buffer.active;
    return linesFrom(viewportY, viewportY + terminal.rows);
  };
  return {
    get raw() {
      return raw;
    },
    screen,
    kind: () => terminal.buffer.active.type,
    press: (keys) => pty.write(keys),
    signal: (name) => pty.kill(name),
    resize(newCols, newRows) {
      terminal.resize(newCols, newRows);
      pty.resize(newCols, newRows);
    },
    until(what, wanted) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          changed.delete(look);
          pty.kill();
          reject(new Error(`the screen never showed ${what}:\n${screen().join('\n')}`));
        }, GIVE_UP_MS);
        const look = (): void => {
          const now = screen();
          if (!wanted(now)) return;
          clearTimeout(timer);
          changed.delete(look);
          resolve(now);
        };
        changed.add(look);
        look();
      });
    },
    async ended() {
      const code = await exit;
      await new Promise<void>((resolve) => terminal.write('', resolve));
      const lines = linesFrom(0, terminal.buffer.active.length);
      terminal.dispose();
      return { code, lines };
    },
  };
}
