/**
 * xdp_do_redirect: carries out what a program's XDP_REDIRECT asked for, and xdp_do_flush at the end of the poll.
 *
 * Who calls  a driver after each XDP_REDIRECT, a kthread for its second program; both call `flush` once at their end.
 * Answer     0 when the target took the frame; a negative errno when it is still the caller's, who frees it.
 * Every answer fires exactly one redirect event. The two releases differ in where a slot is looked up, in what they
 * remember between frames and in the errors; each is one function below.
 */

import { BPF_MAP } from '@cpumap/bpf';
import { NET_DEVICE, XDP_BUFF, type XdpFrames } from '@cpumap/skb';
import type { Memory } from '@cpumap/smp';
import type { Tracepoints } from '@cpumap/tracepoints';
import { BPF_F_EXCLUDE_INGRESS, BPF_MAP_TYPE, ERRNO, type Features } from '@cpumap/uapi';
import { NO_MAP_ID, REDIRECT_INFO } from './redirect-info.ts';
import type { DeviceRedirect, RedirectTarget, RedirectTargets } from './redirect-target.ts';

export interface RedirectParts {
  readonly memory: Memory;
  readonly features: Features;
  readonly frames: XdpFrames;
  readonly targets: RedirectTargets;
  readonly tracepoints: Tracepoints;
  readonly redirectInfo: number;
  readonly device: DeviceRedirect;
  /** Address of the NET_DEVICE of an index, 0 if there is none. */
  readonly deviceByIndex: (ifindex: number) => number;
}

export interface Redirect {
  /** At the start of a poll or batch, with the program that is going to run. */
  begin(progId: number): void;
  doRedirect(buff: number): number;
  /** Generic mode: `skb` is the sk_buff that stands for the frame, `dev` its device. */
  doGenericRedirect(skb: number, dev: number): number;
  flush(): void;
}

const EINVAL = -ERRNO.EINVAL;
const EFAULT = -ERRNO.EFAULT;
const EBADRQC = -ERRNO.EBADRQC;
const EOVERFLOW = -ERRNO.EOVERFLOW;

export function attachRedirect(parts: RedirectParts): Redirect {
  return parts.features.perCpuFlushList ? redirect618(parts) : redirect415(parts);
}

function redirect618(parts: RedirectParts): Redirect {
  const { frames, targets, tracepoints, device, deviceByIndex } = parts;
  const { u32 } = parts.memory;
  const ri = parts.redirectInfo >> 2;
  const INDEX = ri + (REDIRECT_INFO.tgt_index >> 2);
  const VALUE = ri + (REDIRECT_INFO.tgt_value >> 2);
  const MAP = ri + (REDIRECT_INFO.map >> 2);
  const FLAGS = ri + (REDIRECT_INFO.flags >> 2);
  const MAP_ID = ri + (REDIRECT_INFO.map_id >> 2);
  const MAP_TYPE = ri + (REDIRECT_INFO.map_type >> 2);
  const PROG_ID = ri + (REDIRECT_INFO.prog_id >> 2);
  const REDIRECTS = ri + (REDIRECT_INFO.redirects >> 2);
  const DEV = XDP_BUFF.dev >> 2;
  const used = targets.filter((target): target is RedirectTarget => target !== undefined);

  /** A redirect of a frame, or in generic mode of an sk_buff, without a map: to a device, or to nowhere. */
  function withoutMap(dev: number, mapId: number, what: number, generic: boolean): number {
    const index = u32[INDEX]!;
    // without any helper the event shows the index that the poll's last one left
    const toDevice = mapId === NO_MAP_ID;
    const to = toDevice ? deviceByIndex(index) : 0;
    const err = !toDevice ? EBADRQC : to === 0 ? EINVAL : send(to, what, dev, generic);
    const prog = u32[PROG_ID]!;
    if (err === 0) u32[REDIRECTS]! += 1;
    tracepoints.redirect(prog, ifindexOf(dev), toDevice ? index : 0, err, mapId, toDevice ? 0 : index, false, 0);
    return err;
  }

  function send(to: number, what: number, dev: number, generic: boolean): number {
    return generic ? device.genericRedirect(to, what) : device.enqueue(to, what, dev);
  }

  const ifindexOf = (dev: number): number => u32[(dev + NET_DEVICE.ifindex) >> 2]!;

  /** Where the event says that it goes: a broadcast shows the device of its key, if there is one. */
  function toIfindex(target: RedirectTarget | undefined): number {
    const entry = u32[VALUE]!;
    return entry === 0 ? 0 : (target?.toIfindex(entry) ?? 0);
  }

  /** A redirect with flags: a copy for each device of the map. */
  function broadcast(target: RedirectTarget, what: number, dev: number, generic: boolean): number {
    const excluded = (u32[FLAGS]! & BPF_F_EXCLUDE_INGRESS) === 0 ? 0 : dev;
    u32[FLAGS] = 0;
    const to = target.broadcast!;
    return generic ? to.genericRedirect(u32[MAP]!, what, excluded) : to.enqueue(u32[MAP]!, what, dev, excluded);
  }

  return {
    begin(progId) {
      u32[INDEX] = 0;
      u32[FLAGS] = 0;
      u32[VALUE] = 0;
      u32[MAP_ID] = 0;
      u32[MAP_TYPE] = 0;
      u32[PROG_ID] = progId;
    },
    doRedirect(buff) {
      const mapId = u32[MAP_ID]!;
      const mapType = u32[MAP_TYPE]!;
      const dev = u32[(buff >> 2) + DEV]!;
      u32[MAP_ID] = 0;
      u32[MAP_TYPE] = 0;
      // mirrors xdp_do_redirect: the frame is converted before anybody asks where it goes
      const frame = frames.fromBuff(buff);
      const target = targets[mapType];
      if (frame !== 0 && target === undefined) return withoutMap(dev, mapId, frame, false);
      let err = EOVERFLOW;
      if (frame !== 0) {
        err = u32[FLAGS] === 0 ? target!.enqueue(u32[VALUE]!, frame, dev) : broadcast(target!, frame, dev, false);
      }
      if (err === 0) {
        u32[REDIRECTS]! += 1;
        if (!tracepoints.tracesRedirect()) return 0;
      }
      const viaMap = target !== undefined;
      tracepoints.redirect(u32[PROG_ID]!, ifindexOf(dev), toIfindex(target), err, mapId, u32[INDEX]!, viaMap, mapType);
      return err;
    },
    doGenericRedirect(skb, dev) {
      const mapId = u32[MAP_ID]!;
      const mapType = u32[MAP_TYPE]!;
      const target = targets[mapType];
      u32[MAP_ID] = 0;
      u32[MAP_TYPE] = 0;
      if (target === undefined) return withoutMap(dev, mapId, skb, true);
      const err = u32[FLAGS] === 0 ? target.genericRedirect(u32[VALUE]!, skb) : broadcast(target, skb, dev, true);
      if (err === 0) u32[REDIRECTS]! += 1;
      tracepoints.redirect(u32[PROG_ID]!, ifindexOf(dev), toIfindex(target), err, mapId, u32[INDEX]!, true, mapType);
      return err;
    },
    flush() {
      for (let i = 0; i < used.length; i++) used[i]!.flush();
      tracepoints.countRedirects(u32[REDIRECTS]!);
      u32[REDIRECTS] = 0;
    },
  };
}

function redirect415(parts: RedirectParts): Redirect {
  const { frames, targets, tracepoints, device, deviceByIndex } = parts;
  const { u32 } = parts.memory;
  const ri = parts.redirectInfo >> 2;
  const INDEX = ri + (REDIRECT_INFO.tgt_index >> 2);
  const MAP = ri + (REDIRECT_INFO.map >> 2);
  const MAP_OWNER = ri + (REDIRECT_INFO.map_owner >> 2);
  const PROG_ID = ri + (REDIRECT_INFO.prog_id >> 2);
  const TO_FLUSH = ri + (REDIRECT_INFO.map_to_flush >> 2);

  const typeOf = (map: number): number => u32[(map + BPF_MAP.map_type) >> 2]!;
  const ifindexOf = (dev: number): number => u32[(dev + NET_DEVICE.ifindex) >> 2]!;

  function flush(): void {
    const map = u32[TO_FLUSH]!;
    if (map === 0) return;
    u32[TO_FLUSH] = 0;
    targets[typeOf(map)]!.flushMap(map);
  }

  /** mirrors the plain path: a helper that was never called has left ifindex 0, which no device has. */
  function withoutMap(dev: number, index: number, what: number, generic: boolean): number {
    const to = deviceByIndex(index);
    const err = to === 0 ? EINVAL : generic ? device.genericRedirect(to, what) : sendNow(to, what, dev);
    if (err === 0) tracepoints.countRedirects(1);
    tracepoints.redirect(u32[PROG_ID]!, ifindexOf(dev), index, err, 0, 0, false, 0);
    return err;
  }

  /** Without a map nothing says what to flush: the frame leaves at once. */
  function sendNow(to: number, buff: number, dev: number): number {
    const frame = frames.fromBuff(buff);
    if (frame === 0) return EOVERFLOW;
    const err = device.enqueue(to, frame, dev);
    if (err === 0) targets[BPF_MAP_TYPE.DEVMAP]?.flush();
    return err;
  }

  function failed(dev: number, map: number, index: number, err: number): number {
    const mapId = map === 0 ? 0 : u32[(map + BPF_MAP.id) >> 2]!;
    tracepoints.redirect(u32[PROG_ID]!, ifindexOf(dev), 0, err, mapId, index, true, map === 0 ? 0 : typeOf(map));
    return err;
  }

  return {
    begin(progId) {
      u32[PROG_ID] = progId;
    },
    doRedirect(buff) {
      const dev = u32[(buff + XDP_BUFF.dev) >> 2]!;
      const map = u32[MAP]!;
      const index = u32[INDEX]!;
      const owner = u32[MAP_OWNER]!;
      u32[INDEX] = 0;
      u32[MAP] = 0;
      u32[MAP_OWNER] = 0;
      if (map === 0) return withoutMap(dev, index, buff, false);
      if (owner !== u32[PROG_ID]) return failed(dev, 0, index, EFAULT);
      const target = targets[typeOf(map)];
      const entry = target?.lookup(map, index) ?? 0;
      if (target === undefined || entry === 0) return failed(dev, map, index, EINVAL);
      if (u32[TO_FLUSH] !== 0 && u32[TO_FLUSH] !== map) flush();
      const frame = frames.fromBuff(buff);
      if (frame === 0) return failed(dev, map, index, EOVERFLOW);
      target.enqueue(entry, frame, dev);
      target.insertCtx(map, index);
      u32[TO_FLUSH] = map;
      tracepoints.countRedirects(1);
      tracepoints.redirect(
        u32[PROG_ID]!,
        ifindexOf(dev),
        0,
        0,
        u32[(map + BPF_MAP.id) >> 2]!,
        index,
        true,
        typeOf(map),
      );
      return 0;
    },
    doGenericRedirect(skb, dev) {
      const map = u32[MAP]!;
      const index = u32[INDEX]!;
      const owner = u32[MAP_OWNER]!;
      u32[INDEX] = 0;
      u32[MAP] = 0;
      u32[MAP_OWNER] = 0;
      if (map === 0) return withoutMap(dev, index, skb, true);
      if (owner !== u32[PROG_ID]) return failed(dev, 0, index, EFAULT);
      const entry = targets[typeOf(map)]?.lookup(map, index) ?? 0;
      // mirrors xdp_do_generic_redirect_map of 4.15: the slot is looked up, then cpumap is not known there
      return failed(dev, map, index, entry === 0 ? EINVAL : EBADRQC);
    },
    flush,
  };
}
