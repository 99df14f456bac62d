/**
 * The kernel's side of a comparison, in a process of its own inside a network namespace of its own (`unshare --net`): the
 * same bytecode and the same counters of tracepoints, fed by BPF_PROG_TEST_RUN with live frames on the RX CPU.
 *
 * Its parent sends one request at a time; each has one answer.
 */
import { createLinuxBackend, type LinuxProgram } from '@cpumap/linux';
import { parsePktgenSpec, pktgenTemplates } from '@cpumap/nic';
import { countsOf, createPath, type PathSpec, type Round, RX_CPU, roundOf } from '../redirect-path.ts';
import { wakeupsOf } from '../wakeup-records.ts';

export type KernelRequest =
  | { readonly op: 'build'; readonly path: PathSpec }
  | { readonly op: 'round'; readonly frames: number }
  | { readonly op: 'wakeups'; readonly count: number };
export type KernelAnswer = { readonly result: Round | readonly number[] | null } | { readonly error: string };

/** Long enough for the kthread to fall asleep. */
const REST_MS = 2;
const DRAIN_MS = 5000;

const rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function kernelChild(): void {
  const linux = createLinuxBackend();
  const [template] = pktgenTemplates(parsePktgenSpec(''));
  const data = template!.data;
  let path: PathSpec | undefined;
  let program: LinuxProgram | undefined;

  async function build(wanted: PathSpec): Promise<null> {
    path = wanted;
    program = (await createPath(linux, wanted)) as LinuxProgram;
    linux.statistics(); // begins counting
    return null;
  }

  async function round(frames: number): Promise<Round> {
    const before = countsOf(linux.statistics());
    const start = performance.now();
    await program!.testRun({ data, repeat: frames, liveFrames: true, cpu: RX_CPU });
    let after = countsOf(linux.statistics());
    // the kthread has at most a ring to go, so the time is the frames', not this loop's
    while (after.processed - before.processed < after.enqueued - after.dropped - before.enqueued + before.dropped) {
      if (performance.now() - start > DRAIN_MS + frames / 1e3) throw new Error('the ring was not drained');
      after = countsOf(linux.statistics());
    }
    return roundOf(path!, frames, (performance.now() - start) / 1e3, before, after);
  }

  async function wakeups(count: number): Promise<number[]> {
    const subscription = linux.trace.subscribe(['xdp_cpumap_enqueue', 'xdp_cpumap_kthread']);
    for (let i = 0; i < count; i++) {
      await rest(REST_MS);
      await program!.testRun({ data, liveFrames: true, cpu: RX_CPU });
    }
    await rest(REST_MS);
    const { records } = subscription.read();
    subscription.close();
    return wakeupsOf(records, count);
  }

  async function answer(request: KernelRequest): Promise<KernelAnswer> {
    try {
      if (request.op === 'build') return { result: await build(request.path) };
      if (request.op === 'round') return { result: await round(request.frames) };
      return { result: await wakeups(request.count) };
    } catch (error) {
      return { error: (error as Error).message };
    }
  }

  process.on('message', (request: KernelRequest) => {
    void answer(request).then((reply) => process.send!(reply));
  });
  process.once('disconnect', () => void linux.close().then(() => process.exit()));
  process.send!({ result: null } satisfies KernelAnswer); // it may be asked
}
