/** The typed view of a cpumap, and what it adds: nothing but types and ranges. */
import { type CpuMap, cpuMapOf, type Host } from '@cpumap/host';
import { BPF_ANY, BPF_EXIST, BPF_MAP_TYPE, BPF_NOEXIST, KernelError, XDP_PASS } from '@cpumap/uapi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cpuMap, load, loadRemote, virtualHost } from './support/machine.ts';

let host: Host;
let map: CpuMap;

beforeEach(async () => {
  host = await virtualHost({ cpus: 3 });
  map = cpuMap(host);
});
afterEach(() => host.close());

const codeOf = (act: () => unknown): string => {
  try {
    act();
    return 'ok';
  } catch (error) {
    return error instanceof KernelError ? error.code : String(error);
  }
};

describe('a cpumap of 8-byte values', () => {
  it('reads what was written; the program as its id', async () => {
    const remote = await loadRemote(host, () => () => XDP_PASS);
    map.set(0, { qsize: 2048 });
    map.set(2, { qsize: 1, program: remote.id });
    expect([0, 1, 2].map((cpu) => map.get(cpu))).toEqual([
      { qsize: 2048, program: 0 },
      undefined,
      { qsize: 1, program: remote.id },
    ]);
    expect(map.cpus()).toEqual([0, 2]);
    expect([...map.map.lookup(0)]).toEqual([0, 8, 0, 0, 0, 0, 0, 0]);
    map.delete(0);
    map.set(2, { qsize: 0 });
    expect(map.cpus()).toEqual([]);
  });

  it('passes flags on', () => {
    expect(codeOf(() => map.set(1, { qsize: 8 }, BPF_NOEXIST))).toBe('EEXIST');
    expect(codeOf(() => map.set(1, { qsize: 8 }, BPF_EXIST))).toBe('ok'); // also on an empty slot
    expect(codeOf(() => map.set(1, { qsize: 8 }, BPF_ANY))).toBe('ok');
    expect(codeOf(() => map.set(1, { qsize: 8 }, 4))).toBe('EINVAL');
  });

  it('takes a program that is not there, or not for entries, for no memory, as the kernel does', async () => {
    const plain = await load(host, () => () => XDP_PASS);
    for (const program of [99, plain.id, map.map.id]) {
      expect(codeOf(() => map.set(1, { qsize: 8, program }))).toBe('ENOMEM');
    }
    expect(codeOf(() => map.set(1, { qsize: 8, program: -1 }))).toBe('ok'); // only positive descriptors are looked up
  });

  it.each([-1, 1.5, 2 ** 32, Number.NaN])('%d is no CPU and no qsize: RangeError', (number) => {
    for (const act of [
      () => map.set(number, { qsize: 1 }),
      () => map.set(1, { qsize: number }),
      () => map.get(number),
      () => map.delete(number),
    ]) {
      expect(act).toThrow(RangeError);
    }
    expect(map.cpus()).toEqual([]);
  });

  it('does not hide other errors than an empty slot', () => {
    map.map.close();
    expect(codeOf(() => map.get(1))).toBe('EBADF');
  });
});

describe('a cpumap of 4-byte values', () => {
  it('has no programs, and says how to get them', () => {
    const small = cpuMapOf(host.createMap({ type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize: 4, maxEntries: 3 }));
    small.set(1, { qsize: 64 });
    expect(small.get(1)).toEqual({ qsize: 64 });
    expect(() => small.set(1, { qsize: 64, program: 5 })).toThrow(
      expect.objectContaining({ code: 'EINVAL', hint: expect.stringContaining('8-byte values') }),
    );
  });
});

describe('programs that share a map', () => {
  it('all have multi-buffer support or none has', async () => {
    await load(host, () => () => XDP_PASS, { map, frags: true });
    const remote = await loadRemote(host, () => () => XDP_PASS);
    expect(codeOf(() => map.set(1, { qsize: 8, program: remote.id }))).toBe('ENOMEM');
    const second = load(host, () => () => XDP_PASS, { map });
    await expect(second).rejects.toMatchObject({ code: 'EINVAL', syscall: 'bpf(BPF_PROG_LOAD)' });
    const fits = await loadRemote(host, () => () => XDP_PASS, { frags: true });
    expect(codeOf(() => map.set(1, { qsize: 8, program: fits.id }))).toBe('ok');
  });
});
