/**
 * Debian's xdp-tools as a peer: xdp-trafficgen sends into a veth pair, xdp-bench redirects on the other end, both in a network
 * namespace of their own. Where they do not start, and they do not on kernels without the xdp_redirect_map_err tracepoint
 * (6.17 and later), the last thing that they said is the reason.
 *
 * Their frames come through a veth's NAPI instead of a test run, so there is a rate and no ratio.
 */
import { execFile } from 'node:child_process';
import type { PathSpec } from './redirect-path.ts';

const WARM_UP_SECONDS = 1;
const GRACE_SECONDS = 2;

/** In `sh`; ends by itself. xdp-bench prints its summary when it is interrupted. */
function script({ mode, remote }: Pick<PathSpec, 'mode' | 'remote'>, seconds: number): string {
  const action = remote === 'drop' ? '--remote-action drop' : '';
  const whole = WARM_UP_SECONDS + seconds + GRACE_SECONDS;
  return `
    command -v xdp-bench xdp-trafficgen >/dev/null || { echo 'xdp-bench and xdp-trafficgen are not installed' >&2; exit 1; }
    ip link add bench0 type veth peer name bench1 && ip link set bench0 up && ip link set bench1 up || exit 1
    timeout --signal=INT ${whole} xdp-bench redirect-cpu bench0 --cpu 1 --program-mode ${mode} ${action} &
    sleep ${WARM_UP_SECONDS}
    timeout --signal=INT ${seconds} xdp-trafficgen udp bench1 >&2
    wait`;
}

/** The summary's average, in M frames a second; undefined when there is no summary. */
export function averageOf(output: string): number | undefined {
  const average = /^\s*Average packets\/s\s*:\s*([\d,.']+)\s*$/m.exec(output)?.[1];
  const value = Number(average?.replace(/[,']/g, ''));
  return value > 0 ? value / 1e6 : undefined;
}

/** @returns M frames per second, or why they cannot be measured */
export function xdpToolsRate(path: Pick<PathSpec, 'mode' | 'remote'>, seconds: number): Promise<number | string> {
  return new Promise((resolve) => {
    execFile('unshare', ['--net', 'sh', '-c', script(path, seconds)], (error, stdout, stderr) => {
      const lines = stderr.split('\n').filter((line) => line.trim() !== '');
      const why = lines.at(-1)?.trim() ?? error?.message ?? 'it printed no summary';
      resolve(averageOf(stdout) ?? why);
    });
  });
}
