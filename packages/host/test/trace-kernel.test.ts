/** The engine against lines that a running 6.18.44 printed (kernel-6.18/cpumap-trace.txt). */
import { readFileSync } from 'node:fs';
import { XDP_DROP } from '@cpumap/uapi';
import { describeWithData } from '@cpumap/vitest-config/test-data';
import { expect, it } from 'vitest';
import { burst } from './support/frames.ts';
import { cpuMap, device, endClean, load, loadRemote, redirectBy, send, virtualHost } from './support/machine.ts';
import { linesOf } from './support/trace.ts';

/** The events of the recorded run's cpumap, ids and device number replaced by those of the engine's run. */
function recorded(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.includes('map_id=1719'))
    .map((line) => line.slice(line.indexOf('xdp_')))
    .map((line) =>
      line
        .replace('map_id=1719', 'map_id=1')
        .replace(/prog_id=\d+/, 'prog_id=3')
        .replace('ifindex=2 ', 'ifindex=2 '),
    );
}

describeWithData('a trace of Linux 6.18.44', 'kernel-6.18/cpumap-trace.txt', (path) => {
  it('64 frames at once into a ring of 64 that passed five before: the same 72 lines, 5 drops in the last', async () => {
    const all = recorded(path);
    const start = all.indexOf(all.find((line) => line.includes('cpu=0'))!) - 8;
    const burstOf64 = all.slice(start, start + 72);
    expect(burstOf64.at(-1)).toContain('processed=8 drops=5');

    const host = await virtualHost();
    const nic = device(host);
    const map = cpuMap(host);
    const remote = await loadRemote(host, () => () => XDP_DROP);
    map.set(1, { qsize: 64, program: remote.id });
    const program = await load(
      host,
      redirectBy(() => 1),
      { map },
    );
    host.attachXdp('nic0', program);
    expect([map.map.id, program.id, nic.ifindex]).toEqual([1, 3, 2]);
    await send(host, nic, burst(5));

    const lines = await linesOf(host, () => send(host, nic, burst(64)));

    expect(lines.slice(0, 72)).toEqual(burstOf64);
    // the recording goes on with the next poll; alone, the 59 frames are taken by eights
    const kthread = all.filter((line) => line.startsWith('xdp_cpumap_kthread'));
    const [, woken, running] = kthread;
    const last = running!.replace(/processed=8/, 'processed=3').replace('xdp_drop=8', 'xdp_drop=3');
    expect(lines.slice(72)).toEqual([woken, ...new Array(6).fill(running), last]);
    await endClean(host);
  });
});
