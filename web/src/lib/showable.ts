// SPDX-License-Identifier: Apache-2.0
// Whether a series can be shown here. The browser decodes more than the server does, so what the server only cannot
// render is shown all the same; what has no pixels is not.
import type { SeriesInfo } from './api';

/** Transfer syntaxes that the reader's own decoders take (PS3.5 annex A, PS3.6 annex A). */
export const DECODABLE: ReadonlySet<string> = new Set(
  [
    '1.2.840.10008.1.2 1.2.840.10008.1.2.1 1.2.840.10008.1.2.2 1.2.840.10008.1.2.1.99 1.2.840.10008.1.2.1.98',
    '1.2.840.10008.1.2.5 1.2.840.10008.1.2.8.1 1.2.840.10008.1.2.4.50 1.2.840.10008.1.2.4.51',
    '1.2.840.10008.1.2.4.53 1.2.840.10008.1.2.4.55 1.2.840.10008.1.2.4.57 1.2.840.10008.1.2.4.70',
    '1.2.840.10008.1.2.4.80 1.2.840.10008.1.2.4.81 1.2.840.10008.1.2.4.90 1.2.840.10008.1.2.4.91',
    '1.2.840.10008.1.2.4.201 1.2.840.10008.1.2.4.202 1.2.840.10008.1.2.4.203',
    '1.2.840.10008.1.2.4.110 1.2.840.10008.1.2.4.111 1.2.840.10008.1.2.4.112',
  ].flatMap((line) => line.split(' ')),
);

/** Video streams (PS3.5 8.2.5 to 8.2.12): one for all frames of an instance, played by the browser where it can. */
const isVideoSyntax = (uid: string) => /^1\.2\.840\.10008\.1\.2\.4\.10[0-8](\.1)?$/.test(uid);

export const isVideo = (series: SeriesInfo): boolean =>
  series.transfer_syntaxes.length > 0 && series.transfer_syntaxes.every(isVideoSyntax);

/** Why a series cannot be shown, in words; null when it can, or when only trying will tell. */
export function problemOf(series: SeriesInfo): string | null {
  if (series.readable || isVideo(series)) return null;
  const drawn = series.rows !== null && series.rows > 0 && series.frames > 0;
  if (drawn && series.transfer_syntaxes.some((s) => DECODABLE.has(s))) return null;
  return series.reason ?? 'it has nothing that can be drawn';
}
