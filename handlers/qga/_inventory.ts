import type { Guest } from "../../lib/guest/guest.ts";
import type { Inventory } from "../../lib/guest/inventory.ts";
import { needed } from "../_ability.ts";

/**
 * What the guest knows about its hardware.
 *
 * @throws {RpcError} -32000 if it cannot describe it.
 */
export const inventoryOf = ({ inventory }: Guest): Inventory =>
  needed(inventory, "describe its hardware");
