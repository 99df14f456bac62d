import { BPF_MAP_TYPE } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { clampMaps } from '../../src/object/clamp-maps.ts';
import { linkProgram } from '../../src/object/link-program.ts';
import { readObject } from '../../src/object/read-object.ts';
import { OBJECTS, objectBytes, refusalOf } from '../objects/load.ts';

const spec = readObject(objectBytes('btf-maps.o'), { name: 'btf-maps.o' });
const immediate = (code: Uint8Array, slot: number) => new DataView(code.buffer).getInt32(slot * 8 + 4, true);
const source = (code: Uint8Array, slot: number) => code[slot * 8 + 1]! >> 4;

describe('xdp_tail of btf-maps.o', () => {
  const linked = linkProgram(spec, 'xdp_tail');

  it('is followed by what it needs, once', () => {
    expect(linked.functions.map(({ name, slot, slots }) => [name, slot, slots])).toEqual([
      ['xdp_tail', 0, 30],
      ['own_section_helper', 30, 10],
      ['each', 40, 7],
      ['count', 47, 29],
    ]);
    expect(linked.code).toHaveLength(76 * 8);
  });

  it('calls and passes functions by distance', () => {
    expect([source(linked.code, 2), 2 + 1 + immediate(linked.code, 2)]).toEqual([1, 30]);
    expect([source(linked.code, 11), 11 + 1 + immediate(linked.code, 11)]).toEqual([4, 40]);
    expect(immediate(linked.code, 12)).toBe(0);
    expect(30 + 1 + immediate(linked.code, 30)).toBe(47);
    expect(41 + 1 + immediate(linked.code, 41)).toBe(47);
  });

  it('leaves maps and variables symbolic', () => {
    expect(linked.references.map(({ slot, kind, target, offset }) => [slot, kind, target, offset])).toEqual([
      [3, 'map-value', '.data.own', 0],
      [15, 'map-value', '.rodata', 4],
      [24, 'map', 'jumps', 0],
      [31, 'map-value', '.data', 8],
      [52, 'map', 'rx_cnt', 0],
      [65, 'map-value', '.bss', 0],
      [71, 'map-value', '.rodata', 0],
    ]);
    expect([source(linked.code, 31), immediate(linked.code, 31), immediate(linked.code, 32)]).toEqual([2, 0, 8]);
    expect([source(linked.code, 24), immediate(linked.code, 24), immediate(linked.code, 25)]).toEqual([1, 0, 0]);
  });

  it('keeps every other byte', () => {
    const changed = new Set([2, 30, 41, 11, 12, ...linked.references.flatMap(({ slot }) => [slot, slot + 1])]);
    for (const { name, slot, slots } of linked.functions) {
      for (let i = 0; i < slots; i++) {
        if (changed.has(slot + i)) continue;
        const was = spec.functions.get(name)!.code.subarray(i * 8, i * 8 + 8);
        expect(linked.code.subarray((slot + i) * 8, (slot + i + 1) * 8)).toEqual(was);
      }
    }
  });

  it('has source lines by its own slots', () => {
    expect(linked.lines.find(({ text }) => text.includes('histogram[n & 15]++'))!.slot).toBeGreaterThan(47);
  });
});

it.each(OBJECTS)('%s links, and its spec stays as it was', (name) => {
  const spec = readObject(objectBytes(name));
  const before = structuredClone(spec);
  for (const program of spec.programs.keys()) {
    const { code, references } = linkProgram(spec, program);
    expect(code.length % 8).toBe(0);
    for (const { slot } of references) expect(code[slot * 8]).toBe(0x18);
  }
  expect(spec).toEqual(before);
});

it('a program that is not there is refused with the names of those that are', () => {
  const refusal = refusalOf(() => linkProgram(spec, 'xdp_mian'));
  expect(refusal).toMatchObject({ code: 'not-found' });
  expect(refusal!.message).toMatch(/no program xdp_mian.*there is xdp_tail, xdp_main/);
});

describe('clampMaps', () => {
  it('lowers what is above the limit, in a new spec, and says so', () => {
    const { spec: small, clamped } = clampMaps(spec, 10);
    expect(clamped).toEqual([
      { name: 'cpu_map', from: 64, to: 10 },
      { name: 'flows', from: 1000000, to: 10 },
    ]);
    expect(small.maps.get('flows')).toEqual({ ...spec.maps.get('flows'), maxEntries: 10 });
    expect(small.maps.get('outer')).toEqual(spec.maps.get('outer'));
    expect(spec.maps.get('flows')!.maxEntries).toBe(1000000);
  });
  it('also inside maps of maps', () => {
    expect(clampMaps(spec, 7).spec.maps.get('outer')!.inner!.maxEntries).toBe(7);
  });
  it('but not ring buffers, whose entries are bytes', () => {
    const events = { ...spec.maps.get('flows')!, name: 'events', type: BPF_MAP_TYPE.RINGBUF, maxEntries: 4096 };
    const { spec: same, clamped } = clampMaps({ ...spec, maps: new Map([['events', events]]) }, 10);
    expect(clamped).toEqual([]);
    expect(same.maps.get('events')!.maxEntries).toBe(4096);
  });
  it.each([0, -1, 1.5, Number.NaN])('%d is no limit', (limit) => {
    expect(() => clampMaps(spec, limit)).toThrow(RangeError);
  });
});
