/** Programs of the running kernel: loading, the verifier's log, test runs. */
import { readFileSync } from 'node:fs';
import { assembleProgram } from '@cpumap/bpf';
import { SAMPLE_PROGRAMS, sampleMaps, sampleProgram } from '@cpumap/programs';
import { BPF_ATTACH_TYPE, KernelError, XDP_DROP, XDP_PASS, XDP_REDIRECT } from '@cpumap/uapi';
import { expect, it } from 'vitest';
import { createLinuxMap } from '../src/linux-map.ts';
import { LinuxVerifierError, loadLinuxProgram } from '../src/linux-program.ts';
import { systemFacts } from '../src/system-facts.ts';
import { describeOnLinux } from './support/kernel.ts';

const code = (text: string) => ({ bytecode: assembleProgram(text) });
const load = (text: string) => loadLinuxProgram({ name: 'test', code: code(text) }, { maps: {} });
const online = () => systemFacts().online;
const FRAME = new Uint8Array(60);

describeOnLinux('a program of the kernel', () => {
  it.each(SAMPLE_PROGRAMS.map(({ name }) => name))('%s is accepted and runs', async (name) => {
    const maps = Object.fromEntries(sampleMaps(2, 8).map((spec) => [spec.name, createLinuxMap(spec)]));
    const program = loadLinuxProgram(sampleProgram(name, { maps, nrCpus: 2 }), { maps });
    const { retval, data } = await program.testRun({ data: FRAME });
    expect([0, XDP_DROP, XDP_PASS, XDP_REDIRECT]).toContain(retval);
    expect(data).toEqual(FRAME);
    expect(program.id).toBeGreaterThan(0);
    program.close();
    for (const map of Object.values(maps)) map.close();
  });

  it('gives data, context and time back', async () => {
    const program = load(`
      r6 = r1
      r2 = -4
      call 44                  // bpf_xdp_adjust_head
      if r0 != 0 goto failed
      r1 = *(u32 *)(r6 + 0)
      r2 = *(u32 *)(r6 + 4)
      r3 = r1
      r3 += 4
      if r3 > r2 goto failed
      *(u32 *)(r1 + 0) = 16909060
      r0 = *(u32 *)(r6 + 16)
      exit
    failed:
      r0 = 0
      exit`);
    const ctx = { ingress_ifindex: 1, rx_queue_index: 0 };
    const { retval, data, ctx: out, durationNs } = await program.testRun({ data: FRAME, ctx });
    expect(retval).toBe(0);
    expect([...data.slice(0, 4)]).toEqual([4, 3, 2, 1]);
    expect(data).toHaveLength(64);
    expect(out).toMatchObject({ data_end: 64, ingress_ifindex: 1 });
    expect(durationNs).toBeGreaterThanOrEqual(0);
    program.close();
  });

  it('runs on the CPU that is named, and the thread goes back to where it may be', async () => {
    const program = load('call 8\nexit'); // bpf_get_smp_processor_id
    const before = readFileSync('/proc/thread-self/status', 'utf8').match(/^Cpus_allowed:.*$/m)?.[0];
    for (const cpu of online()) expect((await program.testRun({ data: FRAME, cpu })).retval).toBe(cpu);
    expect(readFileSync('/proc/thread-self/status', 'utf8').match(/^Cpus_allowed:.*$/m)?.[0]).toEqual(before);
    for (const cpu of [4095, -1]) {
      await expect(program.testRun({ data: FRAME, cpu })).rejects.toThrow(
        `sched_setaffinity: invalid argument (EINVAL): CPU ${cpu} is not one that this process may run on`,
      );
    }
    program.close();
  });

  it('that is refused comes with the log', () => {
    const refused = (): unknown => load('r0 = *(u64 *)(r1 + 400)\nexit');
    expect(refused).toThrow(LinuxVerifierError);
    expect(refused).toThrow(/EACCES.*program "test": invalid bpf_context access off=400 size=8/);
    try {
      refused();
    } catch (error) {
      expect((error as LinuxVerifierError).log).toContain('processed 1 insns');
    }
  });

  it('TypeScript is for the engine', () => {
    const spec = { name: 'ts', code: { factory: () => () => XDP_PASS } };
    expect(() => loadLinuxProgram(spec, { maps: {} })).toThrow('the kernel runs bytecode alone');
  });

  it('for an entry cannot be tried on a frame', async () => {
    const spec = { name: 'entry', code: code('r0 = 2\nexit'), expectedAttachType: BPF_ATTACH_TYPE.XDP_CPUMAP };
    const program = loadLinuxProgram(spec, { maps: {} });
    await expect(program.testRun({ data: FRAME })).rejects.toThrow(expect.objectContaining({ code: 'EINVAL' }));
    program.close();
  });

  it('names a map that is not given', () => {
    const text = 'r1 = map(counts) ll\nr0 = 2\nexit';
    expect(() => loadLinuxProgram({ name: 'test', code: code(text) }, { maps: {} })).toThrow(KernelError);
  });
});
