/** Builds what the settings describe: a host, its device, the sample's maps, the program, and where frames end. */
import { pathToFileURL } from 'node:url';
import type { BpfMap, ModuleCode } from '@cpumap/bpf';
import {
  ACCEPT_ALL,
  beginCaptureFile,
  CAPTURE_FILE,
  type CaptureFileOptions,
  type CpuMap,
  cpuMapOf,
  createHost,
  type Host,
} from '@cpumap/host';
import type { NicDevice } from '@cpumap/nic';
import { remoteProgram, sampleMaps, sampleProgram } from '@cpumap/programs';
import { KernelError } from '@cpumap/uapi';
import { CommandError, EXIT } from './exit-codes.ts';
import type { Input } from './input.ts';
import type { Settings, UserCode } from './options.ts';

export interface SampleMachine {
  readonly host: Host;
  readonly device: NicDevice;
  readonly cpuMap: CpuMap;
  readonly maps: Readonly<Record<string, BpfMap>>;
  readonly programName: string;
  /** Id of the program in the entries, 0 without. */
  readonly remoteProgram: number;
  /** What was said while it was built, line by line. */
  readonly notes: readonly string[];
}

const APPLICATION = 'xdp-redirect-cpu';

function moduleOf({ file, export: name }: UserCode): ModuleCode {
  return { module: pathToFileURL(file).href, export: name };
}

function u32Bytes(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

/** Memory for the frames of all queues, the rings and the records, with room for replaced entries that still drain. */
function memoryFor(settings: Settings, input: Input): number {
  const frames = input.source.frames.reduce((bytes, frame) => bytes + frame.length + 64, 0);
  const perQueue = 64 * 1024 * 1024;
  return 192 * 1024 * 1024 + frames * 2 + settings.rxQueues * perQueue + settings.cpus * 512 * 1024;
}

async function addHandlers(host: Host, settings: Settings): Promise<void> {
  const { output, handler } = settings;
  if (handler !== undefined) {
    try {
      await host.addHandler(moduleOf(handler));
    } catch (error) {
      throw new CommandError(EXIT.FAIL, `--handler ${handler.file}: ${(error as Error).message}`, error);
    }
  }
  if (output !== undefined) {
    const options: CaptureFileOptions = {
      path: output,
      application: APPLICATION,
      interfaces: Array.from({ length: settings.cpus }, (_, cpu) => `cpu${cpu}`),
      // a virtual run repeats itself to the byte, so its clock does not know today's date
      epochNs: settings.executor === 'virtual' ? 0n : BigInt(Date.now()) * 1_000_000n - BigInt(Math.round(host.now())),
    };
    try {
      beginCaptureFile(options);
    } catch (error) {
      throw new CommandError(
        EXIT.FAIL,
        `--output ${output}: it cannot be written (${(error as Error).message})`,
        error,
      );
    }
    await host.addHandler(CAPTURE_FILE, { options });
  } else if (handler === undefined) {
    await host.addHandler(ACCEPT_ALL);
  }
}

async function loadProgram(host: Host, settings: Settings, maps: Record<string, BpfMap>) {
  const { program, cpus } = settings;
  const spec =
    typeof program === 'string'
      ? sampleProgram(program, { maps, nrCpus: cpus })
      : { name: program.export, code: moduleOf(program), maps, constants: { nr_cpus: cpus } };
  try {
    return await host.loadProgram(spec);
  } catch (error) {
    if (error instanceof KernelError || typeof program === 'string') throw error;
    throw new CommandError(EXIT.BPF, `--module ${program.file}: ${(error as Error).message}`, error);
  }
}

/** @throws CommandError, or KernelError for what the machine refuses; nothing is left running then */
export async function buildMachine(
  settings: Settings,
  input: Input,
  onReport: (text: string) => void,
): Promise<SampleMachine> {
  const { cpus, release, executor, seed, remoteCpus, qsize, rxQueues, rxRing, rxCpus } = settings;
  const host = await createHost({ cpus, release, executor, seed, onReport, memoryBytes: memoryFor(settings, input) });
  try {
    const device = host.createDevice({
      name: settings.dev,
      channels: rxQueues,
      rxRing,
      ...(rxCpus === undefined ? {} : { irqCpus: rxCpus }),
      ...(input.address === undefined ? {} : { address: input.address }),
    });
    const cpumapValueSize = release === '4.15' ? 4 : 8;
    const maps: Record<string, BpfMap> = {};
    for (const spec of sampleMaps(cpus, cpumapValueSize)) maps[spec.name] = host.createMap(spec);
    const cpuMap = cpuMapOf(maps.cpu_map!);
    const program = await loadProgram(host, settings, maps);
    const remote =
      settings.remoteAction === 'disabled' ? 0 : (await host.loadProgram(remoteProgram(settings.remoteAction))).id;

    const available = maps.cpus_available!;
    for (let index = 0; index < available.info().maxEntries; index++) available.update(index, u32Bytes(cpus)); // none
    const notes: string[] = [];
    remoteCpus.forEach((cpu, index) => {
      cpuMap.set(cpu, remote === 0 ? { qsize } : { qsize, program: remote });
      available.update(index, u32Bytes(cpu));
      maps.cpus_count!.update(0, u32Bytes(index + 1));
      notes.push(`Add-new CPU:${cpu} as idx:${index} queue_size:${qsize} (total cpus_count:${index + 1})`);
    });
    await addHandlers(host, settings);
    try {
      host.attachXdp(settings.dev, program, settings.generic ? 'generic' : 'native');
    } catch (error) {
      throw new CommandError(EXIT.XDP, (error as Error).message, error);
    }
    return { host, device, cpuMap, maps, programName: program.name, remoteProgram: remote, notes };
  } catch (error) {
    await host.close().catch(() => undefined);
    throw error;
  }
}

/** One line per RX queue: where its frames are received and where they may go. */
export function describeMachine(machine: SampleMachine, settings: Settings, input: Input): string[] {
  const { host, device, programName } = machine;
  const remote = settings.remoteCpus.map((cpu) => `CPU ${cpu}`).join(', ');
  const where = settings.generic ? 'generic' : 'native';
  const queues = Array.from(
    { length: device.channels() },
    (_, queue) => `${device.name} queue ${queue} (ring ${device.ringParam().rx}) -> CPU ${device.irqAffinity(queue)}`,
  );
  const release = `Linux ${host.release}`;
  return [
    `${host.possibleCpus} CPUs, ${host.executor === 'virtual' ? `virtual, seed ${host.seed}` : 'threads'}, ${release} behaviour`,
    `${input.description}`,
    ...queues.map((queue) => `${queue} -> ${programName} (${where}) -> ${remote} (queue ${settings.qsize})`),
    ...(machine.remoteProgram === 0 ? [] : [`second program on the remote CPUs: ${settings.remoteAction}`]),
  ];
}
