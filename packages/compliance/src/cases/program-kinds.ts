/** Programs of every kind that somebody may put into a map by mistake, and numbers that stand for no program at all. */
import { BPF_ATTACH_TYPE, BPF_MAP_TYPE, BPF_PROG_TYPE } from '@cpumap/uapi';
import { NOTHING, type ProgramText, type Subject } from '../subject.ts';

const text = 'r0 = 2\n exit';
const { XDP, XDP_CPUMAP, XDP_DEVMAP } = BPF_ATTACH_TYPE;

const PROGRAMS: Readonly<Record<string, ProgramText>> = {
  xdp: { text, expectedAttachType: XDP },
  'xdp with frags': { text, expectedAttachType: XDP, frags: true },
  cpumap: { text, expectedAttachType: XDP_CPUMAP },
  'cpumap with frags': { text, expectedAttachType: XDP_CPUMAP, frags: true },
  devmap: { text, expectedAttachType: XDP_DEVMAP },
  'devmap with frags': { text, expectedAttachType: XDP_DEVMAP, frags: true },
  tracepoint: { text, type: BPF_PROG_TYPE.TRACEPOINT, expectedAttachType: 0, attachTo: 'xdp_exception' },
};

const OTHERS = ['none', 'a map', 'nothing', 'minus one'] as const;
export const KINDS: readonly string[] = [...Object.keys(PROGRAMS), ...OTHERS];

export interface Kinds {
  /** What stands for a kind where bpf(2) takes a descriptor. */
  readonly handles: ReadonlyMap<string, number>;
  /** Whose id user space reads. */
  nameOf(id: number): string;
}

/** One program of each kind. */
export async function programKinds(subject: Subject): Promise<Kinds> {
  const map = subject.createMap({ type: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize: 4, maxEntries: 1 });
  const handles = new Map<string, number>([
    ['none', 0],
    ['a map', map.handle],
    ['nothing', NOTHING],
    ['minus one', 0xffffffff],
  ]);
  const names = new Map<number, string>([[0, 'none']]);
  for (const [kind, program] of Object.entries(PROGRAMS)) {
    const { handle, id } = await subject.loadProgram(program);
    handles.set(kind, handle);
    names.set(id, kind);
  }
  return { handles, nameOf: (id) => names.get(id) ?? `the id ${id} of nobody` };
}
