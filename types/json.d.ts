/**
 * JSON.rawJSON and the reviver's third parameter (ECMAScript proposal "JSON.parse source text
 * access", which V8 has), until TypeScript's own library describes them.
 */
interface JSON {
  rawJSON(text: string): { readonly rawJSON: string };
  isRawJSON(value: unknown): value is { readonly rawJSON: string };
  parse(
    text: string,
    reviver: (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
}
