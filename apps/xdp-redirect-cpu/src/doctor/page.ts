/** The diagnosis as one page of text. */

import type { Ability } from './abilities.ts';
import type { Diagnosis, InterfaceView } from './diagnosis.ts';
import type { Warning } from './warnings.ts';

/** Tracepoints that older tools insist on. */
const WANTED = ['xdp_redirect_map', 'xdp_redirect_map_err'];
const NAME_WIDTH = 36;

const row = (name: string, value: string): string => `  ${name.padEnd(NAME_WIDTH)}${value}`;

/** Numbers as a list such as 0-3,8. */
export function ranges(numbers: readonly number[]): string {
  const found: [number, number][] = [];
  for (const n of numbers) {
    const last = found.at(-1);
    if (last !== undefined && last[1] === n - 1) last[1] = n;
    else found.push([n, n]);
  }
  return found.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',') || 'none';
}

function abilityRow({ name, there, known, since, refusal }: Ability): string {
  const origin = since === undefined ? '' : `since Linux ${since}`;
  const how = known === 'asked' ? (refusal ?? origin) : `by its release, ${origin}${refusal ? `; ${refusal}` : ''}`;
  return row(name, `${there ? 'yes' : 'no '}  ${how}`);
}

/** How many slots of the indirection table each queue has. */
function rss(indirection: readonly number[] | undefined): string {
  if (indirection === undefined) return 'no indirection table';
  const slots = new Map<number, number>();
  for (const queue of indirection) slots.set(queue, (slots.get(queue) ?? 0) + 1);
  const shares = [...slots].sort(([a], [b]) => a - b).map(([queue, n]) => `queue ${queue}: ${n}`);
  return `${indirection.length} slots: ${shares.join(', ')}`;
}

function xdpState({ xdp, programName }: InterfaceView): string {
  if (xdp.mode === 'none') return 'no program attached';
  const name = programName === undefined ? '' : ` ${programName}`;
  return `${xdp.mode}: ${xdp.progId === 0 ? 'several programs' : `program${name} (id ${xdp.progId})`}`;
}

function nativeXdp({ xdpFeatures }: InterfaceView): string {
  if (xdpFeatures === undefined) return 'not known: Linux says so since 6.3';
  if (!xdpFeatures.native) return 'no: generic mode only (--skb-mode)';
  const abilities = [
    xdpFeatures.redirect && 'redirects',
    xdpFeatures.redirectTarget && 'can be redirected to',
    xdpFeatures.frags && 'frags',
  ].filter((text) => text !== false);
  return ['yes', ...abilities].join(', ');
}

function xps({ xpsQueues }: InterfaceView): string {
  if (xpsQueues === undefined) return 'not visible: /sys shows another network namespace';
  return xpsQueues.length === 0 ? 'off' : `on ${xpsQueues.join(', ')}`;
}

function interfaceLines(view: InterfaceView): string[] {
  const { name, driver, kind, bus, up, mtu, channels, rxQueues, rxRing, interrupts } = view;
  const where = bus === undefined ? '' : ` at ${bus}`;
  const queues = channels === undefined ? `${rxQueues}` : `${channels.rx} of ${channels.max}`;
  const ring = rxRing === undefined ? '' : `; ring of ${rxRing.size}, at most ${rxRing.max}`;
  return [
    '',
    `${name}: ${driver ?? kind ?? 'no driver'}${where}, ${up ? 'up' : 'down'}, MTU ${mtu}${view.defaultRoute ? ', default route' : ''}`,
    row('XDP', xdpState(view)),
    row('native XDP', nativeXdp(view)),
    row('RX queues', `${queues}${ring}`),
    row('RSS', rss(view.indirection)),
    row('XPS', xps(view)),
    ...interrupts.map(({ irq, name: action, affinity, effective }) =>
      row(`interrupt ${irq} (${action})`, `CPU ${affinity ?? '? (not readable)'}, served by ${ranges(effective)}`),
    ),
    ...(interrupts.length === 0 ? [row('interrupts', 'none of its own')] : []),
  ];
}

export function pageOf({ system, siblings, abilities, interfaces }: Diagnosis, warnings: readonly Warning[]): string[] {
  const { tracepoints } = system;
  const absent = WANTED.filter((name) => tracepoints !== undefined && !tracepoints.includes(name));
  return [
    `Linux ${system.release} on ${system.machine}`,
    row('rights', system.rightsHint ?? 'all that is needed'),
    row(
      'CPUs',
      `possible ${ranges(system.possible)}, online ${ranges(system.online)}; a cpumap holds ${system.nrCpus}`,
    ),
    row('threads that share a core', siblings.map((group) => group.join('+')).join(', ') || 'none'),
    ...abilities.map(abilityRow),
    row('tracepoints', tracepoints === undefined ? 'not known: no /sys/kernel/btf/vmlinux' : tracepoints.join(', ')),
    ...(absent.length === 0
      ? []
      : [row('tracepoints that are gone', `${absent.join(', ')}: tools that insist on them do not start`)]),
    row('tracefs', system.tracefs ? 'mounted' : 'not mounted, or not for this user: raw tracepoints do'),
    ...interfaces.flatMap(interfaceLines),
    '',
    warnings.length === 0 ? 'No warnings.' : 'Warnings:',
    ...warnings.flatMap(({ about, problem, advice }) => [`  ${about}: ${problem}`, `    -> ${advice}`]),
  ];
}
