/** What was seen of one frame, as steps: each with the kernel's function for it and its values. */
import { dropReasonText, type ProbeRecord } from '@cpumap/host';
import { type Release, XDP_PASS, XDP_TX, xdpActionName } from '@cpumap/uapi';
import type { Seen } from './follow.ts';
import { ethTypeName, pktTypeName } from './names.ts';
import type { PathLine } from './program-path.ts';

export interface Step {
  readonly step: string;
  /** The kernel's functions that do it. */
  readonly kernel: readonly string[];
  readonly values: Readonly<Record<string, string | number>>;
  /** Through a program that is bytecode. */
  readonly path?: readonly PathLine[];
  /** What the values do not say. */
  readonly note?: string;
}

/** How the frame ended. */
export type End = 'delivered' | 'dropped' | 'sent' | 'redirected' | 'refused';

export interface Explanation {
  readonly frame: number;
  /** How many frames there are; absent for a generator, which has any number. */
  readonly of?: number;
  readonly length: number;
  readonly packet: string;
  readonly input: string;
  readonly release: string;
  /** Why the input is not all that the file holds. */
  readonly problem?: string;
  readonly steps: readonly Step[];
  readonly end: End;
}

export interface StepNames {
  readonly release: Release;
  readonly isGeneric: boolean;
  readonly deviceProgram: string;
  /** Whether they are bytecode, which can be followed. */
  readonly canFollow: boolean;
  readonly deviceName: (ifindex: number) => string | undefined;
  readonly mapName: (id: number) => string;
  /** Whether its entries are CPUs. */
  readonly isCpuMap: (id: number) => boolean;
  /** What programs threw, the first of each. */
  readonly reports: readonly string[];
  /** Frames that wait for each CPU, at most. */
  readonly qsize: number;
}

const NOT_BYTECODE = 'it is JavaScript: there is no bytecode to follow';

function pathOf(path: readonly PathLine[], canFollow: boolean): Pick<Step, 'path' | 'note'> {
  if (!canFollow) return { note: NOT_BYTECODE };
  return path.length > 0 ? { path } : { path, note: 'no jump decides anything, and nothing is called' };
}

function programStep({ records, linear, devicePath }: Seen, names: StepNames): Step {
  const { length, ifindex, queue, verdict } = records[0]!;
  return {
    step: 'program',
    kernel: names.isGeneric ? ['do_xdp_generic', 'bpf_prog_run_generic_xdp'] : ['bpf_prog_run_xdp'],
    values: {
      name: names.deviceProgram,
      mode: names.isGeneric ? 'generic' : 'native',
      ...(linear === undefined ? {} : { 'data_end - data': linear }),
      ...(linear === length ? {} : { length }),
      ingress_ifindex: ifindex,
      rx_queue_index: queue!,
      verdict: xdpActionName(verdict!),
    },
    ...pathOf(devicePath, names.canFollow),
  };
}

function redirectStep({ cpu, to, mapId, position }: ProbeRecord, names: StepNames, isEntrys: boolean): Step {
  const toDevice = mapId === undefined || !names.isCpuMap(mapId);
  const first = names.isGeneric && !isEntrys ? 'xdp_do_generic_redirect' : 'xdp_do_redirect';
  const toDeviceBy = mapId === undefined ? 'dev_xdp_enqueue' : 'dev_map_enqueue';
  const second = toDevice ? toDeviceBy : names.isGeneric ? 'cpu_map_generic_redirect' : 'cpu_map_enqueue';
  return {
    step: 'redirect',
    kernel: [first, second],
    values: {
      ...(mapId === undefined ? {} : { map: names.mapName(mapId) }),
      'from CPU': cpu,
      ...(to === undefined
        ? { to: 'every entry' }
        : toDevice
          ? { 'to device': names.deviceName(to) ?? to }
          : { 'to CPU': to }),
      ...(position === undefined ? {} : { 'place in the bulk queue': `${position} of 8` }),
    },
  };
}

const enqueueStep = ({ position, of, slot }: ProbeRecord, { isGeneric, qsize }: StepNames): Step => ({
  step: 'enqueue',
  kernel: isGeneric ? ['__ptr_ring_produce'] : ['bq_flush_to_queue', '__ptr_ring_produce'],
  values: { ...(isGeneric ? {} : { 'flushed as': `${position} of ${of}` }), 'ring slot': `${slot} of ${qsize}` },
});

const remoteStep = ({ cpu, position, of, slot }: ProbeRecord, { release }: StepNames): Step => ({
  step: 'kthread',
  kernel: ['cpu_map_kthread_run', release === '4.15' ? '__ptr_ring_consume' : '__ptr_ring_consume_batched'],
  values: { CPU: cpu, 'taken from slot': slot!, 'place in the batch': `${position} of ${of}` },
});

/** `after` is what was seen of the frame next. */
function entryProgramStep(
  { name, path }: Seen['entryPaths'][number],
  after: ProbeRecord | undefined,
  { isGeneric }: StepNames,
): Step {
  return {
    step: 'second program',
    kernel: isGeneric
      ? ['cpu_map_bpf_prog_run_skb', 'bpf_prog_run_generic_xdp']
      : ['cpu_map_bpf_prog_run_xdp', 'bpf_prog_run_xdp'],
    values: { name, verdict: xdpActionName(after?.verdict ?? XDP_PASS) },
    ...pathOf(path, true),
  };
}

/** The program of a devmap's entry, which a frame meets on its way out. */
function egressProgramStep({ name, path }: Seen['entryPaths'][number]): Step {
  return {
    step: 'egress program',
    kernel: ['bq_xmit_all', 'dev_map_bpf_prog_run'],
    values: { name },
    ...pathOf(path, true),
  };
}

function skbStep(seen: Seen, { release, isGeneric }: StepNames): Step {
  const skb = seen.skb!;
  const isRedirected = seen.records.some(({ hook }) => hook === 'remote');
  const build = release === '4.15' ? 'cpu_map_build_skb' : '__xdp_build_skb_from_frame';
  return {
    step: 'sk_buff',
    kernel: isRedirected && !isGeneric ? [build, 'eth_type_trans'] : ['build_skb', 'eth_type_trans'],
    values: {
      len: skb.len,
      protocol: ethTypeName(skb.protocol),
      pkt_type: pktTypeName(skb.pkt_type),
      skb_iif: skb.skb_iif,
      queue_mapping: skb.queue_mapping,
      mac_header: skb.mac_header,
      network_header: skb.network_header,
      truesize: skb.truesize,
      ...(skb.meta_len === 0 ? {} : { meta_len: skb.meta_len }),
      ...(skb.data_len === 0 ? {} : { data_len: skb.data_len }),
    },
  };
}

function deliverStep({ cpu }: ProbeRecord, seen: Seen, { release }: StepNames): Step {
  const isRedirected = seen.records.some(({ hook }) => hook === 'remote');
  const list = isRedirected && release !== '4.15' ? 'netif_receive_skb_list' : 'netif_receive_skb_core';
  return { step: 'stack', kernel: [list], values: { CPU: cpu, handler: 'ETH_P_ALL', verdict: 'NET_RX_SUCCESS' } };
}

/** Where it is freed, as far as that is one function; in a device's driver it is the driver's own. */
const DROP_KERNEL: Readonly<Record<string, readonly string[]>> = {
  xdp_drop: [],
  xdp_aborted: ['trace_xdp_exception'],
  ring_full: ['bq_flush_to_queue', 'xdp_return_frame'],
  prog_drop: ['cpu_map_bpf_prog_run_xdp', 'xdp_return_frame'],
  prog_aborted: ['cpu_map_bpf_prog_run_xdp', 'xdp_return_frame'],
  no_headroom: ['cpu_map_bpf_prog_run_xdp', 'xdp_return_frame'],
};

function dropKernel(reason: string, { isGeneric }: StepNames): readonly string[] {
  if (reason.startsWith('prog_') && isGeneric) return ['cpu_map_bpf_prog_run_skb'];
  return DROP_KERNEL[reason] ?? [isGeneric ? 'xdp_do_generic_redirect' : 'xdp_do_redirect'];
}

function dropStep({ cpu, reason, position, of, mapId, to }: ProbeRecord, names: StepNames): Step {
  const isFull = reason === 'ring_full';
  return {
    step: 'drop',
    kernel: dropKernel(reason!, names),
    values: {
      CPU: cpu,
      reason: reason!,
      ...(mapId === undefined ? {} : { map: names.mapName(mapId) }),
      ...(to === undefined ? {} : { [isFull ? 'to CPU' : mapId === undefined ? 'to ifindex' : 'to']: to }),
      ...(isFull ? { 'in the bulk': `${position} of ${of}`, qsize: names.qsize } : {}),
    },
    note: [dropReasonText(reason!), ...(reason === 'xdp_aborted' ? names.reports : [])].join('; '),
  };
}

function endOf({ records }: Seen): End {
  const last = records.at(-1)!;
  if (last.hook === 'deliver') return 'delivered';
  if (last.hook === 'drop') return 'dropped';
  return last.verdict === XDP_TX ? 'sent' : 'redirected';
}

/** A generic redirect puts the frame into the ring before it has succeeded; told the other way round, as it is called. */
function inOrder(records: readonly ProbeRecord[]): readonly ProbeRecord[] {
  const at = records.findIndex(({ hook }, index) => hook === 'enqueue' && records[index + 1]?.hook === 'redirect');
  return at === -1 ? records : [...records.slice(0, at), records[at + 1]!, records[at]!, ...records.slice(at + 2)];
}

/** From the program on. */
export function stepsOf(seen: Seen, names: StepNames): { readonly steps: readonly Step[]; readonly end: End } {
  const steps: Step[] = [programStep(seen, names)];
  let isRemote = false;
  const met = [...seen.entryPaths]; // programs of entries that are not told yet
  const records = inOrder(seen.records);
  records.forEach((record, index) => {
    switch (record.hook) {
      case 'redirect':
        steps.push(redirectStep(record, names, isRemote));
        break;
      case 'enqueue':
        steps.push(enqueueStep(record, names));
        break;
      case 'remote':
        isRemote = true;
        steps.push(remoteStep(record, names));
        for (const path of met.splice(0, 1)) steps.push(entryProgramStep(path, records[index + 1], names));
        break;
      case 'deliver':
        if (seen.skb !== undefined) steps.push(skbStep(seen, names));
        steps.push(deliverStep(record, seen, names));
        break;
      case 'drop':
        steps.push(dropStep(record, names));
        break;
    }
  });
  for (const path of met) steps.push(egressProgramStep(path));
  const end = endOf(seen);
  if (end === 'sent') steps.push({ step: 'send', kernel: [], values: { device: 'the one it came in on' } });
  return { steps, end };
}
