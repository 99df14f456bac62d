/**
 * A run's maps and programs on the running kernel, attached to one interface.
 *
 * Entries are filled before the program is attached, so no frame meets an empty cpumap. The sample's programs and the second
 * programs are loaded alike, with support for frames of several buffers where the kernel has it: of a map whose programs
 * differ in this, the kernel refuses the entries.
 */
import type { BpfMap, BpfProgram, CollectionSpec } from '@cpumap/bpf';
import { type CpuMap, cpuMapOf, type TracepointLink, type XdpLink, type XdpMode } from '@cpumap/host';
import { createLinuxBackend, type InterfaceFacts, interfaceFacts, type LinuxBackend } from '@cpumap/linux';
import { egressProgram, remoteProgram, sampleMaps, txPortMap } from '@cpumap/programs';
import { BPF_MAP_TYPE, DATAREC, featuresOf } from '@cpumap/uapi';
import { type BuiltInName, builtInProgram } from '../built-in-programs.ts';
import { CommandError, EXIT } from '../exit-codes.ts';
import { addCpus, mapsToDump, openCollection, tracingPrograms } from '../object-collection.ts';
import { deviceProgram, entryProgram, openObject } from '../object-file.ts';
import type { Settings, UserObject } from '../settings.ts';

export interface LinuxMachine {
  readonly backend: LinuxBackend;
  readonly cpuMap: CpuMap;
  /** Where the program counts what it meets, by CPU; undefined for a user's program that does not. */
  readonly rxCount: BpfMap | undefined;
  readonly programName: string;
  /** The second program, for a person. */
  readonly remoteName: string | undefined;
  readonly maps: Readonly<Record<string, BpfMap>>;
  /** Puts another of the programs that come with the command in place of the one on the interface. @throws KernelError */
  useProgram(name: BuiltInName): Promise<void>;
  /** What stands for the program in the entries, 0 without. */
  readonly entryFd: number;
  /** What was said while it was built, line by line. */
  readonly notes: readonly string[];
  readonly object: CollectionSpec | undefined;
  readonly dumps: readonly BpfMap[];
  /** Takes the program off the interface; no CPU runs it any more. */
  detach(): void;
  close(): Promise<void>;
}

interface Equipment
  extends Pick<LinuxMachine, 'cpuMap' | 'maps' | 'rxCount' | 'entryFd' | 'remoteName' | 'notes' | 'object' | 'dumps'> {
  readonly program: BpfProgram;
}

/** @throws CommandError when there is none of that name */
function interfaceNamed(name: string, option: string): InterfaceFacts {
  const facts = interfaceFacts(name);
  if (facts !== undefined) return facts;
  throw new CommandError(
    EXIT.XDP,
    `${option} ${name}: this network namespace has no such interface; doctor lists them`,
  );
}

/** The program for --remote-action; undefined for `disabled`. */
async function loadRemoteAction(
  backend: LinuxBackend,
  { remoteAction, redirectDevice }: Settings,
  frags: boolean,
): Promise<BpfProgram | undefined> {
  if (remoteAction === 'disabled') return undefined;
  if (remoteAction !== 'redirect') return backend.loadProgram(remoteProgram(remoteAction, { frags }));
  const { ifindex, address } = interfaceNamed(redirectDevice!, '--redirect-device');
  const port = backend.createMap(txPortMap());
  const program = await backend.loadProgram(remoteProgram('redirect', { frags, maps: { tx_port: port } }));
  const egress = await backend.loadProgram(egressProgram(address, { frags }));
  port.update(0, new Uint8Array(Uint32Array.of(ifindex, egress.fd).buffer));
  return program;
}

async function sampleEquipment(backend: LinuxBackend, settings: Settings, name: BuiltInName): Promise<Equipment> {
  const { possibleCpus: nrCpus, release } = backend;
  const { frags, cpumapProgram } = featuresOf(release);
  const maps: Record<string, BpfMap> = {};
  for (const spec of sampleMaps(nrCpus, cpumapProgram ? 8 : 4)) maps[spec.name] = backend.createMap(spec);
  const program = await backend.loadProgram(builtInProgram(name, { maps, nrCpus, frags }));
  const remote = await loadRemoteAction(backend, settings, frags);
  const entryFd = remote === undefined ? 0 : backend.fdOf(remote);
  const cpuMap = cpuMapOf(maps.cpu_map!);
  return {
    program,
    cpuMap,
    maps,
    rxCount: maps.rx_cnt,
    entryFd,
    remoteName: remote?.name,
    notes: addCpus(cpuMap, new Map(Object.entries(maps)), settings.remoteCpus, {
      qsize: settings.qsize,
      program: entryFd,
    }),
    object: undefined,
    dumps: [],
  };
}

/** The map rx_cnt of a user's object, if it is the sample's: one struct datarec for each CPU. */
function rxCountOf(maps: ReadonlyMap<string, BpfMap>): BpfMap | undefined {
  const map = maps.get('rx_cnt');
  const info = map?.info();
  return info?.type === BPF_MAP_TYPE.PERCPU_ARRAY && info.valueSize === DATAREC.sizeof ? map : undefined;
}

async function objectEquipment(
  backend: LinuxBackend,
  settings: Settings,
  user: UserObject,
  links: TracepointLink[],
): Promise<Equipment> {
  const { remoteCpus, qsize, dumpMaps } = settings;
  const spec = openObject(user.object, '--obj ');
  const main = deviceProgram(spec, user.prog, user.section);
  const entryProg = user.remoteProg === undefined ? undefined : entryProgram(spec, user.remoteProg);
  const tracing = tracingPrograms(backend, spec);
  const collection = await openCollection(backend, spec, {
    program: main.name,
    programs: [main.name, ...(entryProg === undefined ? [] : [entryProg.name]), ...tracing.names],
    remoteCpus,
    clampMaps: user.clampMaps,
  });
  const { cpuMap, maps, programs } = collection;
  if (cpuMap === undefined) {
    throw new CommandError(EXIT.BPF, `${spec.name}: ${main.name} has no cpumap, so it cannot redirect to a CPU`);
  }
  const remote = (await loadRemoteAction(backend, settings, main.frags)) ?? programs.get(entryProg?.name ?? '');
  const entryFd = remote === undefined ? 0 : backend.fdOf(remote);
  const notes = addCpus(cpuMap, maps, remoteCpus, { qsize, program: entryFd });
  const dumps = mapsToDump(collection, dumpMaps);
  for (const name of tracing.names) links.push(await backend.attachTracepoint(programs.get(name)!));
  return {
    program: programs.get(main.name)!,
    cpuMap,
    maps: Object.fromEntries(maps),
    rxCount: rxCountOf(maps),
    entryFd,
    remoteName: remote?.name,
    notes: [
      ...notes,
      ...links.map(({ program, event }) => `Attached ${program.name} on ${event}`),
      ...[...collection.notes, ...tracing.notes].map((note) => `note: ${note}`),
    ],
    object: spec,
    dumps,
  };
}

/** @throws CommandError with the exit code for XDP */
function attach(backend: LinuxBackend, dev: string, program: BpfProgram, mode: XdpMode): XdpLink {
  try {
    return backend.attachXdp(dev, program, mode);
  } catch (error) {
    throw new CommandError(EXIT.XDP, (error as Error).message, error);
  }
}

/** @throws CommandError; KernelError for what the kernel refuses; nothing is left attached then */
export async function buildLinuxMachine(settings: Settings): Promise<LinuxMachine> {
  const { dev, force, program: code, generic, success, remoteCpus, qsize } = settings;
  const facts = interfaceNamed(dev, '--dev');
  if (facts.defaultRoute && !force) {
    throw new CommandError(
      EXIT.XDP,
      `--dev ${dev}: it carries the default route, and a program can cut this machine off; --force attaches it nevertheless`,
    );
  }
  const backend = createLinuxBackend({ force, countRedirects: success });
  const links: TracepointLink[] = [];
  try {
    const equipment =
      typeof code === 'object'
        ? await objectEquipment(backend, settings, code as UserObject, links)
        : await sampleEquipment(backend, settings, code);
    const { program, ...rest } = equipment;
    const { remoteName } = rest;
    backend.statistics(); // without the right to count it would run blind: better not at all
    const mode = generic ? 'generic' : 'native';
    let attached = attach(backend, dev, program, mode);
    const programs = new Map<string, BpfProgram>([[program.name, program]]);
    const cpus = remoteCpus.map((cpu) => `CPU ${cpu}`).join(', ');
    return {
      ...rest,
      backend,
      get programName() {
        return attached.program.name;
      },
      async useProgram(name) {
        const { possibleCpus: nrCpus, release } = backend;
        const { frags } = featuresOf(release);
        const next =
          programs.get(name) ?? (await backend.loadProgram(builtInProgram(name, { maps: rest.maps, nrCpus, frags })));
        programs.set(name, next);
        attached = backend.attachXdp(dev, next, mode);
      },
      notes: [
        ...rest.notes,
        `Linux ${backend.release}, ${backend.possibleCpus} possible CPUs`,
        `${dev} (${facts.driver ?? 'no driver'}) -> ${program.name} (${mode}) -> ${cpus} (queue ${qsize})`,
        ...(remoteName === undefined ? [] : [`second program on the remote CPUs: ${remoteName}`]),
      ],
      detach: () => attached.detach(),
      async close() {
        for (const link of links) await link.detach();
        await backend.close();
      },
    };
  } catch (error) {
    await backend.close();
    throw error;
  }
}
