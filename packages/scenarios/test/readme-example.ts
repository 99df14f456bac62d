import { runAutoscale, runImbalance } from '@cpumap/scenarios';

// GRE between two routers: to RSS it all looks alike. A machine of 8 virtual CPUs, of which 4 receive.
const { runs } = await runImbalance({ encapsulations: ['gre'], seconds: 0.01 });
for (const { offered, before, after } of runs) {
  console.log(`RSS     Jain ${before.jain.toFixed(3)}, ${Math.round((100 * before.missed) / offered)} % missed`);
  console.log(`cpumap  Jain ${after.jain.toFixed(3)}, ${after.missed} missed, ${after.outOfOrder} out of order`);
}

// A day in 50 ms: the same load with a controller that parks CPUs, and with all of them on.
const { controlled, allOn } = await runAutoscale({ load: 'daily', seconds: 0.05 });
console.log(`${controlled.delivered} of ${controlled.offered} frames, ${allOn.delivered} with all CPUs on`);
console.log(
  `${controlled.cpuSecondsInUse.toFixed(3)} s of CPUs in use, ${allOn.cpuSecondsInUse.toFixed(3)} with all on`,
);
