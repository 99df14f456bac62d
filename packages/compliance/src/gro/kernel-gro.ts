/**
 * GRO of the running kernel: live frames of a test run, as if a veth with GRO had received them, go through a cpumap, and
 * a packet socket on that device shows what its kthread handed to the stack. All frames of a run are in the ring before
 * the kthread wakes, so what it merges is the same every time. Needs root.
 */
import { execFileSync } from 'node:child_process';
import { createLinuxMap, createNetworkNamespace, loadLinuxProgram } from '@cpumap/linux';
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import { programSpec } from '../program-spec.ts';
import type { GroSubject } from './engine-gro.ts';
import { openGsoSocket } from './gso-socket.ts';
import { DUMMY_BYTES, FRAME_VALUE, fanOut, type GroPacket, MOST_FRAMES, segmentsOf, storeFrames } from './sequence.ts';

const DEVICE = 'gro0';

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Whether it can take tagged packets apart: CONFIG_VLAN_8021Q, without which GRO leaves them alone. */
function knowsVlans(): boolean {
  try {
    run('ip', 'link', 'add', 'link', DEVICE, 'name', 'gro0.5', 'type', 'vlan', 'id', '5');
    run('ip', 'link', 'del', 'gro0.5');
    return true;
  } catch {
    return false;
  }
}

export interface KernelGro extends GroSubject {
  readonly vlans: boolean;
}

export function kernelGro(): KernelGro {
  const namespace = createNetworkNamespace();
  const open: { close(): void }[] = [namespace];
  const close = async (): Promise<void> => {
    for (const item of open.splice(0).reverse()) item.close();
  };
  try {
    return namespace.run(make);
  } catch (error) {
    void close();
    throw error;
  }

  function make(): KernelGro {
    run('sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1');
    run('ip', 'link', 'add', DEVICE, 'type', 'veth', 'peer', 'name', 'gro1');
    run('ethtool', '-K', DEVICE, 'gro', 'on');
    run('ip', 'link', 'set', DEVICE, 'up');
    run('ip', 'link', 'set', 'gro1', 'up');
    const listed = execFileSync('ip', ['-o', 'link', 'show', DEVICE], { encoding: 'utf8' });
    const ifindex = Number.parseInt(listed, 10);
    const map = (type: number, valueSize: number, maxEntries: number) => {
      const made = createLinuxMap({ type, keySize: 4, valueSize, maxEntries });
      open.push(made);
      return { ...made, handle: made.fd };
    };
    const counter = map(BPF_MAP_TYPE.ARRAY, 4, 1);
    const store = map(BPF_MAP_TYPE.ARRAY, FRAME_VALUE, MOST_FRAMES);
    const cpus = map(BPF_MAP_TYPE.CPUMAP, 4, 2);
    cpus.update(1, new Uint8Array(Uint32Array.of(192).buffer));
    const program = loadLinuxProgram(programSpec({ text: fanOut, maps: { counter, frames: store, cpus } }), {
      maps: { counter, frames: store, cpus },
    });
    open.push(program);
    const socket = openGsoSocket(ifindex);
    open.push(socket);
    let forwarding: boolean | undefined;
    return {
      vlans: knowsVlans(),
      async run(frames, udpForwarding = false) {
        if (forwarding !== udpForwarding) {
          namespace.run(() => run('ethtool', '-K', DEVICE, 'rx-udp-gro-forwarding', udpForwarding ? 'on' : 'off'));
          forwarding = udpForwarding;
        }
        storeFrames(counter, store, frames);
        const ctx = { ingress_ifindex: ifindex, data_end: DUMMY_BYTES };
        const data = new Uint8Array(DUMMY_BYTES);
        await namespace.run(() => program.testRun({ data, ctx, repeat: frames.length, liveFrames: true }));
        const got: GroPacket[] = [];
        for (let segments = 0; segments < frames.length; ) {
          const packet = socket.receive();
          if (packet === undefined) throw new Error(`${segments} of ${frames.length} frames arrived`);
          got.push(packet);
          segments += segmentsOf(packet);
        }
        return got;
      },
      close,
    };
  }
}
