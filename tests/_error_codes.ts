/**
 * The error codes of the wire as numbers, for tests to compare answers with. They are not imported
 * from lib/base/errors.ts: a changed number must fail a test.
 *
 * @module
 */

export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS = -32602;
export const INTERNAL_ERROR = -32603;
export const COMMAND_FAILED = -32000;
export const PERMISSION_DENIED = -32001;
export const NOT_FOUND = -32002;
export const TIMEOUT = -32003;
export const TOO_MANY_REQUESTS = -32004;
