// SPDX-License-Identifier: Apache-2.0
// Where the application is, from the address bar: the catalogue, the reader of one study, the intake or the network.

export type Place =
  | { name: 'catalogue' }
  | { name: 'network' }
  | { name: 'intake'; hold: string | null; deliveries: boolean }
  | { name: 'reader'; study: string; series: string | null };

function placeOf(location: Location): Place {
  if (/^\/network\/?$/.test(location.pathname)) return { name: 'network' };
  const intake = /^\/intake(?:\/(deliveries|holds\/([\w-]+)))?\/?$/.exec(location.pathname);
  if (intake) return { name: 'intake', hold: intake[2] ?? null, deliveries: intake[1] === 'deliveries' };
  const m = /^\/read\/([0-9.]+)\/?$/.exec(location.pathname);
  if (!m) return { name: 'catalogue' };
  return { name: 'reader', study: m[1] as string, series: new URLSearchParams(location.search).get('series') };
}

let place = $state.raw<Place>(placeOf(window.location));

export const where = (): Place => place;

export function go(path: string, replace = false): void {
  if (replace) history.replaceState(null, '', path);
  else history.pushState(null, '', path);
  place = placeOf(window.location);
}

/** Changes the address without moving: the filter of the catalogue is kept in it. */
export function note(path: string): void {
  history.replaceState(null, '', path);
}

export const readerPath = (study: string, series?: string) =>
  `/read/${study}${series ? `?series=${series}` : ''}`;

export const holdPath = (hold: string | null) => (hold ? `/intake/holds/${hold}` : '/intake');

window.addEventListener('popstate', () => {
  place = placeOf(window.location);
});
