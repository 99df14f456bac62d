/**
 * The same bytecode on the running kernel: its verifier takes it, and flows through a veth pair in a namespace of our own
 * keep their order while the active set changes; parked CPUs are left.
 */
import { execFileSync } from 'node:child_process';
import {
  createLinuxBackend,
  createNetworkNamespace,
  interfaceFacts,
  type LinuxBackend,
  onCpu,
  openPacketSocket,
  possibleCpus,
} from '@cpumap/linux';
import { describe, expect, it } from 'vitest';
import { createAutoscaler, createSteering, type Steering } from '../src/index.ts';
import { cpusWithFlows, flowSource, naiveProgram, randomFrom, someOf } from './support/flows.ts';

function problem(): string | undefined {
  try {
    createNetworkNamespace().close();
    execFileSync('ip', ['-V'], { stdio: 'pipe' });
    return possibleCpus() < 2 ? 'it takes two CPUs' : undefined;
  } catch (error) {
    return `${error}`;
  }
}
const reason = problem();
if (reason !== undefined) process.stderr.write(`SKIPPED, no kernel to ask: ${reason}\n`);

const FLOWS = 40;
const FRAMES = 16_000; // all of them fit into one ring: nothing is lost
const PAYLOAD = 42;
const CPUS = [0, 1];

async function until(what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within 5 s: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

interface Machine {
  readonly backend: LinuxBackend;
  readonly steering: Steering;
  /** Sends them all from CPU 0, which is where they are received; `before` is called before each. */
  send(frames: readonly Uint8Array[], before?: (n: number) => void): void;
  /** Frames received until now, and those of them that did not come after the one before them in their flow. */
  received(): { frames: number; disordered: number };
}

async function withMachine(naive: boolean, act: (machine: Machine) => Promise<void>): Promise<void> {
  const namespace = createNetworkNamespace();
  const backend = createLinuxBackend();
  const steering = await createSteering({ backend, cpus: CPUS, qsize: 16_384 });
  const program = naive ? await naiveProgram(backend, steering) : steering.program;
  const [near, far] = namespace.run(() => {
    execFileSync('ip', 'link add scale0 type veth peer name scale1'.split(' '));
    for (const name of ['scale0', 'scale1']) {
      execFileSync('ip', ['link', 'set', name, 'addrgenmode', 'none']); // nothing but the test's own frames
      execFileSync('ip', ['link', 'set', name, 'up']);
    }
    backend.attachXdp('scale0', program, 'native');
    const socketOn = (name: string) => openPacketSocket(interfaceFacts(name)!.ifindex);
    return [socketOn('scale0'), socketOn('scale1')] as const;
  });
  const next = new Array<number>(FLOWS).fill(0);
  const seen = { frames: 0, disordered: 0 };
  try {
    await act({
      backend,
      steering,
      send: (frames, before) =>
        onCpu(0, () => {
          for (const [n, frame] of frames.entries()) {
            before?.(n);
            far.send(frame);
          }
        }),
      received() {
        for (const { frame } of near.read()) {
          const view = new DataView(frame.buffer, frame.byteOffset);
          const flow = view.getUint32(PAYLOAD);
          const number = view.getUint32(PAYLOAD + 4);
          if (number !== next[flow]) seen.disordered++;
          next[flow] = (number + 1) % view.getUint32(PAYLOAD + 8);
          seen.frames++;
        }
        return seen;
      },
    });
  } finally {
    near.close();
    far.close();
    await backend.close();
    steering.close();
    namespace.close();
  }
}

async function shuffled({ steering, send, received }: Machine): Promise<void> {
  const random = randomFrom(1);
  send(flowSource(FLOWS, FRAMES, FRAMES, 1).frames, (n) => {
    if (n % 50 === 0) steering.setActive(someOf(CPUS, random));
  });
  await until('all frames are received', () => received().frames === FRAMES);
}

describe.skipIf(reason !== undefined)(reason === undefined ? 'Linux' : `Linux (skipped: ${reason})`, () => {
  it('flows keep their order while the active set changes', () =>
    withMachine(false, async (machine) => {
      await shuffled(machine);
      expect(machine.received()).toEqual({ frames: FRAMES, disordered: 0 });
    }));

  it('the naive table puts frames out of order', () =>
    withMachine(true, async (machine) => {
      await shuffled(machine);
      expect(machine.received().disordered).toBeGreaterThan(0);
    }));

  it('a CPU that a low load does not need is parked, and flows leave it', () =>
    withMachine(false, async ({ backend, steering, send, received }) => {
      const scaler = createAutoscaler({ backend, steering, capacity: 1e9, coolDown: 0 });
      const { frames } = flowSource(FLOWS, 1000, 1000, 1);
      scaler.tick();
      send(frames);
      await until('the frames are received', () => received().frames === 1000);
      expect(cpusWithFlows(steering)).toEqual(CPUS);
      const { active, changed, samples } = scaler.tick();
      expect([active, changed]).toEqual([[0], true]);
      expect(samples.map(({ cpu, drops, depth }) => [cpu, drops, depth])).toEqual(CPUS.map((cpu) => [cpu, 0, 0]));
      expect(samples.every(({ processedPerSecond }) => processedPerSecond > 0)).toBe(true);
      scaler.tick(); // nothing was taken since: flows may leave
      send(frames);
      await until('the frames are received', () => received().frames === 2000);
      expect(cpusWithFlows(steering)).toEqual([0]);
      expect(received().disordered).toBe(0);
      scaler.close();
    }));
});
