/**
 * What a device's settings say of the sk_buffs that are made of its frames on other CPUs: GRO and RPS.
 *
 * Owner  the host thread, which writes them to struct net_device; kthreads read them with every batch.
 */
import { DEVICE_FEATURES, NET_DEVICE } from '@cpumap/skb';
import { type Allocator, type Machine, type Memory, synchronizeRcu } from '@cpumap/smp';
import { KernelError } from '@cpumap/uapi';

/** What ethtool -K switches. */
export interface DeviceFeatures {
  /** generic-receive-offload */
  readonly gro: boolean;
  /** rx-udp-gro-forwarding */
  readonly rxUdpGroForwarding: boolean;
}

export interface ReceiveSettings {
  /** ethtool -k */
  features(): DeviceFeatures;
  /** ethtool -K: holds for the frames that are taken over next. */
  setFeatures(features: Partial<DeviceFeatures>): void;
  /** Of queue 0: redirected frames have lost theirs. */
  rpsCpus(): readonly number[];
  /** Like writing queues/rx-0/rps_cpus; an empty list switches RPS off. @throws KernelError EINVAL, ENOMEM */
  setRpsCpus(cpus: readonly number[]): void;
}

export interface ReceiveSettingsParts {
  readonly memory: Memory;
  readonly allocator: Allocator;
  readonly machine: Machine;
  /** Sets the backlogs of CPUs going that RPS will hand sk_buffs to. */
  readonly startBacklogs: (cpus: readonly number[]) => void;
}

export function createReceiveSettings(parts: ReceiveSettingsParts, name: string, dev: number): ReceiveSettings {
  const { memory, allocator, machine, startBacklogs } = parts;
  const { u32 } = memory;
  const features = (dev + NET_DEVICE.features) >> 2;
  const rpsMap = (dev + NET_DEVICE.rps_map) >> 2;
  let rps: readonly number[] = [];

  function setBit(bit: number, on: boolean | undefined): void {
    if (on !== undefined) Atomics.store(u32, features, on ? u32[features]! | bit : u32[features]! & ~bit);
  }

  /** rps_map: how many CPUs, then which. */
  function createMap(cpus: readonly number[]): number {
    const map = allocator.alloc(4 + cpus.length * 4);
    u32[map >> 2] = cpus.length;
    u32.set(cpus, (map >> 2) + 1);
    return map;
  }

  return {
    features: () => ({
      gro: (u32[features]! & DEVICE_FEATURES.gro) !== 0,
      rxUdpGroForwarding: (u32[features]! & DEVICE_FEATURES.rxUdpGroForwarding) !== 0,
    }),
    setFeatures({ gro, rxUdpGroForwarding }) {
      setBit(DEVICE_FEATURES.gro, gro);
      setBit(DEVICE_FEATURES.rxUdpGroForwarding, rxUdpGroForwarding);
    },
    rpsCpus: () => rps,
    setRpsCpus(cpus) {
      const strange = cpus.find((cpu) => !(Number.isInteger(cpu) && cpu >= 0 && cpu < machine.nrCpus));
      if (strange !== undefined) {
        throw new KernelError('EINVAL', `rps_cpus ${name}`, {
          hint: `CPU ${strange} is not possible here: there are CPUs 0 to ${machine.nrCpus - 1}`,
        });
      }
      const wanted = [...new Set(cpus)].sort((a, b) => a - b); // the kernel takes a mask of CPUs
      if (wanted.length === 0 && rps.length === 0) return;
      startBacklogs(wanted);
      const old = Atomics.exchange(u32, rpsMap, wanted.length === 0 ? 0 : createMap(wanted));
      setBit(DEVICE_FEATURES.rps, wanted.length > 0);
      rps = wanted;
      if (old === 0) return;
      synchronizeRcu(machine);
      allocator.free(old);
    },
  };
}
