/** Builds what the settings describe: a host, its device, the sample's maps, the program, and where frames end. */
import { pathToFileURL } from 'node:url';
import type { BpfMap, BpfProgram, CollectionSpec, ModuleCode } from '@cpumap/bpf';
import {
  ACCEPT_ALL,
  beginCaptureFile,
  CAPTURE_FILE,
  type CaptureFileOptions,
  type CpuMap,
  cpuMapOf,
  createHost,
  type Host,
  type HostOptions,
  type TracepointLink,
} from '@cpumap/host';
import type { NicDevice } from '@cpumap/nic';
import { sampleMaps } from '@cpumap/programs';
import { featuresOf, KernelError, XDP_PAGE_FRAME } from '@cpumap/uapi';
import { type BuiltInName, builtInProgram } from './built-in-programs.ts';
import { captureRingBytes } from './capture/captures.ts';
import { CommandError, EXIT } from './exit-codes.ts';
import type { Input } from './input.ts';
import { addCpus, mapsToDump, memoryFor, openCollection, tracingPrograms } from './object-collection.ts';
import { deviceProgram, entryProgram, openObject } from './object-file.ts';
import { loadRemoteAction } from './remote-action.ts';
import type { Settings, UserCode, UserObject } from './settings.ts';

export interface SampleMachine {
  readonly host: Host;
  readonly device: NicDevice;
  readonly cpuMap: CpuMap;
  readonly maps: Readonly<Record<string, BpfMap>>;
  readonly programName: string;
  /** Puts another of the programs that come with the command in place of the one on the device. @throws KernelError */
  useProgram(name: BuiltInName): Promise<void>;
  readonly programId: number;
  /** The program in the entries, for a person; undefined without. */
  readonly remoteProgram: string | undefined;
  /** What was said while it was built, line by line. */
  readonly notes: readonly string[];
  /** The user's object, and the maps of it to show at the end. */
  readonly object: CollectionSpec | undefined;
  readonly dumps: readonly BpfMap[];
  /** Ends everything. */
  close(): Promise<void>;
}

/** What runs on the machine: the part that differs between the sample's programs and a user's object. */
interface Equipment extends Pick<SampleMachine, 'cpuMap' | 'maps' | 'remoteProgram' | 'notes' | 'object' | 'dumps'> {
  readonly program: BpfProgram;
  /** Of tracing programs. */
  readonly links: readonly TracepointLink[];
}

export const APPLICATION = 'xdp-redirect-cpu';

/** What files add to the machine's clock; a virtual run repeats itself to the byte, so its clock does not know the date. */
export function epochNs(host: Host): bigint {
  return host.executor === 'virtual' ? 0n : BigInt(Date.now()) * 1_000_000n - BigInt(Math.round(host.now()));
}

function moduleOf({ file, export: name }: UserCode): ModuleCode {
  return { module: pathToFileURL(file).href, export: name };
}

/** Memory for the frames of all queues, the rings and the records, with room for replaced entries that still drain. */
function machineBytes(settings: Settings, input: Input, probes: number): number {
  const frames = input.source.frames.reduce((bytes, frame) => bytes + frame.length + 64, 0);
  // a queue has 18432 buffers beside its ring; each takes a frame, or a page of one, and about 1 KiB more
  const buffer = Math.min(settings.mtu, featuresOf(settings.release).frags ? XDP_PAGE_FRAME : settings.mtu) + 1024;
  const perQueue = Math.max(64 * 1024 * 1024, (18_432 + settings.rxRing) * buffer);
  // beside its ring, a CPU that can be watched has two scratch frames
  const watching = probes * settings.cpus * (captureRingBytes(settings.cpus) + 256 * 1024);
  return 192 * 1024 * 1024 + frames * 2 + settings.rxQueues * perQueue + settings.cpus * 512 * 1024 + watching;
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
      epochNs: epochNs(host),
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

async function loadProgram(
  host: Host,
  program: BuiltInName | UserCode,
  cpus: number,
  maps: Record<string, BpfMap>,
): Promise<BpfProgram> {
  const spec =
    typeof program === 'string'
      ? builtInProgram(program, { maps, nrCpus: cpus, frags: featuresOf(host.release).frags })
      : { name: program.export, code: moduleOf(program), maps, constants: { nr_cpus: cpus } };
  try {
    return await host.loadProgram(spec);
  } catch (error) {
    if (error instanceof KernelError || typeof program === 'string') throw error;
    throw new CommandError(EXIT.BPF, `--module ${program.file}: ${(error as Error).message}`, error);
  }
}

/** The sample's maps with a program that comes with the command, or with a user's function. */
async function sampleEquipment(host: Host, settings: Settings, code: BuiltInName | UserCode): Promise<Equipment> {
  const { cpus, release, remoteAction, remoteCpus, qsize } = settings;
  const maps: Record<string, BpfMap> = {};
  for (const spec of sampleMaps(cpus, release === '4.15' ? 4 : 8)) maps[spec.name] = host.createMap(spec);
  const cpuMap = cpuMapOf(maps.cpu_map!);
  const program = await loadProgram(host, code, cpus, maps);
  const remote = await loadRemoteAction(host, settings, program.frags, maps);
  const entry = { qsize, program: remote?.id ?? 0 };
  return {
    program,
    cpuMap,
    maps,
    remoteProgram: remote && remoteAction,
    notes: addCpus(cpuMap, new Map(Object.entries(maps)), remoteCpus, entry),
    object: undefined,
    dumps: [],
    links: [],
  };
}

/** A user's object: its program, the maps that it brings, and all its programs for tracepoints. */
async function objectEquipment(
  host: Host,
  settings: Settings,
  user: UserObject,
  spec: CollectionSpec,
): Promise<Equipment> {
  const { remoteAction, remoteCpus, qsize, dumpMaps } = settings;
  const main = deviceProgram(spec, user.prog, user.section);
  const entryProg = user.remoteProg === undefined ? undefined : entryProgram(spec, user.remoteProg);
  const tracing = tracingPrograms(host, spec);
  const programs = [main.name, ...(entryProg === undefined ? [] : [entryProg.name]), ...tracing.names];
  const collection = await openCollection(host, spec, {
    program: main.name,
    programs,
    remoteCpus,
    clampMaps: user.clampMaps,
  });
  const { cpuMap, maps } = collection;
  if (cpuMap === undefined) {
    throw new CommandError(EXIT.BPF, `${spec.name}: ${main.name} has no cpumap, so it cannot redirect to a CPU`);
  }
  const remoteMaps: Record<string, BpfMap> = {};
  const remote =
    (await loadRemoteAction(host, settings, main.frags, remoteMaps)) ?? collection.programs.get(entryProg?.name ?? '');
  const dumps = mapsToDump(collection, dumpMaps);
  const notes = addCpus(cpuMap, maps, remoteCpus, { qsize, program: remote?.id ?? 0 });
  const links: TracepointLink[] = [];
  for (const name of tracing.names) links.push(await host.attachTracepoint(collection.programs.get(name)!));
  const events = links.map(({ program, event }) => `${program.name} on ${event}`);
  return {
    program: collection.programs.get(main.name)!,
    cpuMap,
    maps: { ...remoteMaps, ...Object.fromEntries(maps) },
    remoteProgram: remote && (entryProg?.name ?? remoteAction),
    notes: [
      ...notes,
      ...events.map((event) => `Attached ${event}`),
      ...[...collection.notes, ...tracing.notes].map((note) => `note: ${note}`),
    ],
    object: spec,
    dumps,
    links,
  };
}

/** @throws CommandError, or KernelError for what the machine refuses; nothing is left running then */
export async function buildMachine(
  settings: Settings,
  input: Input,
  hostOptions: Pick<HostOptions, 'onReport' | 'onPrintk' | 'onStep' | 'probes'>,
): Promise<SampleMachine> {
  const { cpus, release, executor, seed, bpfEngine, program: code, rxQueues, rxRing, rxCpus } = settings;
  const user = typeof code === 'object' && 'object' in code ? code : undefined;
  const object = user && openObject(user.object, '--obj ');
  const base = machineBytes(settings, input, Math.max(settings.captures.length, hostOptions.probes === true ? 1 : 0));
  const memoryBytes = object === undefined ? base : memoryFor(object, cpus, base, user!.clampMaps);
  const host = await createHost({
    cpus,
    release,
    executor,
    seed,
    bpfEngine,
    memoryBytes,
    probes: settings.captures.length > 0 || settings.web !== undefined,
    ...hostOptions,
  });
  try {
    const device = host.createDevice({
      name: settings.dev,
      channels: rxQueues,
      rxRing,
      gro: settings.gro,
      rxUdpGroForwarding: settings.rxUdpGroForwarding,
      rpsCpus: settings.rpsCpus,
      mtu: settings.mtu,
      ...(rxCpus === undefined ? {} : { irqCpus: rxCpus }),
      ...(input.address === undefined ? {} : { address: input.address }),
    });
    const equipment =
      user === undefined
        ? await sampleEquipment(host, settings, code as BuiltInName | UserCode)
        : await objectEquipment(host, settings, user, object!);
    const { program, links, ...rest } = equipment;
    const programs = new Map<string, BpfProgram>([[program.name, program]]);
    const mode = settings.generic ? 'generic' : 'native';
    let programName = program.name;
    await addHandlers(host, settings);
    try {
      host.attachXdp(settings.dev, program, mode);
    } catch (error) {
      throw new CommandError(EXIT.XDP, (error as Error).message, error);
    }
    return {
      ...rest,
      host,
      device,
      get programName() {
        return programName;
      },
      async useProgram(name) {
        const next = programs.get(name) ?? (await loadProgram(host, name, cpus, { ...rest.maps }));
        programs.set(name, next);
        host.attachXdp(settings.dev, next, mode);
        programName = next.name;
      },
      get programId() {
        return programs.get(programName)?.id ?? program.id;
      },
      async close() {
        for (const link of links) await link.detach();
        await host.close();
      },
    };
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
    ...(machine.remoteProgram === undefined
      ? []
      : [
          `second program on the remote CPUs: ${machine.remoteProgram}${settings.redirectDevice === undefined ? '' : ` to ${settings.redirectDevice}`}`,
        ]),
  ];
}
