/**
 * The URLs of a fleet's servers.
 *
 * @module
 */

const URL_REGEXP = /^(nats|tls):\/\/[^\s,@/]+$/;

/** The pattern refuses paths and users, `URL` a port over 65535. */
const isUrl = (text: string) => URL_REGEXP.test(text) && URL.canParse(text);

/**
 * Why an address cannot be one, for a person; `undefined` if it can. Passwords do not belong into a
 * command line.
 */
export function problemOfUrl(url: string): string | undefined {
  const wrong = url.split(",").find((one) => !isUrl(one));
  return wrong === undefined
    ? undefined
    : `must be nats://HOST:PORT or tls://HOST:PORT, received "${wrong}"`;
}
