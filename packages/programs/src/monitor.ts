/** The monitoring programs by tracepoint, as specs to load. */

import { assembleProgram } from '@cpumap/bpf';
import type { EventName } from '@cpumap/tracepoints';
import { BPF_PROG_TYPE } from '@cpumap/uapi';
import type { BytecodeSpec } from './bytecode.ts';
import { type MapReference, type MonitorMapName, pickMaps } from './maps.ts';
import { cpumapEnqueue, cpumapKthread, exception, redirectError } from './monitor-programs.ts';

/** What the sample listens to. Linux 6.17 and later have no xdp_redirect_map_err. */
export type MonitorEvent = Extract<
  EventName,
  'xdp_redirect_err' | 'xdp_redirect_map_err' | 'xdp_exception' | 'xdp_cpumap_enqueue' | 'xdp_cpumap_kthread'
>;

/** A program to attach to a tracepoint of the system `xdp`. */
export interface TracepointSpec extends BytecodeSpec {
  readonly attachTo: MonitorEvent;
}

interface Monitor {
  readonly map: MonitorMapName;
  readonly text: (nrCpus: number) => string;
}

const MONITORS: Readonly<Record<MonitorEvent, Monitor>> = {
  xdp_redirect_err: { map: 'redirect_err_cnt', text: () => redirectError },
  xdp_redirect_map_err: { map: 'redirect_err_cnt', text: () => redirectError },
  xdp_exception: { map: 'exception_cnt', text: () => exception },
  xdp_cpumap_enqueue: { map: 'cpumap_enqueue_cnt', text: cpumapEnqueue },
  xdp_cpumap_kthread: { map: 'cpumap_kthread_cnt', text: () => cpumapKthread },
};

export const MONITOR_EVENTS = Object.keys(MONITORS) as readonly MonitorEvent[];

export interface MonitorProgramOptions {
  /** At least the map that the program counts in, by the sample's name. */
  readonly maps: Readonly<Record<string, MapReference>>;
  /** An event for a CPU that is not below this is not counted. The sample has 12. */
  readonly nrCpus: number;
}

/** The sample's program for a tracepoint. @throws TypeError for a map that it needs and was not given */
export function monitorProgram(tracepoint: MonitorEvent, { maps, nrCpus }: MonitorProgramOptions): TracepointSpec {
  const { map, text } = MONITORS[tracepoint];
  const name = `trace_${tracepoint}`;
  return {
    name,
    attachTo: tracepoint,
    type: BPF_PROG_TYPE.TRACEPOINT,
    code: { bytecode: assembleProgram(text(nrCpus)) },
    maps: pickMaps(name, [map], maps),
  };
}
