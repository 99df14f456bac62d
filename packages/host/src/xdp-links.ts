/** Programs on devices: attaching, replacing and taking off, with the kernel's refusals. Host thread. */
import type { BpfProgram } from '@cpumap/bpf';
import { FRAME_HEADERS, type NicDevice } from '@cpumap/nic';
import { NET_DEVICE } from '@cpumap/skb';
import { type CpuFailure, type Machine, type Memory, synchronizeRcu } from '@cpumap/smp';
import { BPF_ATTACH_TYPE, BPF_PROG_TYPE, KernelError, XDP_PAGE_FRAME } from '@cpumap/uapi';
import type { XdpLink, XdpMode } from './backend.ts';

export interface XdpLinksParts {
  readonly memory: Memory;
  /** @throws KernelError ENODEV */
  readonly deviceNamed: (name: string) => NicDevice;
  readonly machine: Machine;
  /** CPUs that died: nobody waits for those. */
  readonly failures: readonly CpuFailure[];
}

export function createXdpLinks({ memory, machine, deviceNamed, failures }: XdpLinksParts) {
  const links = new Map<number, XdpLink>(); // by the device's address

  function attachXdp(name: string, program: BpfProgram, mode: XdpMode = 'native'): XdpLink {
    const device = deviceNamed(name);
    const refuse = (code: 'EINVAL' | 'EEXIST' | 'ERANGE', hint: string): never => {
      throw new KernelError(code, `attach ${program.name} to ${name}`, { hint });
    };
    if (program.type !== BPF_PROG_TYPE.XDP) refuse('EINVAL', 'it is not an XDP program');
    if (program.expectedAttachType !== BPF_ATTACH_TYPE.XDP) {
      refuse('EINVAL', 'programs for map entries can not be attached to a device: put it in an entry');
    }
    const other = links.get(device.pointer);
    if (other !== undefined && other.mode !== mode) {
      refuse('EEXIST', `${other.program.name} is attached in ${other.mode} mode: both cannot be active at once`);
    }
    if (mode === 'native' && device.needsFrags && !program.frags) {
      refuse(
        'ERANGE',
        `frames of up to ${device.maxFrame} bytes take several buffers here, and ${program.name} was loaded without frags: ` +
          `load it with frags (SEC("xdp.frags")), or give ${name} an MTU of ${XDP_PAGE_FRAME - FRAME_HEADERS} or less`,
      );
    }
    const linearizes = mode === 'generic' && device.needsFrags;
    if (linearizes && !program.frags) device.setLinearize(true);
    const word = (device.pointer + (mode === 'native' ? NET_DEVICE.xdp_prog : NET_DEVICE.xdp_generic)) >> 2;
    Atomics.store(memory.u32, word, program.id);
    if (linearizes && program.frags) device.setLinearize(false);
    synchronizeRcu(machine);
    const link: XdpLink = {
      device: name,
      mode,
      program,
      detach() {
        if (links.get(device.pointer) !== link) return; // replaced by a later attach, or detached before
        links.delete(device.pointer);
        Atomics.store(memory.u32, word, 0);
        if (failures.length === 0) synchronizeRcu(machine);
      },
    };
    links.set(device.pointer, link);
    return link;
  }

  return {
    attachXdp,
    detachAll() {
      for (const link of links.values()) link.detach();
    },
  };
}
