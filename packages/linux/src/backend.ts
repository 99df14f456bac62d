/**
 * The running kernel as a Backend: maps and programs of bpf(2), XDP by links, counters and records by tracing programs.
 *
 * Owner  the thread that calls `createLinuxBackend`, in whose network namespace it works.
 * Safety it touches the interfaces that it is told and no other. What it attaches hangs on descriptors: when the process
 *        ends, however it ends, the kernel takes it off.
 */
import { release as kernelRelease } from 'node:os';
import type { BpfProgram, Btf, MapSpec, ProgramSpec } from '@cpumap/bpf';
import type { Backend, BackendStatistics, TracepointLink, XdpLink, XdpMode } from '@cpumap/host';
import { eventsOf } from '@cpumap/tracepoints';
import { BPF_MAP_TYPE, BPF_PROG_TYPE, featuresOf, KernelError } from '@cpumap/uapi';
import { cpuMapWithHints } from './cpu-map-hints.ts';
import { deviceCounters } from './device-counters.ts';
import { explainMapCreate, explainProgramLoad, type KernelFacts } from './explain.ts';
import { libc } from './libc.ts';
import { createLinuxMap, type LinuxMap } from './linux-map.ts';
import { type LinuxProgram, loadLinuxProgram } from './linux-program.ts';
import { createListening } from './listening.ts';
import { mapIdOf } from './object-info.ts';
import { nrCpus, possibleCpuNumbers } from './possible-cpus.ts';
import { effectiveCapabilities, rightsHint } from './rights.ts';
import { createTraceControl } from './trace-control.ts';
import { attachBtfIdOf, attachToEvent, eventOf } from './tracing.ts';
import { readVmlinux } from './vmlinux-btf.ts';
import { createXdpAttachments } from './xdp-attach.ts';

export interface LinuxBackendOptions {
  /** Allows attaching to an interface that carries a default route: its packets may then be lost. Default false. */
  readonly force?: boolean;
  /** Counts successful redirects too, which costs a program's run for each frame. Default false: `redirect` stays 0. */
  readonly countRedirects?: boolean;
}

export interface LinuxBackend extends Backend {
  readonly kind: 'linux';
  createMap(spec: MapSpec): LinuxMap;
  /** @throws LinuxVerifierError; KernelError EPERM, EINVAL, EBADF (a map is closed) */
  loadProgram(spec: ProgramSpec): Promise<LinuxProgram>;
}

/** @throws KernelError ENOSYS where there is no bpf(2), or no koffi */
export function createLinuxBackend({ force = false, countRedirects = false }: LinuxBackendOptions = {}): LinuxBackend {
  libc(); // says now what is missing
  const release = kernelRelease();
  const features = featuresOf(release);
  const events = eventsOf(features);
  const possible = possibleCpuNumbers();
  const possibleCpus = Math.max(...possible) + 1;
  const kernel: KernelFacts = {
    release,
    features,
    nrCpus: nrCpus(),
    possible,
    rights: () => rightsHint(effectiveCapabilities(), features),
  };
  const maps = new Map<number, LinuxMap>(); // open ones, by id
  const programs = new Map<number, LinuxProgram>(); // open ones, by id
  const owners = new Map<number, BpfProgram>(); // by map: the first program that used it, whose kind became the map's
  const tracepointLinks = new Map<string, TracepointLink>(); // by event and program
  let coreTypes: Btf | undefined;
  const listening = createListening({
    events,
    features,
    nrCpus: possibleCpus,
    countRedirects,
    rights: kernel.rights,
  });
  const trace = createTraceControl({ events, listening: listening.parts });
  let open = true;

  function checkOpen(what: string): void {
    if (!open) throw new KernelError('EBADF', what, { hint: 'the backend is closed' });
  }

  /** The error with a hint, if it has none and one is known. */
  function explained(error: unknown, hint: (code: KernelError['code']) => string | undefined): unknown {
    if (!(error instanceof KernelError) || error.hint !== undefined) return error;
    const text = hint(error.code);
    return text === undefined ? error : new KernelError(error.code, error.syscall, { hint: text, cause: error });
  }

  function createMap(spec: MapSpec): LinuxMap {
    checkOpen('bpf(BPF_MAP_CREATE)');
    let created: LinuxMap;
    try {
      created = createLinuxMap(spec);
    } catch (error) {
      throw explained(error, (code) => explainMapCreate(code, spec, kernel));
    }
    const { id } = created;
    const isCpuMap = created.type === BPF_MAP_TYPE.CPUMAP;
    const map: LinuxMap = {
      ...(isCpuMap ? cpuMapWithHints(created, { kernel, programs, owners }) : created),
      close() {
        if (maps.delete(id) && isCpuMap) listening.removeMap(id);
        created.close();
      },
    };
    maps.set(id, map);
    if (isCpuMap) listening.addMap(id);
    return map;
  }

  /** A descriptor's number is given again: the map behind it must still be the one that was meant. */
  function checkMaps(spec: ProgramSpec): void {
    for (const [name, { id, pointer }] of Object.entries(spec.maps ?? {})) {
      if (mapIdOf(pointer) === id) continue;
      throw new KernelError('EBADF', 'bpf(BPF_PROG_LOAD)', {
        hint: `program ${spec.name}: map ${name} (id ${id}) is closed, or not of this kernel`,
      });
    }
  }

  async function loadProgram(spec: ProgramSpec): Promise<LinuxProgram> {
    checkOpen('bpf(BPF_PROG_LOAD)');
    checkMaps(spec);
    const btfId = attachBtfIdOf({ ...spec, type: spec.type ?? BPF_PROG_TYPE.XDP, ...placeOf(spec) }, events);
    let loaded: LinuxProgram;
    try {
      loaded = loadLinuxProgram(spec, {
        maps: spec.maps ?? {},
        ...(btfId === undefined ? {} : { attachBtfId: btfId }),
      });
    } catch (error) {
      const others = Object.values(spec.maps ?? {}).map(({ id }) => owners.get(id));
      const other = others.find((owner) => owner !== undefined && owner.frags !== (spec.frags ?? false));
      throw explained(error, (code) => explainProgramLoad(code, spec, other, kernel));
    }
    const program: LinuxProgram = {
      ...loaded,
      close() {
        programs.delete(loaded.id);
        loaded.close();
      },
    };
    programs.set(program.id, program);
    for (const id of program.mapIds) if (!owners.has(id)) owners.set(id, program);
    if (program.type === BPF_PROG_TYPE.XDP) listening.addProgram(program.id);
    return program;
  }

  /** @throws KernelError EBADF for a program of another backend */
  function ownProgram({ id, name }: BpfProgram): LinuxProgram {
    const program = programs.get(id);
    if (program !== undefined) return program;
    throw new KernelError('EBADF', `attach ${name}`, {
      hint: 'it was not loaded by this backend, or is closed',
    });
  }

  const xdp = createXdpAttachments({ force, kernel, usesCpumap });

  function attachXdp(device: string, program: BpfProgram, mode?: XdpMode): XdpLink {
    checkOpen('bpf(BPF_LINK_CREATE)');
    return xdp.attach(device, ownProgram(program), mode);
  }

  function usesCpumap({ mapIds }: BpfProgram): boolean {
    return mapIds.some((id) => maps.get(id)?.type === BPF_MAP_TYPE.CPUMAP);
  }

  async function attachTracepoint(given: BpfProgram): Promise<TracepointLink> {
    checkOpen('attachTracepoint');
    const program = ownProgram(given);
    const event = eventOf(program, events);
    const key = `${event}:${program.id}`;
    if (tracepointLinks.has(key)) {
      throw new KernelError('EEXIST', `attach ${program.name}`, { hint: `it is attached to ${event} already` });
    }
    const attached = attachToEvent(program, program.fd, event);
    const link: TracepointLink = {
      program,
      event,
      async detach() {
        tracepointLinks.delete(key);
        attached.close();
      },
    };
    tracepointLinks.set(key, link);
    return link;
  }

  function statistics(): BackendStatistics {
    checkOpen('statistics');
    const counters = deviceCounters();
    return {
      timestampNs: Number(process.hrtime.bigint()),
      // one that went away with its counters is left out
      devices: [...xdp.devices].flatMap((name) => {
        const found = counters.get(name);
        return found === undefined ? [] : [{ name, counters: found }];
      }),
      cpus: listening.monitor().read(),
    };
  }

  return {
    kind: 'linux',
    release,
    possibleCpus,
    trace,
    createMap,
    loadProgram,
    fdOf: (what) => (what as LinuxProgram | LinuxMap).fd,
    coreTypes() {
      coreTypes ??= readVmlinux();
      return coreTypes;
    },
    attachXdp,
    attachTracepoint,
    statistics,
    async close() {
      if (!open) return;
      open = false;
      xdp.close();
      for (const link of [...tracepointLinks.values()]) await link.detach();
      trace.close();
      for (const program of [...programs.values()]) program.close();
      for (const map of [...maps.values()]) map.close();
      listening.close();
    },
  };
}

/** The fields of a spec that may be left out. */
function placeOf({ expectedAttachType = 0, attachTo }: ProgramSpec) {
  return { expectedAttachType, attachTo };
}
