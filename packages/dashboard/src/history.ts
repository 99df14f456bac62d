/** The last intervals, for whoever opens the page later. */
import { pastPoint } from './interval.ts';
import type { PastPoint, Point } from './protocol.ts';

export interface History {
  add(point: Point): void;
  /** Oldest first. */
  points(): readonly PastPoint[];
}

/** @param most points that are kept; older ones are forgotten */
export function createHistory(most: number): History {
  const points: PastPoint[] = [];
  return {
    add(point) {
      points.push(pastPoint(point));
      if (points.length > most) points.shift();
    },
    points: () => points,
  };
}
