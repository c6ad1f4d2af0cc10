/** The version of the agent and its client, and of the packages. Nothing else states it. */
export const VERSION: string = "1.0.0";

/** The version of the protocol that this agent speaks (protocol, header). */
export const PROTOCOL_VERSION = "1.0.0";
