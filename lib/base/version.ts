import manifest from "../../deno.json" with { type: "json" };

/** The version of the agent and its client, from deno.json. */
export const VERSION: string = manifest.version;

/** The version of the protocol that this agent speaks (protocol, header). */
export const PROTOCOL_VERSION = "1.0.0";
