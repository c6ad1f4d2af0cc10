import manifest from "../../deno.json" with { type: "json" };

/** The version of the agent and its client, as deno.json has it. */
export const VERSION: string = manifest.version;
