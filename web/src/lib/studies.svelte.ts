// SPDX-License-Identifier: Apache-2.0
// The catalogue's list as the application holds it: the query, the pages that were asked for, and where one stands in
// it. The reader uses it to go to the next study. Pages are fetched as they come into view.
import {
  ApiError,
  EMPTY_QUERY,
  fetchStudies,
  queryFromParams,
  queryParams,
  type FacetValue,
  type Study,
  type StudyQuery,
} from './api';

export const PAGE = 100;

interface List {
  query: StudyQuery;
  total: number;
  known: boolean;
  loading: boolean;
  error: string | null;
  facets: { modality: FacetValue[]; body_part: FacetValue[] };
  selected: number;
  /** Studies that are marked, for what is done with several at once; they stay while the filter changes. */
  marked: Study[];
}

export const list = $state<List>({
  query: queryFromParams(new URLSearchParams(location.pathname.startsWith('/read/') ? '' : location.search)),
  total: 0,
  known: false,
  loading: false,
  error: null,
  facets: { modality: [], body_part: [] },
  selected: 0,
  marked: [],
});

export const isMarked = (uid: string): boolean => list.marked.some((s) => s.study_uid === uid);

export function toggleMark(study: Study): void {
  list.marked = isMarked(study.study_uid) ? list.marked.filter((s) => s.study_uid !== study.study_uid) : [...list.marked, study];
}

let pages = $state.raw<Map<number, Study[]>>(new Map());
let controller = new AbortController();
let asked = new Set<number>();
let loadedFor = '';
let running: Promise<void> = Promise.resolve();

const keyOf = (q: StudyQuery) => `${queryParams(q)}&${q.sort}`;

export function studyAt(index: number): Study | null {
  return pages.get(Math.floor(index / PAGE))?.[index % PAGE] ?? null;
}

async function fetchPage(page: number): Promise<void> {
  if (asked.has(page)) return;
  asked.add(page);
  const mine = controller;
  try {
    const answer = await fetchStudies(list.query, page * PAGE, PAGE, mine.signal);
    if (mine !== controller) return;
    pages = new Map(pages).set(page, answer.studies);
    list.total = answer.total;
    list.facets = answer.facets;
    list.known = true;
    list.error = null;
  } catch (cause) {
    if (mine !== controller) return;
    asked.delete(page);
    list.error = cause instanceof ApiError ? cause.message : 'The list could not be read';
  }
}

/** Asks for what lies between two rows, and nothing twice. */
export function want(first: number, last: number): void {
  for (let p = Math.floor(first / PAGE); p <= Math.floor(Math.max(first, last) / PAGE); p += 1) void fetchPage(p);
}

/** Reads the list anew after the query changed. The old rows stay until the new ones are there. */
export function reload(force = false): Promise<void> {
  const key = keyOf(list.query);
  if (!force && key === loadedFor) return running;
  loadedFor = key;
  running = readAnew();
  return running;
}

async function readAnew(): Promise<void> {
  controller.abort();
  controller = new AbortController();
  const mine = controller;
  list.loading = true;
  try {
    const answer = await fetchStudies(list.query, 0, PAGE, mine.signal);
    if (mine !== controller) return;
    asked = new Set([0]);
    pages = new Map([[0, answer.studies]]);
    list.total = answer.total;
    list.facets = answer.facets;
    list.known = true;
    list.error = null;
    list.selected = 0;
  } catch (cause) {
    if (mine !== controller) return;
    loadedFor = '';
    list.error = cause instanceof ApiError ? cause.message : 'The list could not be read';
  } finally {
    if (mine === controller) list.loading = false;
  }
}

export function isFiltered(): boolean {
  const q = list.query;
  return Boolean(q.q.trim() || q.modality.length || q.body_part.length || q.from || q.to);
}

export function clearFilters(): void {
  list.query = { ...EMPTY_QUERY, sort: list.query.sort };
}

/** The study `step` places from the given one in the list as it is filtered and sorted; null at its ends. */
export async function neighbour(uid: string, step: number): Promise<Study | null> {
  if (!list.known) await reload();
  let at = -1;
  for (const [page, studies] of pages) {
    const i = studies.findIndex((s) => s.study_uid === uid);
    if (i >= 0) at = page * PAGE + i;
  }
  const next = at + step;
  if (at < 0 || next < 0 || next >= list.total) return null;
  await fetchPage(Math.floor(next / PAGE));
  const found = studyAt(next);
  if (found) list.selected = next;
  return found;
}
