/** The options that only the engine can follow, in groups: the kernel has its own frames, its own stack and its own CPUs. */

interface Group {
  /** Names as the parser stores them. */
  readonly options: readonly string[];
  readonly why: string;
}

const GROUPS: readonly Group[] = [
  {
    options: ['input', 'pktgen', 'speed', 'loop', 'count'],
    why: 'the frames are those that arrive on --dev; --duration ends the run',
  },
  {
    options: ['module', 'handler', 'output'],
    why: 'JavaScript does not run in the kernel, and its stack takes what it delivers; --obj loads a compiled program',
  },
  {
    options: ['capture'],
    why: "its hooks are places in the engine; xdpdump of xdp-tools captures at a kernel's XDP programs, tcpdump behind them",
  },
  {
    options: ['gro', 'rxUdpGroForwarding', 'rpsCpus'],
    why: 'ethtool -K sets what GRO does on an interface, and /sys/class/net/IFNAME/queues/rx-0/rps_cpus RPS',
  },
  {
    options: ['cpus', 'rxQueues', 'rxRing', 'mtu', 'rxCpu', 'executor', 'seed', 'release', 'bpfEngine'],
    why: 'the machine is this one; ethtool, ip link and /proc/irq set up its interfaces, and `doctor` shows them',
  },
];

const flag = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** What is wrong with a run on the kernel, given which options were written. */
export function whyNotOnLinux(written: (name: string) => boolean): string | undefined {
  for (const { options, why } of GROUPS) {
    const found = options.filter(written);
    if (found.length === 0) continue;
    const others = options.filter((name) => !found.includes(name)).map(flag);
    const alike = others.length === 0 ? '' : ` (like ${others.join(', ')})`;
    return `${found.map(flag).join(', ')}: only the engine has that${alike}; with --backend linux ${why}`;
  }
  return written('dev')
    ? undefined
    : '--backend linux needs --dev IFNAME: it touches only the interface that it is told';
}
