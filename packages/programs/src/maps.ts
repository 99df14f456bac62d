/** The maps that the programs look for, by the sample's names, to create; and how a spec names those that exist. */

import type { MapSpec, ProgramSpec } from '@cpumap/bpf';
import { BPF_MAP_TYPE, DATAREC } from '@cpumap/uapi';

export type SampleMapName = 'cpu_map' | 'rx_cnt' | 'cpus_available' | 'cpus_count' | 'cpus_iterator';

export type MonitorMapName = 'redirect_err_cnt' | 'cpumap_enqueue_cnt' | 'cpumap_kthread_cnt' | 'exception_cnt';

/** A map that exists, as a program spec names it. */
export type MapReference = NonNullable<ProgramSpec['maps']>[string];

/** `sizeof(struct bpf_cpumap_val)`: a queue size alone until 5.9, with a second program since; a devmap's likewise. */
export type MapValueSize = 4 | 8;

const { CPUMAP, DEVMAP, ARRAY, PERCPU_ARRAY } = BPF_MAP_TYPE;
const u32 = { keySize: 4, valueSize: 4 };
const datarec = { type: PERCPU_ARRAY, keySize: 4, valueSize: DATAREC.sizeof };

/**
 * The maps of the sample's programs for `nrCpus` CPUs, in the sample's order. After creating them, user space fills
 * cpus_available with `nrCpus`, which is no CPU, before it adds the first one.
 */
export function sampleMaps(
  nrCpus: number,
  cpuMapValueSize: MapValueSize = 4,
): (MapSpec & { readonly name: SampleMapName })[] {
  return [
    { name: 'cpu_map', type: CPUMAP, keySize: 4, valueSize: cpuMapValueSize, maxEntries: nrCpus },
    { name: 'rx_cnt', ...datarec, maxEntries: 1 },
    { name: 'cpus_available', type: ARRAY, ...u32, maxEntries: nrCpus },
    { name: 'cpus_count', type: ARRAY, ...u32, maxEntries: 1 },
    { name: 'cpus_iterator', type: PERCPU_ARRAY, ...u32, maxEntries: 1 },
  ];
}

/** What the monitoring programs count in: one struct datarec of each CPU in each element. */
export function monitorMaps(nrCpus: number): (MapSpec & { readonly name: MonitorMapName })[] {
  return [
    { name: 'redirect_err_cnt', ...datarec, maxEntries: 2 },
    { name: 'cpumap_enqueue_cnt', ...datarec, maxEntries: nrCpus },
    { name: 'cpumap_kthread_cnt', ...datarec, maxEntries: 1 },
    { name: 'exception_cnt', ...datarec, maxEntries: 1 },
  ];
}

/** The device that the remote program `redirect` sends to. */
export function txPortMap(valueSize: MapValueSize = 8): MapSpec & { readonly name: 'tx_port' } {
  return { name: 'tx_port', type: DEVMAP, keySize: 4, valueSize, maxEntries: 1 };
}

/** Those maps that a program uses. @throws TypeError for one that is not there */
export function pickMaps(
  program: string,
  names: readonly string[],
  maps: Readonly<Record<string, MapReference>>,
): Readonly<Record<string, MapReference>> {
  const used = names.map((name) => {
    const map = maps[name];
    if (map === undefined) throw new TypeError(`program ${program} needs a map '${name}'`);
    return [name, map] as const;
  });
  return Object.fromEntries(used);
}
