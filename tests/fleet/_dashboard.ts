/**
 * The queries of the Grafana dashboard.
 *
 * @module
 */

import * as z from "zod";
import { ROOT } from "../_deno.ts";

const Target = z.looseObject({ expr: z.string() });
const Panel = z.looseObject({
  id: z.int(),
  title: z.string(),
  targets: z._default(z.array(Target), []),
});
const Dashboard = z.looseObject({ uid: z.string(), panels: z.array(Panel) });

/** A query of a panel, as Grafana sends it when all VMs are selected. */
export interface Query {
  readonly panel: string;
  readonly expression: string;
}

/** Every query of the dashboard. */
export async function dashboardQueries(): Promise<Query[]> {
  const text = await Deno.readTextFile(`${ROOT}install/grafana/kvmmanager.json`);
  const { panels } = z.parse(Dashboard, JSON.parse(text));
  if (new Set(panels.map(({ id }) => id)).size !== panels.length) {
    throw new Error("two panels of the dashboard have one id");
  }
  return panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => ({
      panel: title,
      expression: expr.replaceAll("$domain", ".*").replaceAll("$__rate_interval", "1m"),
    }))
  );
}
