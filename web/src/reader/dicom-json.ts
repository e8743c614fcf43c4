// SPDX-License-Identifier: Apache-2.0
// Reading values out of the DICOM JSON model (PS3.18 annex F). Knows no attribute by meaning.

import { fetchPart } from './multipart';

export interface JsonElement {
  vr: string;
  Value?: unknown[];
  BulkDataURI?: string;
  InlineBinary?: string;
}

export type JsonDataSet = Record<string, JsonElement | undefined>;

export function str(ds: JsonDataSet, tag: string, index = 0): string | null {
  const v = ds[tag]?.Value?.[index];
  if (typeof v === 'string') return v.trim();
  return typeof v === 'number' ? String(v) : null;
}

export function num(ds: JsonDataSet, tag: string, index = 0): number | null {
  const v = ds[tag]?.Value?.[index];
  if (v === null || v === undefined || v === '') return null;
  const n = typeof v === 'number' ? v : Number(v);
  return Number.isFinite(n) ? n : null;
}

/** All values as numbers, or null when fewer than `least` are there or one is not a number. */
export function nums(ds: JsonDataSet, tag: string, least = 1): number[] | null {
  const values = ds[tag]?.Value;
  if (!values || values.length < least) return null;
  const out = values.map((v) => (v === null || v === '' ? NaN : Number(v)));
  return out.every(Number.isFinite) ? out : null;
}

export function strs(ds: JsonDataSet, tag: string): string[] {
  return (ds[tag]?.Value ?? []).filter((v): v is string => typeof v === 'string').map((v) => v.trim());
}

export function items(ds: JsonDataSet, tag: string): JsonDataSet[] {
  return (ds[tag]?.Value ?? []).filter((v): v is JsonDataSet => typeof v === 'object' && v !== null);
}

export const item = (ds: JsonDataSet, tag: string): JsonDataSet => items(ds, tag)[0] ?? {};

/** The bytes of a binary element: inline, or fetched from its bulk data address. Null when it has none. */
export async function bytes(element: JsonElement | undefined, signal?: AbortSignal): Promise<Uint8Array | null> {
  if (element?.InlineBinary !== undefined) {
    return Uint8Array.from(atob(element.InlineBinary), (c) => c.charCodeAt(0));
  }
  if (!element?.BulkDataURI) return null;
  return (await fetchPart(element.BulkDataURI, signal)).body;
}
