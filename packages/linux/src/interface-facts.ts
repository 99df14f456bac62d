/**
 * One interface of the calling thread's network namespace, as a person needs to know it before XDP runs on it. Reads only,
 * and needs no rights: the name of somebody else's program is all that is left out without them.
 */
import { KernelError } from '@cpumap/uapi';
import { carriesDefaultRoute } from './default-route.ts';
import { deviceCounters } from './device-counters.ts';
import { type DriverFacts, driverFacts } from './ethtool.ts';
import { libc } from './libc.ts';
import { xdpLinkOf } from './link-info.ts';
import { type LinkFacts, linkFacts } from './netlink.ts';
import { programInfoById } from './object-info.ts';
import { type XdpFeatures, xdpFeatures } from './xdp-features.ts';

export interface InterfaceFacts extends LinkFacts, DriverFacts {
  readonly name: string;
  readonly ifindex: number;
  readonly defaultRoute: boolean;
  /** Name of the attached program; undefined without one, and without the right to look at it. */
  readonly programName: string | undefined;
  /** Of the link that holds it there; undefined when it was attached without one, and without the right to look. */
  readonly linkId: number | undefined;
  /** What the driver can do; undefined before Linux 6.3, which does not say. */
  readonly xdpFeatures: XdpFeatures | undefined;
  /** The other end of a pair, where it can be seen. */
  readonly peerName: string | undefined;
  /** Whether the peer's stack leaves checksums open. */
  readonly peerTxChecksum: boolean | undefined;
}

export function interfaceNames(): string[] {
  return [...deviceCounters().keys()];
}

function programName(id: number): string | undefined {
  if (id === 0) return undefined;
  try {
    return programInfoById(id).name;
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

/** The name of an interface by its index. */
function nameOf(ifindex: number): string | undefined {
  return interfaceNames().find((name) => libc().ifindexOf(name) === ifindex);
}

/** @returns undefined when there is none of that name; @throws KernelError ENOSYS where there is no Linux, or no koffi */
export function interfaceFacts(name: string): InterfaceFacts | undefined {
  const ifindex = libc().ifindexOf(name);
  if (ifindex === 0) return undefined;
  const link = linkFacts(ifindex);
  const peerName = link.kind === 'veth' && link.peer !== undefined ? nameOf(link.peer) : undefined;
  return {
    name,
    ifindex,
    ...link,
    ...driverFacts(name),
    defaultRoute: carriesDefaultRoute(name),
    programName: programName(link.xdp.progId),
    linkId: link.xdp.progId === 0 ? undefined : xdpLinkOf(ifindex, link.xdp.progId)?.id,
    xdpFeatures: xdpFeatures(ifindex),
    peerName,
    peerTxChecksum: peerName === undefined ? undefined : driverFacts(peerName).txChecksum,
  };
}
