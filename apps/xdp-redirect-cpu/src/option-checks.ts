/** What is wrong with options that are right each by itself: those that exclude each other, and those that need another. */
import { FCS_LENGTH, FRAME_HEADERS } from '@cpumap/nic';
import { ETH_HLEN } from '@cpumap/uapi';
import type { OptionValues } from 'commander';
import { writtenTwice } from './capture/capture-option.ts';
import { CommandError, EXIT } from './exit-codes.ts';

/** @throws CommandError with exit code 2 */
export function refuse(message: string): never {
  throw new CommandError(EXIT.OPTION, message);
}

/** Of the engine. @throws CommandError with exit code 2 */
export function checkEngine(o: OptionValues, named: readonly number[], cpus: number): void {
  if (o.force) refuse('--force needs --backend linux: the engine touches no interface');
  const beyond = named.find((cpu) => cpu >= cpus);
  if (beyond !== undefined) refuse(`--cpu ${beyond}: with --cpus ${cpus} there are CPUs 0 to ${cpus - 1}`);
  const rxBeyond = (o.rxCpu as number[] | undefined)?.find((cpu) => cpu >= cpus);
  if (rxBeyond !== undefined) refuse(`--rx-cpu ${rxBeyond}: with --cpus ${cpus} there are CPUs 0 to ${cpus - 1}`);
  const rpsBeyond = (o.rpsCpus as number[] | undefined)?.find((cpu) => cpu >= cpus);
  if (rpsBeyond !== undefined) refuse(`--rps-cpus ${rpsBeyond}: with --cpus ${cpus} there are CPUs 0 to ${cpus - 1}`);
  if (o.rxUdpGroForwarding && !o.gro) refuse('--rx-udp-gro-forwarding needs --gro');
  if (o.release === '4.15') {
    if (o.gro) refuse('--gro needs GRO behind a cpumap, which came with Linux 6.15: use --release 6.18');
    if (o.rpsCpus !== undefined) {
      refuse('--rps-cpus needs RPS behind a cpumap, which came with Linux 5.13: use --release 6.18');
    }
  }
  if (o.input === undefined && o.pktgen === undefined) refuse('nothing to receive: give --input FILE or --pktgen SPEC');
  if (o.input !== undefined && o.pktgen !== undefined) refuse('--input and --pktgen exclude each other');
  if (o.input === undefined && o.loop) refuse('--loop needs --input; --pktgen goes on by itself');
  if (o.input === undefined && o.speed !== 'max') refuse('--speed needs --input; --pktgen has its rate');
  const longest = (o.pktgen?.size ?? 0) - FCS_LENGTH;
  if (longest > o.mtu + FRAME_HEADERS) {
    refuse(`--pktgen size=${o.pktgen.size}: longer than --mtu ${o.mtu} allows; give --mtu ${longest - ETH_HLEN}`);
  }
  if ((o.remoteAction !== 'disabled' || o.remoteProg !== undefined) && o.release === '4.15') {
    refuse(
      `${o.remoteProg === undefined ? '--remote-action' : '--remote-prog'} needs programs in entries, which came with Linux 5.9: use --release 6.18`,
    );
  }
}

/** Of both backends. @throws CommandError with exit code 2 */
export function checkTogether(o: OptionValues): void {
  const programs = [o.prognum, o.programMode, o.module, o.obj].filter((given) => given !== undefined);
  if (programs.length > 1) refuse('--prognum, --program-mode, --module and --obj exclude each other');
  for (const [name, given] of Object.entries({
    prog: o.prog,
    section: o.section,
    'remote-prog': o.remoteProg,
    'clamp-maps': o.clampMaps,
    'dump-map': o.dumpMap,
  })) {
    if (given !== undefined && o.obj === undefined) refuse(`--${name} needs --obj FILE`);
  }
  if (o.remoteProg !== undefined && o.remoteAction !== 'disabled') {
    refuse('--remote-prog and --remote-action exclude each other');
  }
  if ((o.remoteAction === 'redirect') !== (o.redirectDevice !== undefined)) {
    refuse('--remote-action redirect and --redirect-device NAME belong together');
  }
  for (const [name, given] of Object.entries({ host: o.host, 'allow-control': o.allowControl })) {
    if (given !== undefined && o.web === undefined) refuse(`--${name} needs --web`);
  }
  if (o.allowControl && o.backend === 'engine') {
    refuse('--allow-control needs --backend linux: the engine can always be controlled');
  }
  if (o.web !== undefined && o.executor === 'virtual') {
    refuse('--web needs --executor threads: a virtual clock runs ahead of whoever looks');
  }
  const twice = writtenTwice(o.capture, o.output);
  if (twice !== undefined) refuse(`${twice} would be written twice: give --capture and --output a file each`);
  if (o.redirectDevice === o.dev) refuse(`--redirect-device ${o.dev} is --dev: give the other device another name`);
}
