/** The page of --web: starts it with what a run shows and lets change, and tells where it is. */
import type { Dashboard, DashboardControls, DashboardSource } from '@cpumap/dashboard';
import { CommandError, EXIT } from '../exit-codes.ts';
import type { WebSettings } from '../options.ts';

export interface WebPage {
  readonly source: DashboardSource;
  readonly controls: DashboardControls | undefined;
  readonly whyNoControls?: string;
}

/** undefined without --web. What it is made of is loaded only then. @throws CommandError when it cannot be served */
export async function openWebPage(
  web: WebSettings | undefined,
  describe: () => WebPage,
): Promise<Dashboard | undefined> {
  if (web === undefined) return undefined;
  const { createDashboard, DashboardError } = await import('@cpumap/dashboard');
  const { source, controls, whyNoControls } = describe();
  try {
    return await createDashboard({
      source,
      port: web.port,
      host: web.host,
      ...(controls && { controls }),
      ...(whyNoControls !== undefined && { whyNoControls }),
    });
  } catch (error) {
    if (error instanceof DashboardError) throw new CommandError(EXIT.FAIL, `--web: ${error.message}`, error);
    throw error;
  }
}

/** One line for the terminal. */
export function webLine({ url }: Dashboard): string {
  return `Dashboard: ${url}`;
}
