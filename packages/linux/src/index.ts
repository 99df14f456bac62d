/**
 * The running Linux kernel: a Backend, and its parts: maps and programs through bpf(2). Importing this loads nothing; on
 * another system, or without rights, the first call says what is missing.
 *
 * @packageDocumentation
 */
export { createLinuxBackend, type LinuxBackend, type LinuxBackendOptions } from './backend.ts';
export type { DriverFacts } from './ethtool.ts';
export { type InterfaceFacts, interfaceFacts, interfaceNames } from './interface-facts.ts';
export { attachXdpLink, type LinuxLink } from './link.ts';
export { detachLink, type LinkInfo, linkIds, linkInfo, linkInfoById, xdpLinkOf } from './link-info.ts';
export { createLinuxMap, type LinuxMap, linuxMap } from './linux-map.ts';
export { type LinuxLoad, type LinuxProgram, LinuxVerifierError, loadLinuxProgram } from './linux-program.ts';
export { createLinuxTrace, type LinuxTrace } from './linux-trace.ts';
export { createNetworkNamespace, type NetworkNamespace } from './network-namespace.ts';
export { type OnCpuOptions, onCpu } from './on-cpu.ts';
export { openPacketSocket, type PacketSocket, type ReceivedFrame } from './packet-socket.ts';
export { countCpus, possibleCpus } from './possible-cpus.ts';
export { type LinuxRingBuffer, openLinuxRingBuffer } from './ring-buffer.ts';
export { type SystemFacts, systemFacts } from './system-facts.ts';
export type { XdpFeatures } from './xdp-features.ts';
