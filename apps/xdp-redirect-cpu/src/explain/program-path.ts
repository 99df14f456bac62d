/** The way through a program, in lines: its conditional jumps with the numbers they compared, its calls with results. */
import type { BpfMap } from '@cpumap/bpf';
import type { ProgramStep } from '@cpumap/host';
import type { Memory } from '@cpumap/smp';
import { BPF_FUNC, bpfFuncName, XDP_MD, xdpActionName } from '@cpumap/uapi';

/** A step that is not a beginning. */
export type Followed = Exclude<ProgramStep, { kind: 'begin' }>;

export interface PathLine {
  readonly slot: number;
  /** The instruction; of calls their names. */
  readonly text: string;
  /** What it compared or answered, in words. */
  readonly outcome: string;
  readonly function?: string;
  readonly source?: string;
}

export interface PathNames {
  readonly memory: Memory;
  readonly maps: Readonly<Record<string, BpfMap>>;
}

/** One run of a program, while it is told: what is behind its pointers is read at once, as it may change. */
export interface Run extends PathNames {
  readonly ctx: number;
  /** Pointers that its lookups answered, by name. */
  readonly values: Map<bigint, string>;
}

const SHOWN_WORDS = 4;
const WITH_MAP_AND_KEY: readonly number[] = [
  BPF_FUNC.map_lookup_elem,
  BPF_FUNC.map_update_elem,
  BPF_FUNC.map_delete_elem,
];

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** Small numbers as such; with a larger one among them, as hex like the instruction's own. */
function numbers(...values: bigint[]): string[] {
  return values.map((value) => (values.every((one) => one < 256n) ? `${value}` : hex(value)));
}

/** A packet that a program looks for beyond its end lies at most this far away. */
const BEYOND = 4096n;

/** What a number points to, if it is a pointer that the program got. */
function pointerName({ memory: { u32 }, ctx, values }: Run, number: bigint): string | undefined {
  const [data, end] = [BigInt(u32[(ctx + XDP_MD.data) >> 2]!), BigInt(u32[(ctx + XDP_MD.data_end) >> 2]!)];
  if (number === end) return 'data_end';
  if (number >= data && number < end + BEYOND) return number === data ? 'data' : `data + ${number - data}`;
  return values.get(number);
}

/** Both sides of a comparison; next to a pointer 0 is NULL. */
function compared(run: Run, left: bigint, right: bigint): string {
  const [leftName, rightName] = [pointerName(run, left), pointerName(run, right)];
  const [leftNumber, rightNumber] = numbers(left, right);
  const hasPointer = leftName !== undefined || rightName !== undefined;
  const side = (name: string | undefined, value: bigint, text: string): string =>
    name ?? (hasPointer && value === 0n ? 'NULL' : text);
  return `${side(leftName, left, leftNumber!)} and ${side(rightName, right, rightNumber!)}`;
}

/** Bytes as words of 8 or 4, as far as they go into them; else as hex. */
function bytesText({ u8 }: Memory, address: number, length: number): string {
  const bytes = u8.slice(address, address + length);
  const size = [8, 4].find((words) => length % words === 0);
  if (size === undefined || length === 0) return `0x${Buffer.from(bytes).toString('hex')}`;
  const view = new DataView(bytes.buffer);
  const words = Array.from({ length: Math.min(length / size, SHOWN_WORDS) }, (_, i) =>
    size === 8 ? view.getBigUint64(i * 8, true) : view.getUint32(i * 4, true),
  );
  const text = [...words, ...(length / size > SHOWN_WORDS ? ['…'] : [])].join(' ');
  return words.length === 1 ? text : `{${text}}`;
}

function mapAt({ maps }: PathNames, pointer: number): [string, BpfMap] | undefined {
  return Object.entries(maps).find(([, map]) => map.pointer === pointer);
}

function callLine(step: Extract<Followed, { kind: 'call' }>, run: Run): Pick<PathLine, 'text' | 'outcome'> {
  const { helper, isKfunc, args, result } = step;
  const name = isKfunc ? `kfunc ${helper}` : `bpf_${bpfFuncName(helper) ?? helper}`;
  const answer = BigInt.asIntN(64, BigInt(result));
  if (!isKfunc && helper === BPF_FUNC.redirect) {
    return { text: `${name}(${args[0]! >>> 0})`, outcome: xdpActionName(Number(answer)) };
  }
  const [mapName, map] = mapAt(run, args[0]!) ?? [];
  if (map === undefined || isKfunc) return { text: `${name}()`, outcome: numbers(BigInt.asUintN(64, answer))[0]! };
  if (helper === BPF_FUNC.redirect_map) {
    return { text: `${name}(${mapName}, ${args[1]! >>> 0})`, outcome: xdpActionName(Number(answer)) };
  }
  const { keySize, valueSize } = map.info();
  if (WITH_MAP_AND_KEY.includes(helper)) {
    const key = bytesText(run.memory, args[1]!, keySize);
    const isLookup = helper === BPF_FUNC.map_lookup_elem;
    if (isLookup && answer !== 0n) run.values.set(answer, `value of ${mapName}`);
    const value = answer === 0n ? 'NULL' : `value ${bytesText(run.memory, Number(answer), valueSize)}`;
    return { text: `${name}(${mapName}, ${key})`, outcome: isLookup ? value : `${answer}` };
  }
  return { text: `${name}(${mapName}, …)`, outcome: `${answer}` };
}

export function pathLine(step: Followed, run: Run): PathLine {
  const place = {
    slot: step.slot,
    ...(step.function === undefined ? {} : { function: step.function }),
    ...(step.source === undefined ? {} : { source: step.source }),
  };
  switch (step.kind) {
    case 'jump': {
      const { left, right, isTaken, to } = step;
      const outcome = `${compared(run, left, right)}: ${isTaken ? `taken, to ${to}` : 'not taken'}`;
      return { ...place, text: step.text, outcome };
    }
    case 'call':
      return { ...place, ...callLine(step, run) };
    case 'tail-call':
      return {
        ...place,
        text: `bpf_tail_call(${mapAt(run, step.map)?.[0] ?? 'a map'}, ${step.index})`,
        outcome: 'tried',
      };
  }
}
