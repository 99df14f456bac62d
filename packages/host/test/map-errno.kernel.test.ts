/** Every answer that Linux 6.18.44 gave to an operation on a cpumap (kernel-6.18/cpumap-errno.json), from the engine. */
import { readFileSync } from 'node:fs';
import { type BpfMap, u32Of } from '@cpumap/bpf';
import type { Host } from '@cpumap/host';
import { BPF_MAP_TYPE, KernelError } from '@cpumap/uapi';
import { describeWithData } from '@cpumap/vitest-config/test-data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { load, virtualHost } from './support/machine.ts';

interface Row {
  readonly op: string;
  readonly err: string;
  readonly [field: string]: string | number;
}

const answerOf = (act: () => unknown): string => {
  try {
    act();
    return 'OK';
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return error.code === 'ENOTSUPP' ? `ENOTSUPP(${error.errno})` : error.code;
  }
};

describeWithData('on Linux 6.18.44', 'kernel-6.18/cpumap-errno.json', (path) => {
  const rows: Row[] = JSON.parse(readFileSync(path, 'utf8'));
  let host: Host;

  beforeAll(async () => {
    host = await virtualHost({ cpus: 2 });
  });
  afterAll(() => host.close());

  function create({ key_size = 4, value_size = 8, max_entries = 4, map_flags = 0 }: Record<string, unknown>): BpfMap {
    const sizes = { keySize: Number(key_size), valueSize: Number(value_size), maxEntries: Number(max_entries) };
    return host.createMap({ type: BPF_MAP_TYPE.CPUMAP, ...sizes, flags: Number(map_flags) });
  }

  function value(map: BpfMap, qsize: number, fd = 0): Uint8Array {
    const bytes = new Uint8Array(map.info().valueSize);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, qsize, true);
    if (bytes.length === 8) view.setInt32(4, fd, true);
    return bytes;
  }

  /** What a lookup answers, and what it reads; nothing is read from an empty slot. */
  function looked(map: BpfMap, key: number): { lookup: string; got_qsize: number; got_id: number } {
    let bytes: Uint8Array = new Uint8Array(8);
    const lookup = answerOf(() => {
      bytes = map.lookup(key);
    });
    const view = new DataView(bytes.buffer);
    return { lookup, got_qsize: view.getUint32(0, true), got_id: bytes.length === 8 ? view.getUint32(4, true) : 0 };
  }

  /** What the engine answers in place of the fields of `row` that are answers. */
  const operations: Record<string, (row: Row) => Record<string, unknown> | Promise<Record<string, unknown>>> = {
    create: (row) => ({ err: answerOf(() => create(row)) }),
    update(row) {
      const map = create(row);
      const [key, qsize, flags] = [Number(row.key), Number(row.qsize), Number(row.flags)];
      return { err: answerOf(() => map.update(key, value(map, qsize), flags)), ...looked(map, key) };
    },
    'update-key'(row) {
      expect(row.possible_cpus).toBe(host.possibleCpus);
      const map = create(row);
      const key = Number(row.key);
      return {
        err: answerOf(() => map.update(key, value(map, 64))),
        lookup: looked(map, key).lookup,
        delete: answerOf(() => map.delete(key)),
        delete_again: answerOf(() => map.delete(key)),
      };
    },
    'update-flags'(row) {
      const map = create(row);
      if (row.exists === 1) map.update(1, value(map, 64));
      const err = answerOf(() => map.update(1, value(map, 32), Number(row.flags)));
      const { lookup, got_qsize } = looked(map, 1);
      return { err, lookup, got_qsize };
    },
    'lookup-flags'(row) {
      const map = create(row);
      map.update(1, value(map, 64));
      return { err: answerOf(() => map.lookup(1, Number(row.flags))) };
    },
    async 'update-progfd'(row) {
      const map = create(row);
      // on the engine a descriptor is the id of a program; a map's id is none, and neither is one that nobody has
      const fd = row.fd === 'bad' ? 99_999 : map.id;
      await load(host, () => () => 2);
      return { err: answerOf(() => map.update(1, value(map, 64, fd))) };
    },
    next_key(row) {
      const map = create(row);
      return { err: 'OK', next: u32Of(map.getNextKey(Number(row.key))) };
    },
    lookup_and_delete: (row) => ({ err: answerOf(() => create(row).lookupAndDelete(1)) }),
    lookup_batch: (row) => ({ err: answerOf(() => create(row).lookupBatch(undefined, 1)) }),
    lookup_and_delete_batch: (row) => ({ err: answerOf(() => create(row).lookupAndDeleteBatch(undefined, 1)) }),
    freeze: (row) => ({ err: answerOf(() => create(row).freeze()) }),
    'delete-after-freeze'(row) {
      const map = create(row);
      map.freeze();
      return { err: answerOf(() => map.delete(1)) };
    },
    info(row) {
      const { type, keySize, valueSize, maxEntries, flags } = create(row).info();
      return { type, key_size: keySize, value_size: valueSize, max_entries: maxEntries, map_flags: flags };
    },
  };

  it('the file holds rows of all these operations', () => {
    expect(new Set(rows.map(({ op }) => op))).toEqual(new Set(Object.keys(operations)));
  });

  describe.each(Object.keys(operations))('%s', (op) => {
    it.each(rows.filter((row) => row.op === op).map((row) => [JSON.stringify(row), row] as const))(
      '%s',
      async (_, row) => {
        expect({ ...row, ...(await operations[op]!(row)) }).toEqual(row);
      },
    );
  });
});
