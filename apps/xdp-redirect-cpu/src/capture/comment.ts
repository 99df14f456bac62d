/** What a capture says of a frame: its comment. */
import { dropReasonText, type ProbeRecord } from '@cpumap/host';
import { xdpActionName } from '@cpumap/uapi';

/** The hook, then key=value, then the reason in words. */
export function commentOf(record: ProbeRecord): string {
  const { hook, cpu, queue, verdict, to, position, of, slot, reason, frames } = record;
  const place = position === undefined ? undefined : of === undefined ? `${position}` : `${position}/${of}`;
  const facts: [string, string | number | undefined][] = [
    ['cpu', cpu],
    ['queue', queue],
    ['verdict', verdict === undefined ? undefined : xdpActionName(verdict)],
    ['to', to],
    [hook === 'remote' ? 'batch' : 'bulk', place],
    ['slot', slot],
    ['frames', frames === 1 ? undefined : frames],
    ['reason', reason],
  ];
  const text = facts.flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`])).join(' ');
  return `${hook} ${text}${reason === undefined ? '' : ` (${dropReasonText(reason)})`}`;
}
