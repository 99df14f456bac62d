/**
 * Keys of a terminal, one by one. The terminal is in raw mode while somebody listens, so what the line discipline does
 * with Ctrl-C and Ctrl-Z otherwise is done here.
 */

/** The part of process.stdin that is used; without `setRawMode` it is no terminal. */
export interface KeyInput {
  readonly isTTY?: boolean;
  setRawMode?(on: boolean): unknown;
  on(event: 'data', listener: (bytes: Buffer) => void): unknown;
  off(event: 'data', listener: (bytes: Buffer) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

const CTRL_C = '\x03';
const CTRL_Z = '\x1a';

export interface Keys {
  /** Gives the terminal back. Safe to call twice. */
  close(): void;
}

export interface KeyListeners {
  /** Each key, but Ctrl-C and Ctrl-Z, which send their signals to this process. */
  onKey(key: string): void;
  /** Ctrl-Z: the process is about to stop. */
  onStop(): void;
  /** It goes on. */
  onReturn(): void;
}

export function listenKeys(input: KeyInput, { onKey, onStop, onReturn }: KeyListeners): Keys {
  if (input.isTTY !== true || input.setRawMode === undefined) return { close: () => undefined };
  let listening = true;
  const raw = (on: boolean): void => {
    input.setRawMode!(on);
  };
  const onData = (bytes: Buffer): void => {
    const text = bytes.toString('utf8');
    if (text.startsWith('\x1b')) return; // arrows and the like: nothing here is chosen by them
    for (const key of text) {
      if (key === CTRL_C) process.kill(process.pid, 'SIGINT');
      else if (key === CTRL_Z) {
        onStop();
        raw(false);
        process.kill(process.pid, 'SIGTSTP');
      } else onKey(key);
    }
  };
  const onContinue = (): void => {
    if (!listening) return;
    raw(true);
    onReturn();
  };
  raw(true);
  input.on('data', onData);
  input.resume();
  process.on('SIGCONT', onContinue);
  return {
    close() {
      if (!listening) return;
      listening = false;
      process.off('SIGCONT', onContinue);
      input.off('data', onData);
      raw(false);
      input.pause();
    },
  };
}
