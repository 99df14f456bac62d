/** The objects that @cpumap/bpf's tests read, and hosts to load them on. */
import { readFileSync } from 'node:fs';
import { type BpfMap, type CollectionSpec, type ObjectMap, readObject } from '@cpumap/bpf';
import { createHost, type Host, type HostOptions } from '@cpumap/host';
import { BPF_PROG_TYPE } from '@cpumap/uapi';

export const OBJECTS = [
  'legacy-maps.o',
  'legacy-maps-28.o',
  'btf-maps.o',
  'btf-maps-19.o',
  'seed-style.o',
  'seed-style-19.o',
  'modern.o',
  'modern-19.o',
] as const;

export function specOf(name: string): CollectionSpec {
  const url = new URL(`../../../bpf/test/objects/${name}`, import.meta.url);
  return readObject(new Uint8Array(readFileSync(url)), { name });
}

/** XDP for all programs whose section says nothing. */
export function xdpTypes(spec: CollectionSpec): Record<string, number> {
  const own = [...spec.programs.values()].filter(({ programType }) => programType === undefined);
  return Object.fromEntries(own.map(({ name }) => [name, BPF_PROG_TYPE.XDP]));
}

/** The spec with one of its maps changed. */
export function withMap(spec: CollectionSpec, name: string, change: Partial<ObjectMap>): CollectionSpec {
  const maps = new Map(spec.maps);
  maps.set(name, { ...maps.get(name)!, ...change });
  return { ...spec, maps };
}

/** A host that remembers which maps are open. */
export async function countingHost(options: Partial<HostOptions> = {}): Promise<Host & { readonly open: Set<string> }> {
  const host = await createHost({ cpus: 4, executor: 'virtual', ...options });
  const open = new Set<string>();
  return {
    ...host,
    open,
    createMap(spec) {
      const map: BpfMap = host.createMap(spec);
      const key = `${map.name}#${map.id}`;
      open.add(key);
      const close = map.close.bind(map);
      map.close = () => {
        open.delete(key);
        close();
      };
      return map;
    },
  };
}
