/** Which maps and programs are this backend's: two hashes that our tracing programs look into. */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import { createLinuxMap, type LinuxMap } from './linux-map.ts';

const MOST = 4096;
const PRESENT = new Uint8Array([1, 0, 0, 0]);

export interface OwnIds {
  /** By the names that the programs use. */
  readonly maps: { readonly own_maps: LinuxMap; readonly own_programs: LinuxMap };
  addMap(id: number): void;
  removeMap(id: number): void;
  addProgram(id: number): void;
  removeProgram(id: number): void;
  close(): void;
}

/** @throws KernelError EPERM */
export function createOwnIds(): OwnIds {
  const hash = (name: string): LinuxMap =>
    createLinuxMap({ name, type: BPF_MAP_TYPE.HASH, keySize: 4, valueSize: 4, maxEntries: MOST });
  const maps = { own_maps: hash('own_maps'), own_programs: hash('own_programs') };
  return {
    maps,
    addMap: (id) => maps.own_maps.update(id, PRESENT),
    removeMap: (id) => maps.own_maps.delete(id),
    addProgram: (id) => maps.own_programs.update(id, PRESENT),
    removeProgram: (id) => maps.own_programs.delete(id),
    close() {
      for (const map of Object.values(maps)) map.close();
    },
  };
}
