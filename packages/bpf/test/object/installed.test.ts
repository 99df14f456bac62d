import { describe, expect, it } from 'vitest';
import { linkProgram } from '../../src/object/link-program.ts';
import { readObject } from '../../src/object/read-object.ts';
import { refusalOf } from '../objects/load.ts';
import { installedObjects } from './installed-objects.ts';

const objects = installedObjects();
if (objects.length === 0) {
  console.warn('SKIPPED: no compiled objects are installed (Debian: xdp-tools libxdp1 golang-github-cilium-ebpf-dev)');
}

/** What other loaders refuse too, each for a reason of its own. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'invalid_btf_map_init-el.elf': /a definition is initialised/,
  'invalid_map-el.elf': /defined in 24 bytes, and those after 20 are not 0/,
  'iproute2_map_compat-el.elf': /defined in 36 bytes, and those after 20 are not 0 .*struct bpf_elf_map/,
};

describe.skipIf(objects.length === 0)('objects that others compiled', () => {
  it.each(objects.map(({ name, bytes }) => [name, bytes] as const))('%s', (name, bytes) => {
    const reason = REFUSED[name];
    if (reason !== undefined) {
      expect(refusalOf(() => readObject(bytes))!.message).toMatch(reason);
      return;
    }
    const spec = readObject(bytes);
    for (const program of spec.programs.keys()) expect(linkProgram(spec, program).code.length).toBeGreaterThan(0);
  });

  const bench = objects
    .filter(({ name }) => name.startsWith('xdp-bench@'))
    .map(({ bytes }) => readObject(bytes))
    .find(({ maps }) => maps.has('cpu_map'));
  it.skipIf(bench === undefined)("xdp-bench's redirect-cpu has its cpumap, its modes and its second programs", () => {
    const { maps, programs } = bench!;
    expect(maps.get('cpu_map')).toMatchObject({ type: 16, keySize: 4, valueSize: 8 });
    const bySection = (section: string) => [...programs.values()].filter((program) => program.section === section);
    expect(bySection('xdp').length).toBeGreaterThan(0);
    expect(bySection('xdp/cpumap').map(({ attachType }) => attachType)).toEqual([35, 35, 35]);
  });
});
