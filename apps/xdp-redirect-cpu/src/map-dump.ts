/**
 * The contents of a map, for people and for machines: a line for each element, of per-CPU maps one for each CPU that has
 * anything, and their sum if it is more than one. Elements of arrays that are all zero are counted and left out.
 */
import type { BpfMap, CollectionSpec } from '@cpumap/bpf';
import { BPF_MAP_TYPE, KernelError, mapTypeName } from '@cpumap/uapi';
import { alignColumns } from './columns.ts';
import { keyReader, type Leaf, valueReader } from './map-values.ts';

type Plain = Record<string, number | string> | number | string;

interface DumpedEntry {
  readonly key: Plain;
  /** Of per-CPU maps the sum of all CPUs. */
  readonly value: Plain;
  /** Of per-CPU maps, by CPU: those that have anything. */
  readonly cpus?: Readonly<Record<number, Plain>>;
}

export interface MapDump {
  readonly name: string;
  readonly type: string;
  readonly max_entries: number;
  readonly entries: readonly DumpedEntry[];
  /** Elements of an array that are left out because they are all zero. */
  readonly zero_entries: number;
  /** Why there is nothing to show. */
  readonly problem?: string;
}

const PER_CPU: readonly number[] = [BPF_MAP_TYPE.PERCPU_ARRAY, BPF_MAP_TYPE.PERCPU_HASH, BPF_MAP_TYPE.LRU_PERCPU_HASH];
const ARRAYS: readonly number[] = [BPF_MAP_TYPE.ARRAY, BPF_MAP_TYPE.PERCPU_ARRAY];

interface Row {
  readonly key: readonly Leaf[];
  /** One, or one for each CPU. */
  readonly values: readonly (readonly Leaf[])[];
  /** The CPUs whose value has anything. */
  readonly busy: readonly number[];
}

function sum(values: readonly (readonly Leaf[])[]): Leaf[] {
  return values[0]!.map((first, i) => {
    if (!first.sums) return { ...first, value: values.length === 1 ? first.value : '' };
    const total = values.reduce((n, leaves) => n + BigInt(leaves[i]!.value), 0n);
    return { ...first, value: total <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(total) : total };
  });
}

/** Numbers that JSON cannot hold become texts. */
function plain(leaves: readonly Leaf[]): Plain {
  const value = (leaf: Leaf): number | string => (typeof leaf.value === 'bigint' ? String(leaf.value) : leaf.value);
  if (leaves.length === 1 && leaves[0]!.path === '') return value(leaves[0]!);
  return Object.fromEntries(leaves.map((leaf) => [leaf.path, value(leaf)]));
}

interface Contents {
  readonly rows: readonly Row[];
  readonly zeros: number;
}

function read(spec: CollectionSpec, map: BpfMap): Contents {
  const object = spec.maps.get(map.name)!;
  const { valueSize } = map.info();
  const readKey = keyReader(spec, object);
  const readValue = valueReader(spec, object);
  const stride = Math.ceil(valueSize / 8) * 8;
  const rows: Row[] = [];
  let zeros = 0;
  for (const [key, value] of map.entries()) {
    if (ARRAYS.includes(map.type) && object.data === undefined && value.every((byte) => byte === 0)) {
      zeros++;
      continue;
    }
    const cpus = PER_CPU.includes(map.type) ? value.length / stride : 1;
    const parts = Array.from({ length: cpus }, (_, cpu) => value.subarray(cpu * stride, cpu * stride + valueSize));
    const busy = parts.flatMap((part, cpu) => (part.some((byte) => byte !== 0) ? [cpu] : []));
    rows.push({ key: readKey(key), values: parts.map(readValue), busy });
  }
  return { rows, zeros };
}

function tryRead(spec: CollectionSpec, map: BpfMap): Contents | string {
  try {
    return read(spec, map);
  } catch (error) {
    if (error instanceof KernelError) return error.message;
    throw error;
  }
}

/** For JSON. */
export function dumpMap(spec: CollectionSpec, map: BpfMap): MapDump {
  const { name, maxEntries } = map.info();
  const about = { name, type: mapTypeName(map.type), max_entries: maxEntries };
  const contents = tryRead(spec, map);
  if (typeof contents === 'string') return { ...about, entries: [], zero_entries: 0, problem: contents };
  const entries = contents.rows.map(({ key, values, busy }): DumpedEntry => {
    const entry = { key: plain(key), value: plain(sum(values)) };
    if (!PER_CPU.includes(map.type)) return entry;
    return { ...entry, cpus: Object.fromEntries(busy.map((cpu) => [cpu, plain(values[cpu]!)])) };
  });
  return { ...about, entries, zero_entries: contents.zeros };
}

/** Of long arrays only what is set is shown, where a value goes down the page. */
const isZeroElement = ({ path, value }: Leaf): boolean => path.endsWith(']') && (value === 0 || value === 0n);

/** The most columns of values that a line takes; a value with more goes down the page. */
const WIDEST = 8;

/** For people. */
export function dumpLines(spec: CollectionSpec, map: BpfMap, separators: boolean): string[] {
  const { name, maxEntries } = map.info();
  const format = new Intl.NumberFormat('en-US', { useGrouping: separators });
  const show = ({ value }: Leaf): string => (typeof value === 'string' ? value : format.format(value));
  const title = `map ${name} (${mapTypeName(map.type)}, ${maxEntries === 1 ? '1 entry' : `${maxEntries} entries`})`;
  const contents = tryRead(spec, map);
  if (typeof contents === 'string') return [title, `  ${contents}`];
  const { rows, zeros } = contents;
  const rest = zeros === 0 ? [] : [`  ${zeros} more ${zeros === 1 ? 'entry is' : 'entries are'} 0`];
  if (rows.length === 0) return [title, zeros === 0 ? '  empty' : '  all entries are 0'];

  const [first] = rows;
  const names = (leaves: readonly Leaf[], whole: string): string[] => leaves.map(({ path }) => path || whole);
  const data = spec.maps.get(name)!.data !== undefined;
  if (data || first!.values[0]!.length > WIDEST) {
    const cells = rows.flatMap(({ key, values }) => {
      const worth = sum(values).filter((leaf) => !isZeroElement(leaf));
      return worth.map((leaf) => [...(data ? [] : key.map(show)), leaf.path || 'value', show(leaf)]);
    });
    return [title, ...alignColumns(cells, data ? 1 : first!.key.length + 1).map((line) => `  ${line}`), ...rest];
  }
  const perCpu = PER_CPU.includes(map.type);
  const head = [...names(first!.key, 'key'), ...(perCpu ? ['cpu'] : []), ...names(first!.values[0]!, 'value')];
  const cells = rows.flatMap(({ key, values, busy }) => {
    const shown = key.map(show);
    if (!perCpu) return [[...shown, ...values[0]!.map(show)]];
    const each = busy.map((cpu) => [...shown, String(cpu), ...values[cpu]!.map(show)]);
    return each.length === 1 ? each : [...each, [...shown, 'all', ...sum(values).map(show)]];
  });
  const numeric = first!.key.length + (perCpu ? 1 : 0);
  return [title, ...alignColumns([head, ...cells], numeric).map((line) => `  ${line}`), ...rest];
}
