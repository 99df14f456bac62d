/**
 * Frames and sk_buffs: frame memory, the descriptor in the headroom, building sk_buffs, and handing them to the stack.
 *
 * @packageDocumentation
 */
export * from './build-skb.ts';
export * from './copy-mac-frame.ts';
export * from './eth-type-trans.ts';
export * from './frame-pool.ts';
export * from './net-device.ts';
export * from './netif-receive.ts';
export * from './packet-handler.ts';
export * from './return-frame.ts';
export * from './shared-info.ts';
export * from './sk-buff.ts';
export * from './xdp-buff.ts';
export * from './xdp-frame.ts';
