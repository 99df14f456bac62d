/**
 * Attaching XDP programs to interfaces by links: one program per interface, as the kernel has it. Attaching another to the
 * same interface in the same mode replaces it without a gap; what somebody else attached is left alone.
 */
import type { BpfProgram } from '@cpumap/bpf';
import type { XdpLink, XdpMode } from '@cpumap/host';
import { KernelError } from '@cpumap/uapi';
import { carriesDefaultRoute } from './default-route.ts';
import { explainXdpAttach, type KernelFacts } from './explain.ts';
import { libc, systemError } from './libc.ts';
import { attachXdpLink, type LinuxLink, updateLink } from './link.ts';
import { xdpLinkOf } from './link-info.ts';
import type { LinuxProgram } from './linux-program.ts';
import { attachedXdp } from './netlink.ts';
import { programInfoById } from './object-info.ts';

export interface XdpAttachmentParts {
  /** Whether the interface of the default route is as good as any. */
  readonly force: boolean;
  readonly kernel: KernelFacts;
  readonly usesCpumap: (program: BpfProgram) => boolean;
}

export interface XdpAttachments {
  /** @throws KernelError ENODEV, EPERM, EBUSY, EEXIST, EOPNOTSUPP, EINVAL, ERANGE */
  attach(device: string, program: LinuxProgram, mode?: XdpMode): XdpLink;
  /** Where a program was attached, now or before. */
  readonly devices: ReadonlySet<string>;
  /** Detaches everything. */
  close(): void;
}

interface Held {
  readonly link: XdpLink;
  readonly kernelLink: LinuxLink;
}

export function createXdpAttachments({ force, kernel, usesCpumap }: XdpAttachmentParts): XdpAttachments {
  const held = new Map<number, Held>(); // by ifindex
  const devices = new Set<string>();

  function whatIsAttached(ifindex: number) {
    const attached = attachedXdp(ifindex);
    let attachedName: string | undefined;
    try {
      attachedName = attached.progId === 0 ? undefined : programInfoById(attached.progId).name;
    } catch (error) {
      if (!(error instanceof KernelError)) throw error; // gone meanwhile, or not ours to look at
    }
    const linkId = attached.progId === 0 ? undefined : xdpLinkOf(ifindex, attached.progId)?.id;
    return { attached, attachedName, linkId };
  }

  function attach(device: string, program: LinuxProgram, mode: XdpMode = 'native'): XdpLink {
    const syscall = `attach ${program.name} to ${device}`;
    const ifindex = libc().ifindexOf(device);
    if (ifindex === 0) {
      throw new KernelError('ENODEV', syscall, {
        hint: 'this network namespace has no interface of that name: ip link shows those that it has',
      });
    }
    if (!force && carriesDefaultRoute(device)) {
      throw new KernelError('EPERM', syscall, {
        hint: `${device} carries the default route, and a program can cut the machine off: createLinuxBackend({ force: true }) allows it`,
      });
    }
    const kernelLink = linkTo(ifindex, program, mode);
    if (typeof kernelLink === 'number') {
      const error = systemError(syscall, kernelLink);
      const attempt = { device, mode, program, ...whatIsAttached(ifindex), usesCpumap: usesCpumap(program) };
      const hint = explainXdpAttach(error.code, attempt, kernel);
      throw hint === undefined ? error : new KernelError(error.code, syscall, { hint });
    }
    devices.add(device);
    const link: XdpLink = {
      device,
      mode,
      program,
      detach() {
        if (held.get(ifindex)?.link !== link) return; // replaced by a later attach, or detached before
        held.delete(ifindex);
        kernelLink.close();
        libc().synchronizeRcu();
      },
    };
    held.set(ifindex, { link, kernelLink });
    return link;
  }

  /** Our link with another program, or a new one. @returns a negative errno when it cannot be */
  function linkTo(ifindex: number, program: LinuxProgram, mode: XdpMode): LinuxLink | number {
    const mine = held.get(ifindex);
    if (mine === undefined || mine.link.mode !== mode) return attachXdpLink(program.fd, ifindex, mode);
    const answer = updateLink(mine.kernelLink, program.fd);
    return answer < 0 ? answer : mine.kernelLink;
  }

  return {
    attach,
    devices,
    close() {
      for (const { link } of [...held.values()]) link.detach();
    },
  };
}
