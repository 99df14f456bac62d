/** What users fall over, found in the facts: each with the way out. */
import { QSIZE_DEFAULT } from '../options.ts';
import type { Diagnosis, InterfaceView } from './diagnosis.ts';

export interface Warning {
  /** The interface, or `machine`. */
  readonly about: string;
  readonly problem: string;
  readonly advice: string;
}

function ofChecksums({ name, kind, peerName, peerTxChecksum }: InterfaceView): Warning[] {
  // false: its stack finishes checksums itself
  if (kind !== 'veth' || peerTxChecksum === false) return [];
  const how = peerName === undefined ? 'in its namespace, ethtool -K PEER tx off' : `ethtool -K ${peerName} tx off`;
  return [
    {
      about: name,
      problem: "what the peer's own stack sends has unfinished checksums (CHECKSUM_PARTIAL), which a cpumap loses",
      advice: `receivers drop such packets; let the peer finish them: ${how}`,
    },
  ];
}

function ofXps({ name, xpsQueues = [] }: InterfaceView): Warning[] {
  if (xpsQueues.length === 0) return [];
  return [
    {
      about: name,
      problem: `XPS is set on ${xpsQueues.join(', ')}: it overrides the TX queue that a program or tc chose`,
      advice: `if that choice matters: for f in /sys/class/net/${name}/queues/tx-*/xps_cpus; do echo 0 > $f; done`,
    },
  ];
}

function ofRxCpus({ name, interrupts }: InterfaceView, online: readonly number[]): Warning[] {
  const rx = [...new Set(interrupts.flatMap(({ effective }) => effective))].sort((a, b) => a - b);
  if (rx.length === 0) return [];
  const free = online.filter((cpu) => !rx.includes(cpu));
  return [
    {
      about: name,
      problem: `CPU ${rx.join(', ')} receives its frames: as a remote CPU too it would do both jobs`,
      advice:
        free.length > 0
          ? `leave it out of --cpu; free are ${free.join(', ')}`
          : `no CPU is left to redirect to: confine receiving with ethtool -L ${name} combined N and /proc/irq/*/smp_affinity_list`,
    },
  ];
}

function ofRecycling({ name, rxRing }: InterfaceView): Warning[] {
  if (rxRing === undefined || rxRing.size === 0 || rxRing.size >= QSIZE_DEFAULT) return [];
  const larger = rxRing.max > rxRing.size ? `, or ethtool -G ${name} rx ${rxRing.max}` : '';
  return [
    {
      about: name,
      problem: `the default --qsize ${QSIZE_DEFAULT} is above its RX ring of ${rxRing.size}: most drivers recycle about as many pages`,
      advice: `longer queues make it allocate pages anew: --qsize ${rxRing.size}${larger}`,
    },
  ];
}

function ofState({ name, defaultRoute, xdp, programName, linkId }: InterfaceView): Warning[] {
  const found: Warning[] = [];
  if (defaultRoute) {
    found.push({
      about: name,
      problem: 'it carries the default route: a program on it can cut this machine off',
      advice: 'take another interface, or --force',
    });
  }
  if (xdp.mode !== 'none') {
    const which = xdp.progId === 0 ? 'programs' : `program ${programName ?? '?'} (id ${xdp.progId})`;
    found.push({
      about: name,
      problem: `${which} is attached in ${xdp.mode} mode: no other is taken`,
      advice: `end the tool that attached it, or: ${linkId === undefined ? `ip link set dev ${name} xdp off` : `bpftool link detach id ${linkId}`}`,
    });
  }
  return found;
}

export function warningsFor({
  system,
  siblings,
  interfaces,
}: Pick<Diagnosis, 'system' | 'siblings' | 'interfaces'>): Warning[] {
  const ofMachine = siblings.map((group) => ({
    about: 'machine',
    problem: `CPUs ${group.join(', ')} are threads of one core: together they do little more than one`,
    advice: 'give only one of them to --cpu, and receive on another core',
  }));
  const ofInterfaces = interfaces.flatMap((view) => [
    ...ofState(view),
    ...ofChecksums(view),
    ...ofXps(view),
    ...ofRxCpus(view, system.online),
    ...ofRecycling(view),
  ]);
  return [...ofMachine, ...ofInterfaces];
}
