/** What goes wrong goes to standard error; while a live view has the terminal, it is seen there and stays when that ends. */
import type { TextOutput } from '../screen.ts';
import type { LiveView } from './live-view.ts';

export type Complain = (text: string) => void;

export function complainTo(err: TextOutput, view: () => LiveView | undefined): Complain {
  return (text) => {
    const line = `xdp-redirect-cpu: ${text}`;
    const live = view();
    if (live?.drawing && err.isTTY) live.say([line]);
    else err.write(`${line}\n`);
  };
}
