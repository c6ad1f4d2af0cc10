/**
 * Who a VM belongs to.
 *
 * @module
 */

import { DEFAULT_TENANT } from "../../fleet/subjects.ts";
import type { HostVm } from "../vm.ts";

/** The label of the VM's description that the host's operator has written. */
export const tenantOf = ({ domain }: HostVm): string => domain?.labels["tenant"] ?? DEFAULT_TENANT;
