import { describe, expect, it } from 'vitest';
import { BPF_FUNC, bpfFuncName } from '../src/bpf-func.ts';
import { BPF_MAP_TYPE, CPUMAP_QSIZE_MAX } from '../src/map-types.ts';
import { BPF_ATTACH_TYPE, XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_REDIRECT, XDP_TX, xdpActionName } from '../src/xdp.ts';

describe("the kernel's numbers", () => {
  it.each([
    ['BPF_MAP_TYPE_CPUMAP', BPF_MAP_TYPE.CPUMAP, 16],
    ['BPF_XDP_CPUMAP', BPF_ATTACH_TYPE.XDP_CPUMAP, 35],
    ['BPF_FUNC_redirect_map', BPF_FUNC.redirect_map, 51],
    ['BPF_FUNC_xdp_get_buff_len', BPF_FUNC.xdp_get_buff_len, 188],
    ['BPF_FUNC_cgrp_storage_delete, the last', BPF_FUNC.cgrp_storage_delete, 211],
    ['largest qsize', CPUMAP_QSIZE_MAX, 16384],
  ])('%s', (_, ours, kernels) => {
    expect(ours).toBe(kernels);
  });
});

it('names helpers by number', () => {
  expect(bpfFuncName(51)).toBe('redirect_map');
  expect(bpfFuncName(0)).toBeUndefined();
  expect(bpfFuncName(212)).toBeUndefined();
});

describe('xdpActionName', () => {
  it.each([
    [XDP_ABORTED, 0, 'ABORTED'],
    [XDP_DROP, 1, 'DROP'],
    [XDP_PASS, 2, 'PASS'],
    [XDP_TX, 3, 'TX'],
    [XDP_REDIRECT, 4, 'REDIRECT'],
  ])('%i is the action %i, printed as %s', (constant, action, name) => {
    expect(constant).toBe(action);
    expect(xdpActionName(action)).toBe(name);
  });

  it.each([
    [5, '0x5'],
    [255, '0xff'],
    [-1, '0xffffffff'],
    [0xffffffff, '0xffffffff'],
  ])('prints the unknown action %i as %s', (action, text) => {
    expect(xdpActionName(action)).toBe(text);
  });
});
