// SPDX-License-Identifier: Apache-2.0
// What the gate held, and the deliveries it came with, as the pages show them. Nothing here holds a value of an instance
// unless a person asked to see it.
import { ApiError, getJson, sendJson } from './api';

export interface Reason {
  code: string;
  words: string;
}

export interface ReasonCount extends Reason {
  count: number;
}

export interface Hold {
  id: string;
  delivery: string;
  series: string;
  patient: string;
  modality: string;
  sop_class: string;
  frames: number;
  rows: number;
  columns: number;
  reasons: Reason[];
  risk: { points: number; why: string[] };
  since: string;
  expires: string | null;
  second_needed: boolean;
  first_by: string | null;
  series_size: number;
}

export interface HoldList {
  reasons: ReasonCount[];
  holds: Hold[];
  total: number;
}

export type BoxKind = 'black' | 'keep';

/** In pixels of the image; frame 0 is every frame. */
export interface Box {
  frame: number;
  x: number;
  y: number;
  width: number;
  height: number;
  shape?: string;
  sure?: string;
  decided: BoxKind | 'open';
  by: 'gate' | 'person';
}

export interface Finding {
  where: string;
  kind: string;
  kind_words: string;
  done: string;
}

export interface Decision {
  who: string;
  when: string;
  what: string;
  reason: string;
}

export type Choice = 'defaced' | 'key-images' | 'consent';

export interface HoldDetail extends Hold {
  boxes: Box[];
  version: string;
  findings: Finding[];
  choices: Choice[];
  decisions: Decision[];
  siblings: string[];
  faces: boolean;
}

export interface HeaderRow {
  path: string;
  tag: string;
  keyword: string;
  vr: string;
  before: string;
  after: string;
  done: string;
}

export interface Delivery {
  id: string;
  door: string;
  source: string | null;
  begun: string;
  ended: string | null;
  files: number;
  released: number;
  held: number;
  refused: number;
  certificate: boolean;
  expires: string | null;
}

export interface DecisionInput {
  decision: 'release' | 'refuse' | 'return';
  reason: string;
  scope: 'instance' | 'series' | 'study';
  choice: Choice | null;
  consent_reference: string | null;
  person: string;
}

export interface DecisionAnswer {
  state: 'released' | 'refused' | 'returned' | 'second-needed' | 'held';
  reasons: Reason[];
}

const path = (hold: string) => `/api/holds/${encodeURIComponent(hold)}`;

export const fetchHolds = (reason: string | null, limit: number, signal?: AbortSignal) =>
  getJson<HoldList>(`/api/holds?limit=${limit}${reason ? `&reason=${encodeURIComponent(reason)}` : ''}`, signal);
export const fetchHold = (hold: string, signal?: AbortSignal) => getJson<HoldDetail>(path(hold), signal);
export const fetchHeader = (hold: string, shown: boolean) =>
  getJson<{ rows: HeaderRow[] }>(`${path(hold)}/header?values=${shown ? 'shown' : 'masked'}`);
export const fetchDeliveries = (state: 'open' | 'decided', limit: number, signal?: AbortSignal) =>
  getJson<{ deliveries: Delivery[]; total: number }>(`/api/deliveries?state=${state}&limit=${limit}`, signal);
export const decide = (hold: string, input: DecisionInput) => sendJson<DecisionAnswer>('POST', `${path(hold)}/decision`, input);

export const framePath = (hold: string, frame: number, which: 'source' | 'result', version: string) =>
  `${path(hold)}/frames/${frame}/${which}?v=${encodeURIComponent(version)}`;
export const facePath = (hold: string, which: 'before' | 'after') => `${path(hold)}/face/${which}`;
export const certificatePath = (delivery: string, form: 'pdf' | 'json') =>
  `/api/deliveries/${encodeURIComponent(delivery)}/certificate.${form}`;

/** Keeps the drawn boxes; `version` is the one they were drawn on. */
export async function saveBoxes(hold: string, boxes: Box[], apply: 'instance' | 'series', version: string): Promise<HoldDetail> {
  const body = {
    boxes: boxes
      .filter((b) => b.by === 'person' && b.decided !== 'open')
      .map((b) => ({ frame: b.frame, x: b.x, y: b.y, width: b.width, height: b.height, kind: b.decided })),
    apply,
  };
  return sendJson<HoldDetail>('PUT', `${path(hold)}/boxes`, body, { 'If-Match': `"${version}"` });
}

interface State {
  list: HoldList | null;
  reason: string | null;
  limit: number;
  error: string | null;
}

export const HOLDS_STEP = 100;
export const room = $state<State>({ list: null, reason: null, limit: HOLDS_STEP, error: null });

export async function refreshHolds(): Promise<void> {
  try {
    room.list = await fetchHolds(room.reason, room.limit);
    room.error = null;
  } catch (cause) {
    room.error = cause instanceof ApiError ? cause.message : 'The server cannot be reached';
  }
}

const POLL_MS = 5000;

/** Asks at once and from then on while the page can be seen. Returns how to stop. */
export function watchHolds(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  const again = async () => {
    if (!document.hidden) await refreshHolds();
    if (!stopped) timer = setTimeout(() => void again(), POLL_MS);
  };
  void again();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
