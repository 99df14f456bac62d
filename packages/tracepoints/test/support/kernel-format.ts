/** Reads the kernel's descriptions of its events, and prints records as those descriptions say. */

interface KernelField {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
}

export interface KernelEvent {
  readonly name: string;
  readonly fields: readonly KernelField[];
  /** What the kernel prints for these values. */
  readonly print: (values: Readonly<Record<string, number>>) => string;
}

const FIELD = /field:[\w ]+ (\w+);\s+offset:(\d+);\s+size:(\d+);\s+signed:([01]);/g;
const PRINT = /^print fmt: "([^"]*)", (.*)$/m;
const ARGUMENT = /REC->(\w+)|__print_symbolic\(REC->(\w+), ([^()]*(?:\([^()]*(?:\([^()]*\))*[^()]*\))?[^()]*)\)/g;
const SYMBOL = /\{ (\d+), "(\w+)" \}/g;

/** All events of a text that is made of tracefs's format files, one after the other. */
export function parseFormats(text: string): Map<string, KernelEvent> {
  const sections = text.split(/^### /m).slice(1);
  return new Map(sections.map(parseFormat).map((event) => [event.name, event]));
}

function parseFormat(text: string): KernelEvent {
  const name = /^name: (\w+)$/m.exec(text)![1]!;
  const fields = [...text.matchAll(FIELD)].map(([, field, offset, size, signed]) => ({
    name: field!,
    offset: Number(offset),
    size: Number(size),
    signed: signed === '1',
  }));
  const [, format, list] = PRINT.exec(text)!;
  const args = [...list!.matchAll(ARGUMENT)].map(([, plain, symbolic, symbols]) => ({
    field: (plain ?? symbolic)!,
    names: new Map([...(symbols ?? '').matchAll(SYMBOL)].map(([, value, symbol]) => [Number(value), symbol!])),
  }));
  return { name, fields, print: (values) => printf(format!, args, values) };
}

function printf(
  format: string,
  args: readonly { field: string; names: ReadonlyMap<number, string> }[],
  values: Readonly<Record<string, number>>,
): string {
  let next = 0;
  return format.replaceAll(/%([dus])/g, (_, conversion: string) => {
    const { field, names } = args[next++]!;
    const value = values[field]!;
    if (conversion === 'd') return String(value | 0);
    if (conversion === 'u') return String(value >>> 0);
    return names.get(value) ?? `0x${value.toString(16)}`;
  });
}
