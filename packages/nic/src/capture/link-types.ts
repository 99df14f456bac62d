/**
 * Names of link types, as tcpdump.org registers them (without the LINKTYPE_ in front), so that an error can say what a
 * file holds. The ones that people meet; an unknown number is still named by its number.
 */
export const LINKTYPE_ETHERNET = 1;

const LINUX_SLL = 113;
const LINUX_SLL2 = 276;

const NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'NULL'],
  [LINKTYPE_ETHERNET, 'ETHERNET'],
  [3, 'AX25'],
  [6, 'IEEE802_5'],
  [8, 'SLIP'],
  [9, 'PPP'],
  [10, 'FDDI'],
  [50, 'PPP_HDLC'],
  [51, 'PPP_ETHER'],
  [100, 'ATM_RFC1483'],
  [101, 'RAW'],
  [104, 'C_HDLC'],
  [105, 'IEEE802_11'],
  [107, 'FRELAY'],
  [108, 'LOOP'],
  [LINUX_SLL, 'LINUX_SLL'],
  [117, 'PFLOG'],
  [119, 'IEEE802_11_PRISM'],
  [122, 'IP_OVER_FC'],
  [127, 'IEEE802_11_RADIOTAP'],
  [140, 'MTP2'],
  [141, 'MTP3'],
  [143, 'DOCSIS'],
  [163, 'IEEE802_11_AVS'],
  [187, 'BLUETOOTH_HCI_H4'],
  [189, 'USB_LINUX'],
  [192, 'PPI'],
  [195, 'IEEE802_15_4_WITHFCS'],
  [197, 'ERF'],
  [201, 'BLUETOOTH_HCI_H4_WITH_PHDR'],
  [220, 'USB_LINUX_MMAPPED'],
  [227, 'CAN_SOCKETCAN'],
  [228, 'IPV4'],
  [229, 'IPV6'],
  [230, 'IEEE802_15_4_NOFCS'],
  [239, 'NFLOG'],
  [242, 'IPOIB'],
  [247, 'INFINIBAND'],
  [249, 'USBPCAP'],
  [251, 'BLUETOOTH_LE_LL'],
  [253, 'NETLINK'],
  [254, 'BLUETOOTH_LINUX_MONITOR'],
  [256, 'BLUETOOTH_LE_LL_WITH_PHDR'],
  [258, 'PKTAP'],
  [LINUX_SLL2, 'LINUX_SLL2'],
]);

/** 'link type 113 (LINUX_SLL)'. */
export function describeLinkType(linkType: number): string {
  if (linkType >= 147 && linkType <= 162) return `link type ${linkType} (USER${linkType - 147})`;
  return `link type ${linkType} (${NAMES.get(linkType) ?? 'unknown'})`;
}

/** What to do about frames of this type; begins with '; ', or is empty. */
export function linkTypeHint(linkType: number): string {
  return linkType === LINUX_SLL || linkType === LINUX_SLL2
    ? '; it comes from capturing on the "any" device: capture on one interface instead'
    : '';
}
