/** A scrape of the running kernel: what the redirects of a test run count is there. */
import { assembleProgram } from '@cpumap/bpf';
import { createLinuxBackend } from '@cpumap/linux';
import { createPrometheusMetrics } from '@cpumap/metrics';
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import { expect, it } from 'vitest';

function problem(): string | undefined {
  try {
    const backend = createLinuxBackend();
    backend.statistics();
    void backend.close();
    return undefined;
  } catch (error) {
    return `${error}`;
  }
}
const reason = problem();
if (reason !== undefined) process.stderr.write(`SKIPPED, no kernel to ask: ${reason}\n`);

const TO_CPU_0 = `
    r1 = map(cpu_map) ll
    r2 = 0
    r3 = 0
    call 51
    exit`;

it.skipIf(reason !== undefined)('a scrape of the running kernel', async () => {
  const backend = createLinuxBackend();
  try {
    const map = backend.createMap({ type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize: 4, maxEntries: 1 });
    map.update(0, new Uint8Array(Uint32Array.of(64).buffer));
    const code = { bytecode: assembleProgram(TO_CPU_0) };
    const program = await backend.loadProgram({ name: 'to_cpu_0', code, maps: { cpu_map: map } });
    const metrics = createPrometheusMetrics({
      read: () => ({ statistics: backend.statistics() }),
      info: () => ({ backend: backend.kind, release: backend.release }),
    });
    await metrics.scrape(); // counting begins
    await program.testRun!({ data: new Uint8Array(64), repeat: 16, liveFrames: true });
    const text = await metrics.scrape();
    expect(text).toContain(`cpumap_info{backend="linux",release="${backend.release}"} 1`);
    expect(text).toMatch(/cpumap_enqueue_frames_total\{from_cpu="\d+",to_cpu="0"\} 16\n/);
    expect(text).toMatch(/cpumap_queue_depth_frames\{cpu="0"\} \d+/);
  } finally {
    await backend.close();
  }
});
