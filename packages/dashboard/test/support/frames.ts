/** Frames as hex, header by header. */
export const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replace(/\s/g, ''), 'hex'));

/** Destination and source. */
export const MAC = '020000000001 020000000002';

export const word = (value: number, length: number): string => value.toString(16).padStart(length * 2, '0');

/** An IPv4 packet of 10.0.0.`from` to 10.0.0.`to`. */
export function ip(protocol: number, from: number, to: number, payload = '', fragment = '0000'): string {
  const length = 20 + payload.replace(/\s/g, '').length / 2;
  return `4500 ${word(length, 2)} 0000 ${fragment} 40 ${word(protocol, 1)} 0000 0a0000${word(from, 1)} 0a0000${word(to, 1)} ${payload}`;
}

export function udp(source: number, port: number, payload = ''): string {
  const length = 8 + payload.replace(/\s/g, '').length / 2;
  return `${word(source, 2)}${word(port, 2)} ${word(length, 2)} 0000 ${payload}`;
}
