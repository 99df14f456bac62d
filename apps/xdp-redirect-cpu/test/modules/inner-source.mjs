/** A program for `scenario imbalance --module`: GRE over IPv4, by the last byte of the inner source address. */
const INNER_SOURCE_END = 14 + 20 + 4 + 16;
const XDP_PASS = 2;

export const innerSource = ({ memory, helpers, maps }) => {
  const { u8, u32 } = memory;
  return (ctx) => {
    const data = u32[ctx >> 2];
    if (data + INNER_SOURCE_END > u32[(ctx + 4) >> 2]) return XDP_PASS;
    const index = u8[data + INNER_SOURCE_END - 1] % u32[helpers.mapLookupElem(maps.cpus_count, 0) >> 2];
    return helpers.redirectMap(maps.cpu_map, u32[helpers.mapLookupElem(maps.cpus_available, index) >> 2], 0);
  };
};
