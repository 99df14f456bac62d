/** LPM_TRIE against a list of prefixes, user space and programs in turn; and the order of get_next_key on Linux. */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerOf, createMaps, nameOf, u32s } from '../support/maps.ts';

const MAX_ENTRIES = 12;

interface Prefix {
  readonly length: number;
  readonly data: readonly number[];
}

const bits = ({ length, data }: Prefix): string =>
  data
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('')
    .slice(0, length);
const bytes = ({ length, data }: Prefix): Uint8Array => Uint8Array.of(...u32s(length), ...data);

describe('LPM_TRIE', () => {
  it.each([1, 2, 4, 7])('with %i bytes of data finds what a list finds', (size) => {
    // few different bytes, so that prefixes contain each other
    const data = fc.array(fc.constantFrom(0, 1, 0x80, 0xc0, 0xff), { minLength: size, maxLength: size });
    const prefix = fc.record({ length: fc.nat(8 * size + 1), data });
    const step = fc.tuple(
      fc.constantFrom('update', 'update', 'delete', 'lookup', 'walk'),
      fc.boolean(),
      prefix,
      fc.constantFrom(0, 0, 0, 1, 2, 3),
      fc.nat(3),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const maps = createMaps();
        const map = maps.create({
          type: BPF_MAP_TYPE.LPM_TRIE,
          keySize: 4 + size,
          valueSize: 4,
          maxEntries: MAX_ENTRIES,
          flags: 1,
        });
        const ops = maps.ops(1);
        const model = new Map<string, { value: number; key: Uint8Array }>();
        let value = 0;
        for (const [op, user, key, flags, misalign] of steps) {
          const name = bits(key);
          const there = model.get(name);
          const tooLong = key.length > 8 * size;
          const keyAt = maps.place(bytes(key), misalign);
          if (op === 'update') {
            value++;
            const room = there !== undefined || model.size < MAX_ENTRIES;
            const refused = flags > 2 || tooLong ? 'EINVAL' : undefined;
            const unmet = there && flags === 1 ? 'EEXIST' : !there && flags === 2 ? 'ENOENT' : undefined;
            const wanted = refused ?? unmet ?? (room ? 'ok' : 'ENOSPC');
            const got = user
              ? answerOf(() => map.update(bytes(key), u32s(value), flags))
              : nameOf(ops.update(map.pointer, keyAt, maps.place(u32s(value), misalign), flags));
            expect(got).toBe(wanted);
            if (got === 'ok') model.set(name, { value, key: bytes(key) });
          } else if (op === 'delete') {
            const got = user ? answerOf(() => map.delete(bytes(key))) : nameOf(ops.delete(map.pointer, keyAt));
            expect(got).toBe(tooLong ? 'EINVAL' : there ? 'ok' : 'ENOENT');
            if (got === 'ok') model.delete(name);
          } else if (op === 'lookup') {
            let found: number | undefined;
            for (let n = name.length; n >= 0 && found === undefined && !tooLong; n--) {
              found = model.get(name.slice(0, n))?.value;
            }
            if (user) {
              if (found === undefined) expect(answerOf(() => map.lookup(bytes(key)))).toBe('ENOENT');
              else expect(map.lookup(bytes(key))).toEqual(u32s(found));
            } else {
              const at = ops.lookup(map.pointer, keyAt);
              expect(at === 0 ? undefined : maps.memory.u32[at >> 2]).toBe(found);
            }
          } else {
            // postorder: what is within a prefix before it, 0 before 1
            const sorted = [...model].sort(([a], [b]) => {
              if (a.startsWith(b)) return -1;
              return b.startsWith(a) || a > b ? 1 : -1;
            });
            expect([...map.keys()]).toEqual(sorted.map(([, entry]) => entry.key));
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it('walks in the order of Linux 6.18.44; a key that is not there is before the first', () => {
    const map = createMaps().create({ type: BPF_MAP_TYPE.LPM_TRIE, keySize: 8, maxEntries: 16, flags: 1 });
    const key = (length: number, ip: number): Uint8Array =>
      Uint8Array.of(length, 0, 0, 0, ip >>> 24, ip >>> 16, ip >>> 8, ip);
    const entries: [number, number][] = [
      [0, 0],
      [8, 0x0a000000],
      [16, 0x0a010000],
      [24, 0x0a010100],
      [24, 0x0a010200],
      [32, 0x0a010101],
      [1, 0x80000000],
      [16, 0xc0a80000],
    ];
    for (const [length, ip] of entries) map.update(key(length, ip), new Uint8Array(8));
    const order: [number, number][] = [
      [32, 0x0a010101],
      [24, 0x0a010100],
      [24, 0x0a010200],
      [16, 0x0a010000],
      [8, 0x0a000000],
      [16, 0xc0a80000],
      [1, 0x80000000],
      [0, 0],
    ];
    expect([...map.keys()]).toEqual(order.map(([length, ip]) => key(length, ip)));
    const absent: [number, number][] = [
      [24, 0x0a010300],
      [23, 0x0a010000],
      [24, 0x0b010300],
      [32, 0],
      [16, 0x0a020000],
      [8, 0x0b000000],
      [33, 0],
      [2, 0xc0000000],
      [22, 0x0a010000],
    ];
    for (const [length, ip] of absent) expect(map.getNextKey(key(length, ip))).toEqual(key(32, 0x0a010101));
    // bits beyond the prefix are kept as they were given
    map.update(key(8, 0x0aff0102), new Uint8Array(8));
    expect([...map.keys()][4]).toEqual(key(8, 0x0aff0102));
    map.delete(key(8, 0x0affffff));
    expect([...map.keys()]).toHaveLength(7);
  });
});
