/** What tests that move frames are made of: a network namespace, sockets on its interfaces, one CPU, records by id. */
import { readFileSync, readlinkSync } from 'node:fs';
import { assembleProgram } from '@cpumap/bpf';
import { BPF_FUNC, BPF_MAP_TYPE } from '@cpumap/uapi';
import { expect, it } from 'vitest';
import {
  createLinuxMap,
  createLinuxTrace,
  createNetworkNamespace,
  interfaceNames,
  loadLinuxProgram,
  onCpu,
  openPacketSocket,
} from '../src/index.ts';
import { libc } from '../src/libc.ts';
import { describeInNamespace } from './support/kernel.ts';
import { run, until } from './support/namespace.ts';

const LOOPBACK = 1;
const namespaceNow = (): string => readlinkSync('/proc/thread-self/ns/net');
const stat = (): string[] => readFileSync('/proc/thread-self/stat', 'latin1').split(') ')[1]!.split(' ');
/** Fields of /proc/PID/stat behind the name, from state on. */
const PROCESSOR = 36;
const POLICY = 38;
const frame = (length: number, type = 0x88b5): Uint8Array => {
  const bytes = Uint8Array.from({ length }, (_, i) => i);
  new DataView(bytes.buffer).setUint16(12, type);
  return bytes;
};

describeInNamespace('a network namespace of its own', () => {
  it('is entered for as long as a function runs, also within itself and when it throws', () => {
    const outside = namespaceNow();
    const namespace = createNetworkNamespace();
    expect(namespaceNow()).toBe(outside);
    namespace.run(() => {
      const inside = namespaceNow();
      expect(inside).not.toBe(outside);
      expect(namespace.run(namespaceNow)).toBe(inside);
      expect(namespaceNow()).toBe(inside);
      expect(interfaceNames()).toEqual(['lo']);
    });
    expect(() =>
      namespace.run(() => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(namespaceNow()).toBe(outside);
    namespace.close();
    namespace.close();
  });

  it('a socket sees what an interface receives, in order, and not what it sends', () => {
    const namespace = createNetworkNamespace();
    namespace.run(() => {
      run('ip link add near type veth peer name far');
      for (const name of ['near', 'far']) {
        run(`ip link set ${name} addrgenmode none`);
        run(`ip link set ${name} up`);
      }
      const [a, b] = ['near', 'far'].map((name) => openPacketSocket(libc().ifindexOf(name)));
      const frames = [14, 15, 60, 1514].map((length) => frame(length));
      for (const one of frames) a!.send(one);
      expect(b!.read().map((received) => received.frame)).toEqual(frames);
      expect(b!.read()).toEqual([]);
      expect(a!.read()).toEqual([]);
      a!.send(new Uint8Array(60).fill(0xff));
      expect(b!.read()).toMatchObject([{ protocol: 0xffff, packetType: 1 }]);
      expect(() => a!.send(frame(2000))).toThrow(expect.objectContaining({ code: 'EMSGSIZE' }));
      for (const socket of [a!, b!]) socket.close();
      expect(() => openPacketSocket(9999)).toThrow(expect.objectContaining({ code: 'ENODEV' }));
    });
    namespace.close();
  });

  it('the thread runs on one CPU, alone if it is asked for, and as before afterwards', () => {
    const before = new Uint8Array(1024);
    libc().getAffinity(before);
    for (const cpu of [0, 1]) {
      const [plain, alone] = [false, true].map((isAlone) => onCpu(cpu, stat, { alone: isAlone }));
      expect([plain![PROCESSOR], plain![POLICY]]).toEqual([`${cpu}`, '0']);
      expect([alone![PROCESSOR], alone![POLICY]]).toEqual([`${cpu}`, '1']);
      expect(stat()[POLICY]).toBe('0');
    }
    expect(() => onCpu(4000, stat)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    const after = new Uint8Array(1024);
    libc().getAffinity(after);
    expect(after).toEqual(before);
  });

  it('a test run is on the CPU that it asks for, and its events are heard by id', async () => {
    const trace = createLinuxTrace();
    const { CPUMAP } = BPF_MAP_TYPE;
    const map = createLinuxMap({ name: 'cpu_map', type: CPUMAP, keySize: 4, valueSize: 8, maxEntries: 1 });
    map.update(0, new Uint8Array(Uint32Array.of(64, 0).buffer));
    const text = `r1 = map(cpu_map) ll\n r2 = 0\n r3 = 0\n call ${BPF_FUNC.redirect_map}\n exit`;
    const spec = { name: 'to_cpu_0', code: { bytecode: assembleProgram(text) } };
    const program = loadLinuxProgram(spec, { maps: { cpu_map: map } });
    const subscription = trace.subscribe(['xdp_redirect', 'xdp_cpumap_enqueue', 'xdp_cpumap_kthread']);
    const seen: string[] = [];
    const read = (): void => {
      for (const { event, cpu, fields } of subscription.read().records)
        seen.push(`${event} ${cpu} ${fields.processed}`);
    };
    const burst = (cpu: number) => program.testRun({ data: frame(60), repeat: 3, liveFrames: true, cpu });
    await burst(1); // nobody asked for its events
    trace.addMap(map.id);
    trace.addProgram(program.id);
    await burst(1);
    await until('the kthread has taken them', () => {
      read();
      return seen.some((line) => line === 'xdp_cpumap_kthread 0 3');
    });
    expect(seen.slice(0, 4)).toEqual([...new Array(3).fill('xdp_redirect 1 undefined'), 'xdp_cpumap_enqueue 1 3']);
    trace.removeProgram(program.id);
    seen.length = 0;
    await burst(0);
    read();
    expect(seen[0]).toBe('xdp_cpumap_enqueue 0 3');
    trace.close();
    program.close();
    map.close();
  });

  it('frames that come in on `lo` of a namespace are heard there', async () => {
    const namespace = createNetworkNamespace();
    const code = { bytecode: assembleProgram('r0 = 2\n exit') };
    const program = loadLinuxProgram({ name: 'pass', code }, { maps: {} });
    const received = await namespace.run(() => {
      run('ip link set lo up');
      const socket = openPacketSocket(LOOPBACK);
      return program.testRun({ data: frame(60), repeat: 5, liveFrames: true }).then(() => {
        const frames = socket.read();
        socket.close();
        return frames;
      });
    });
    expect(received).toHaveLength(5);
    expect(received[0]!.frame).toEqual(frame(60));
    program.close();
    namespace.close();
  });
});
