/** Programs that CPUs which are threads can import; constants say what they do. */

const XDP_DROP = 1;
const XDP_PASS = 2;
const SOURCE_PORT = 34; // behind Ethernet and IPv4 without options
const FIRST_PORT = 1024;

/** The number of the flow that `numberedFrame` made a frame of. */
function flowOf({ u8, u32 }, ctx) {
  const data = u32[ctx >> 2];
  return ((u8[data + SOURCE_PORT] << 8) | u8[data + SOURCE_PORT + 1]) - FIRST_PORT;
}

/** Each flow to a CPU of its own, from `first` on, `cpus` of them in turn. */
export const redirectByFlow = ({ memory, helpers, maps, constants }) => {
  const { first, cpus } = constants;
  return (ctx) => helpers.redirectMap(maps.cpu_map, first + (flowOf(memory, ctx) % cpus), 0);
};

/** Verdicts by flow, five of them in turn: the first four, and a redirect to CPU `to`. */
export const verdictByFlow = ({ memory, helpers, maps, constants }) => {
  return (ctx) => {
    const verdict = flowOf(memory, ctx) % 5;
    return verdict < 4 ? verdict : helpers.redirectMap(maps.cpu_map, constants.to, 0);
  };
};

/** Everything to CPU `to`. */
export const redirectTo = ({ helpers, maps, constants }) => {
  return () => helpers.redirectMap(maps.cpu_map, constants.to, 0);
};

/** A second program that reads the last byte of each frame, wherever it lies, and drops odd flows. */
export const passEvenFlows = ({ memory, helpers }) => {
  return (ctx) => {
    const scratch = memory.u32[ctx >> 2]; // the first byte, put back below
    const first = memory.u8[scratch];
    const answer = helpers.xdpLoadBytes(ctx, helpers.xdpGetBuffLen(ctx) - 1, scratch, 1);
    memory.u8[scratch] = first;
    return answer === 0 && flowOf(memory, ctx) % 2 === 0 ? XDP_PASS : XDP_DROP;
  };
};

export const pass = () => () => XDP_PASS;
export const drop = () => () => XDP_DROP;

/** Throws at every frame whose number is a multiple of `every`, counted on its CPU; passes the others. */
export const throwing = ({ constants }) => {
  let frame = 0;
  return () => {
    if (frame++ % constants.every === 0) throw new RangeError('thrown by a program');
    return XDP_PASS;
  };
};

/** Ends its CPU's thread at frame `at`; redirects the others to CPU `to`. */
export const exiting = ({ helpers, maps, constants }) => {
  let frame = 0;
  return () => {
    if (frame++ === constants.at) process.exit(3);
    return helpers.redirectMap(maps.cpu_map, constants.to, 0);
  };
};

/** A second program that ends its CPU's thread at frame `at`; passes the others. */
export const exitingRemote = ({ constants }) => {
  let frame = 0;
  return () => {
    if (frame++ === constants.at) process.exit(3);
    return XDP_PASS;
  };
};

/** Never returns. */
export const spinning = () => () => {
  for (;;);
};

/** Not factories of programs. */
export const notAFunction = { verdict: XDP_PASS };
export const returnsNothing = () => undefined;
export const factoryThrows = () => {
  throw new Error('thrown by a factory');
};
