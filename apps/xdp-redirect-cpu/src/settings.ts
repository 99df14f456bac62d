/** What the command line says, when it has been found to make sense. */
import type { BpfEngine } from '@cpumap/bpf';
import type { PktgenSpec } from '@cpumap/nic';
import type { Release } from '@cpumap/uapi';
import type { BuiltInName } from './built-in-programs.ts';
import type { CaptureSpec } from './capture/capture-spec.ts';

/** A function of a module on disk: a user's program or packet handler. */
export interface UserCode {
  readonly file: string;
  readonly export: string;
}

/** A compiled object, and which of its programs run where. */
export interface UserObject {
  readonly object: string;
  /** Name, or section, of the program for the device; without either its only one. */
  readonly prog: string | undefined;
  readonly section: string | undefined;
  /** Name of the program for the cpumap's entries. */
  readonly remoteProg: string | undefined;
  /** The most entries that a map gets. */
  readonly clampMaps: number | undefined;
}

export interface Settings {
  /** What carries it out: the engine in this process, or the kernel that runs below it. */
  readonly backend: 'engine' | 'linux';
  /** Whether the interface of the default route is as good as any other. */
  readonly force: boolean;
  readonly dev: string;
  /** Remote CPUs in the order of cpus_available. */
  readonly remoteCpus: readonly number[];
  /** How many CPUs the machine has. */
  readonly cpus: number;
  /** Name of a program that comes with the command, or the user's own. */
  readonly program: BuiltInName | UserCode | UserObject;
  /** What runs bytecode. */
  readonly bpfEngine: BpfEngine;
  readonly remoteAction: 'disabled' | 'drop' | 'pass' | 'redirect';
  /** Name of the device that `redirect` sends to. */
  readonly redirectDevice: string | undefined;
  readonly qsize: number;
  readonly intervalSeconds: number;
  readonly generic: boolean;
  readonly stress: boolean;
  readonly separators: boolean;
  readonly debug: boolean;
  readonly success: boolean;
  readonly extended: boolean;
  readonly input: string | undefined;
  readonly pktgen: PktgenSpec | undefined;
  readonly speed: 'max' | number;
  readonly loop: boolean;
  readonly count: number | undefined;
  readonly durationSeconds: number | undefined;
  readonly rxQueues: number;
  readonly rxRing: number;
  readonly mtu: number;
  readonly rxCpus: readonly number[] | undefined;
  /** Of the device: generic-receive-offload, rx-udp-gro-forwarding, rps_cpus. */
  readonly gro: boolean;
  readonly rxUdpGroForwarding: boolean;
  readonly rpsCpus: readonly number[];
  readonly release: Release;
  readonly executor: 'threads' | 'virtual';
  readonly seed: number;
  readonly output: string | undefined;
  readonly captures: readonly CaptureSpec[];
  readonly handler: UserCode | undefined;
  readonly json: boolean;
  /** Maps whose contents are shown at the end. */
  readonly dumpMaps: readonly string[];
  readonly web: WebSettings | undefined;
  /** URL of an OpenTelemetry collector. */
  readonly otlp: string | undefined;
}

/** The page that --web serves. */
export interface WebSettings {
  readonly port: number;
  readonly host: string;
  /** Of --backend linux: whether the page may change anything. */
  readonly allowControl: boolean;
}
