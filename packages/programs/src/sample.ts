/**
 * The factories alone: the module that CPUs import when they instantiate one of these programs.
 *
 * @packageDocumentation
 */
export { l4Dport, l4Sport } from './port-programs.ts';
export { remoteDrop, remotePass } from './remote-programs.ts';
export {
  ddosFilterPktgen,
  lbHashIpPairs,
  noTouch,
  protoSeparate,
  roundRobin,
  touchData,
} from './sample-programs.ts';
