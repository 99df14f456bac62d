/**
 * Packet handlers: who receives sk_buffs at the end of the path, the kernel's packet_type in behaviour.
 *
 * A handler is made once per CPU, by its factory, in that CPU's realm; it is called there for each sk_buff whose protocol
 * it registered for. It answers NET_RX_SUCCESS or NET_RX_DROP. The sk_buff is gone when it returns.
 */
import type { Memory } from '@cpumap/smp';

export interface HandlerEnv {
  readonly memory: Memory;
  readonly cpu: number;
  /** Nanoseconds on the machine's clock. */
  readonly now: () => number;
  /** Plain data that the handler was registered with. */
  readonly options: unknown;
}

export interface PacketHandler {
  receive(skb: number): number;
  /** Called when the handler is removed or its CPU ends: the place to flush what it gathered. */
  close?(): void;
}

export type PacketHandlerFactory = (env: HandlerEnv) => PacketHandler;
