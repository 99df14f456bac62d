/** footprint: the largest machine, 256 CPUs with a ring of 16384 frames each, in the virtual executor. */
import { cpuMapOf, createHost } from '@cpumap/host';
import { BPF_MAP_TYPE, CPUMAP_QSIZE_MAX, NR_CPUS } from '@cpumap/uapi';
import type { Suite } from './suite.ts';

const GIGABYTE = 1024 ** 3;

export const footprint: Suite = {
  name: 'footprint',
  what: '256 virtual CPUs, a ring of 16384 frames on each, one device',
  async run() {
    const before = process.memoryUsage().rss;
    const host = await createHost({ cpus: NR_CPUS, executor: 'virtual', memoryBytes: GIGABYTE });
    try {
      const map = host.createMap({ type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize: 8, maxEntries: NR_CPUS });
      for (let cpu = 0; cpu < NR_CPUS; cpu++) cpuMapOf(map).set(cpu, { qsize: CPUMAP_QSIZE_MAX });
      host.createDevice();
      const bytes = process.memoryUsage().rss - before;
      return { figures: [{ name: 'resident', unit: 'MB', min: bytes / 1e6, median: bytes / 1e6, max: bytes / 1e6 }] };
    } finally {
      await host.close();
    }
  },
};
