/** Everything that doctor knows: the facts of the kernel, of the machine and of its interfaces. */
import { type InterfaceFacts, interfaceFacts, interfaceNames, type SystemFacts, systemFacts } from '@cpumap/linux';
import { CommandError, EXIT } from '../exit-codes.ts';
import { type Ability, abilitiesOf } from './abilities.ts';
import { type HostView, hostView, threadSiblings } from './host-facts.ts';

export interface InterfaceView extends InterfaceFacts, HostView {}

export interface Diagnosis {
  readonly system: SystemFacts;
  /** Groups of CPUs that share a core. */
  readonly siblings: readonly (readonly number[])[];
  readonly abilities: readonly Ability[];
  readonly interfaces: readonly InterfaceView[];
}

/**
 * @param dev the only interface that is asked for; undefined for all
 * @throws KernelError ENOSYS where there is no Linux, or no koffi; CommandError for an interface that is not there
 */
export async function diagnose(dev: string | undefined): Promise<Diagnosis> {
  const system = systemFacts();
  const names = interfaceNames();
  const found = (dev === undefined ? names : [dev]).map(interfaceFacts).filter((facts) => facts !== undefined);
  if (dev !== undefined && found.length === 0) {
    const there = names.join(', ') || 'none';
    throw new CommandError(EXIT.XDP, `--dev ${dev}: this network namespace has no such interface; it has ${there}`);
  }
  return {
    system,
    siblings: threadSiblings(system.online),
    abilities: await abilitiesOf(system),
    interfaces: found.map((facts) => ({ ...facts, ...hostView(facts) })),
  };
}
