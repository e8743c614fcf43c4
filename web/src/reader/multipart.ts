// SPDX-License-Identifier: Apache-2.0
// One part out of a WADO-RS answer (PS3.18 8.7.1, RFC 2387): multipart/related or a single part.
import { ApiError, errorOf } from '../lib/api';

export interface Part {
  contentType: string;
  body: Uint8Array;
  /** Fields of the answer; null for a part by itself. */
  fields: Headers | null;
}

const ACCEPT =
  'multipart/related; type="application/octet-stream"; transfer-syntax=*, application/octet-stream; transfer-syntax=*';
/** Decoded by the server, where the reader has no decoder. */
export const ACCEPT_DECODED = 'application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1';
const CR = 13;
const LF = 10;

function indexOf(haystack: Uint8Array, needle: Uint8Array, from: number): number {
  const first = needle[0] as number;
  for (let at = haystack.indexOf(first, from); at !== -1; at = haystack.indexOf(first, at + 1)) {
    let i = 1;
    while (i < needle.length && haystack[at + i] === needle[i]) i += 1;
    if (i === needle.length) return at;
  }
  return -1;
}

/** Where the closing delimiter starts; searched from the end, because image bytes are long and may hold anything. */
function lastIndexOf(haystack: Uint8Array, needle: Uint8Array): number {
  const first = needle[0] as number;
  for (let at = haystack.lastIndexOf(first); at !== -1; at = at > 0 ? haystack.lastIndexOf(first, at - 1) : -1) {
    let i = 1;
    while (i < needle.length && haystack[at + i] === needle[i]) i += 1;
    if (i === needle.length) return at;
  }
  return -1;
}

const HEADER_END = new Uint8Array([CR, LF, CR, LF]);

/** The first part of a multipart body. Throws when the delimiters are not where they must be. */
export function firstPart(contentType: string, body: Uint8Array): Part {
  if (!/^multipart\//i.test(contentType)) return { contentType, body, fields: null };
  const boundary = /boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (!boundary) throw new Error('The answer is multipart without a boundary');
  const delimiter = new TextEncoder().encode(`--${boundary}`);
  const start = indexOf(body, delimiter, 0);
  const headerEnd = start < 0 ? -1 : indexOf(body, HEADER_END, start);
  if (headerEnd < 0) throw new Error('The answer is multipart without a part');
  const header = new TextDecoder().decode(body.subarray(start, headerEnd));
  const from = headerEnd + HEADER_END.length;
  const end = lastIndexOf(body, delimiter);
  const length = /^content-length:\s*(\d+)/im.exec(header)?.[1];
  const to = length !== undefined ? from + Number(length) : end - 2;
  if (to < from || to > body.length) throw new Error('The answer ends before its part does');
  const type = /^content-type:\s*(.+)$/im.exec(header)?.[1]?.trim() ?? 'application/octet-stream';
  return { contentType: type, body: body.subarray(from, to), fields: null };
}

export async function fetchPart(url: string, signal?: AbortSignal, accept = ACCEPT): Promise<Part> {
  let response: Response;
  try {
    response = await fetch(url, { headers: { Accept: accept }, signal: signal ?? null });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError('The server cannot be reached', 0, 'E_UNREACHABLE');
  }
  if (!response.ok) throw await errorOf(response);
  const body = new Uint8Array(await response.arrayBuffer());
  return { ...firstPart(response.headers.get('Content-Type') ?? '', body), fields: response.headers };
}

/** The transfer syntax that a part names, else what its media type implies, else what the metadata said. */
export function syntaxOf(contentType: string, stored: string | null): string {
  const named = /transfer-syntax="?([0-9.]+)"?/i.exec(contentType)?.[1];
  return named ?? stored ?? '1.2.840.10008.1.2.1';
}
