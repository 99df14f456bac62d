/** From a description to an instance on one CPU. */
import { createMemory } from '@cpumap/smp';
import { BPF_ATTACH_TYPE, BPF_PROG_TYPE, XDP_PASS } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import {
  type BpfHelpers,
  type BytecodeEnv,
  imageOf,
  importFunction,
  instantiate,
  type ProgramEnv,
  type ProgramSpec,
  programOf,
} from '../src/index.ts';

const memory = createMemory(65536);
const helpers = {} as BpfHelpers;
const env = { memory } as BytecodeEnv;
const dataModule = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`;

describe('programOf', () => {
  it('fills in the defaults, and keeps plain data for the CPUs', () => {
    const code = { module: 'file:///a.js', export: 'b' };
    const program = programOf({ name: 'p', code }, 7);
    const xdp = { type: BPF_PROG_TYPE.XDP, expectedAttachType: BPF_ATTACH_TYPE.XDP };
    expect(program).toEqual({ id: 7, name: 'p', ...xdp, attachTo: undefined, frags: false, mapIds: [] });
    const image = imageOf({ name: 'p', code }, program);
    expect(image).toEqual({ id: 7, name: 'p', type: BPF_PROG_TYPE.XDP, code, maps: {}, constants: {} });
    expect(structuredClone(image)).toEqual(image);
  });

  it('an XDP program is for devices unless it says otherwise; others have no such place', () => {
    const place = (type: number) =>
      programOf({ name: 'p', type, code: { module: '', export: '' } }, 1).expectedAttachType;
    expect(place(BPF_PROG_TYPE.XDP)).toBe(BPF_ATTACH_TYPE.XDP);
    expect(place(BPF_PROG_TYPE.TRACEPOINT)).toBe(0);
  });

  it('names maps by id for the host and by address for the code', () => {
    const maps = { cpu_map: { id: 3, pointer: 640 }, rx_cnt: { id: 9, pointer: 1280 } };
    const spec: ProgramSpec = { name: 'p', code: { module: '', export: '' }, maps, frags: true, constants: { n: 4 } };
    const program = programOf(spec, 1);
    const image = imageOf(spec, program);
    expect(program).toMatchObject({ mapIds: [3, 9], frags: true });
    expect(image).toMatchObject({ maps: { cpu_map: 640, rx_cnt: 1280 }, constants: { n: 4 } });
  });
});

describe('instantiate', () => {
  const image = (code: ProgramSpec['code']) => {
    const spec = { name: 'p', code, maps: { m: { id: 2, pointer: 64 } }, constants: { k: 2 } };
    return imageOf(spec, programOf(spec, 1));
  };

  it('hands the code its environment', async () => {
    let seen: ProgramEnv | undefined;
    const instance = await instantiate(
      image({
        factory(env) {
          seen = env;
          return (ctx) => ctx + XDP_PASS;
        },
      }),
      helpers,
      env,
    );
    expect(seen).toEqual({ memory, helpers, maps: { m: 64 }, constants: { k: 2 } });
    expect(instance(40)).toBe(42);
  });

  it('imports code by name', async () => {
    const module = dataModule('export const verdict = ({ constants }) => () => constants.k;');
    const instance = await instantiate(image({ module, export: 'verdict' }), helpers, env);
    expect(instance(0)).toBe(2);
  });

  it.each([
    ['a number', () => 3, 'number'],
    ['nothing', () => undefined, 'undefined'],
  ])('refuses a factory that returns %s', async (_, factory, type) => {
    const made = image({ factory: factory as never });
    const message = `program p: its factory must return a function, not ${type}`;
    await expect(instantiate(made, helpers, env)).rejects.toThrow(message);
  });
});

describe('importFunction', () => {
  it.each([
    ['export const other = () => 1;', "exports no function 'wanted', but other"],
    ['export const wanted = 5;', "exports no function 'wanted', but wanted"],
    ['', "exports no function 'wanted', but nothing"],
  ])('of %j', async (text, message) => {
    await expect(importFunction({ module: dataModule(text), export: 'wanted' })).rejects.toThrow(message);
  });

  it('of a module that is not there names it', async () => {
    await expect(importFunction({ module: 'file:///no/such.js', export: 'x' })).rejects.toThrow('no/such.js');
  });
});
