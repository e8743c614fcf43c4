// SPDX-License-Identifier: Apache-2.0
// The HTTP face of the server as the application sees it: types of /api answers and one way to fetch them.

export interface Suite {
  suite: string;
  school: string;
  station: string;
  version: string;
  revision: string;
  now: string;
  user: { name: string; role: string };
  gate: { mode: string; notice: string };
  catalogue: { studies: number; series: number; instances: number };
}

export interface Study {
  study_uid: string;
  patient_name: string | null;
  patient_id: string | null;
  sex: string | null;
  birth_date: string | null;
  age: string | null;
  date: string | null;
  time: string | null;
  accession: string | null;
  description: string | null;
  modalities: string[];
  body_parts: string[];
  series: number;
  instances: number;
  thumbnail: string | null;
}

export interface FacetValue {
  value: string;
  count: number;
}

export interface StudyPage {
  total: number;
  offset: number;
  limit: number;
  facets: { modality: FacetValue[]; body_part: FacetValue[] };
  studies: Study[];
}

export interface SeriesInfo {
  series_uid: string;
  number: number | null;
  modality: string;
  description: string | null;
  body_part: string | null;
  instances: number;
  frames: number;
  rows: number | null;
  columns: number | null;
  sop_classes: string[];
  transfer_syntaxes: string[];
  thumbnail: string | null;
  readable: boolean;
  reason: string | null;
}

export interface StudyDetail {
  study: Study;
  series: SeriesInfo[];
}

export type SortKey = '-date' | 'date' | 'name' | '-name' | 'description';

export interface StudyQuery {
  q: string;
  modality: string[];
  body_part: string[];
  from: string;
  to: string;
  sort: SortKey;
}

export const EMPTY_QUERY: StudyQuery = {
  q: '',
  modality: [],
  body_part: [],
  from: '',
  to: '',
  sort: '-date',
};

/** What the server said when it did not do as asked; `message` is fit to be shown. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string | null = null,
    readonly clause: string | null = null,
    /** The member of the request that was wrong, where the server names one. */
    readonly where: string | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

interface ErrorBody {
  error?: { code?: string; message?: string; clause?: string | null; where?: string | null };
}

/** Turns a refused response into an ApiError, with the server's own words where it sent some. */
export async function errorOf(response: Response): Promise<ApiError> {
  let body: ErrorBody = {};
  try {
    body = (await response.json()) as ErrorBody;
  } catch {
    // A proxy or an older server may answer without a JSON body: the status line has to do.
  }
  const said = body.error?.message;
  const text = said ?? `The server answered ${response.status} ${response.statusText}`.trim();
  return new ApiError(text, response.status, body.error?.code ?? null, body.error?.clause ?? null, body.error?.where ?? null);
}

export async function getJson<T>(path: string, signal?: AbortSignal, accept = 'application/json'): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { headers: { Accept: accept }, signal: signal ?? null });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError('The server cannot be reached. Is MacLab still running?', 0, 'E_UNREACHABLE');
  }
  if (!response.ok) throw await errorOf(response);
  return (await response.json()) as T;
}

/** Sends something and reads the answer; an answer without a body gives null. */
export async function sendJson<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown, more: Record<string, string> = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: { Accept: 'application/json', ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...more },
      body: body === undefined ? null : JSON.stringify(body),
    });
  } catch {
    throw new ApiError('The server cannot be reached. Is MacLab still running?', 0, 'E_UNREACHABLE');
  }
  if (!response.ok) throw await errorOf(response);
  return (response.status === 204 ? null : await response.json()) as T;
}

/** The query part of /api/studies; also what the address bar keeps, so that a filtered list can be linked to. */
export function queryParams(query: StudyQuery): URLSearchParams {
  const p = new URLSearchParams();
  if (query.q.trim()) p.set('q', query.q.trim());
  if (query.modality.length) p.set('modality', query.modality.join(','));
  if (query.body_part.length) p.set('body_part', query.body_part.join(','));
  if (query.from) p.set('from', query.from);
  if (query.to) p.set('to', query.to);
  if (query.sort !== '-date') p.set('sort', query.sort);
  return p;
}

export function queryFromParams(p: URLSearchParams): StudyQuery {
  const list = (name: string) => (p.get(name) ?? '').split(',').filter(Boolean);
  const sorts: SortKey[] = ['-date', 'date', 'name', '-name', 'description'];
  const sort = sorts.find((s) => s === p.get('sort')) ?? '-date';
  return {
    q: p.get('q') ?? '',
    modality: list('modality'),
    body_part: list('body_part'),
    from: p.get('from') ?? '',
    to: p.get('to') ?? '',
    sort,
  };
}

export function fetchStudies(query: StudyQuery, offset: number, limit: number, signal?: AbortSignal) {
  const p = queryParams(query);
  p.set('sort', query.sort);
  p.set('offset', String(offset));
  p.set('limit', String(limit));
  return getJson<StudyPage>(`/api/studies?${p}`, signal);
}

export const fetchSuite = (signal?: AbortSignal) => getJson<Suite>('/api/suite', signal);

export const fetchStudy = (uid: string, signal?: AbortSignal) =>
  getJson<StudyDetail>(`/api/studies/${encodeURIComponent(uid)}`, signal);
