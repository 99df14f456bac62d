/** Serves what a run shows and lets change, and tells where. */
import { createDashboard, type Dashboard, DashboardError, type DashboardOptions } from '@cpumap/dashboard';
import { CommandError, EXIT } from '../exit-codes.ts';
import { type Metered, metricsRoute } from '../metrics.ts';
import type { WebSettings } from '../settings.ts';

/** @throws CommandError when it cannot be served */
export async function openWebPage(
  { port, host }: WebSettings,
  page: Pick<DashboardOptions, 'source' | 'controls' | 'whyNoControls'>,
  metered: Metered,
): Promise<Dashboard> {
  try {
    return await createDashboard({ ...page, port, host, routes: metricsRoute(metered) });
  } catch (error) {
    if (error instanceof DashboardError) throw new CommandError(EXIT.FAIL, `--web: ${error.message}`, error);
    throw error;
  }
}
