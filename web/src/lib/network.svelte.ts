// SPDX-License-Identifier: Apache-2.0
// Stations, the DICOM node and what is on its way to them, as the pages show it. Asked for again while somebody looks:
// often while something is being sent, now and then otherwise.
import { ApiError, getJson, sendJson } from './api';

export type May = 'query' | 'retrieve' | 'store' | 'receive';

export interface PeerCheck {
  checked: string;
  ok: boolean;
  connect_us: number;
  echo_us: number;
  message: string;
}

export interface Peer {
  aet: string;
  host: string;
  port: number;
  tls: boolean;
  certificate: string | null;
  may: May[];
  identity: boolean;
  notes: string;
  added: string;
  seen: string | null;
  check: PeerCheck | null;
}

export type PeerInput = Pick<Peer, 'aet' | 'host' | 'port' | 'tls' | 'certificate' | 'may' | 'identity' | 'notes'>;

export interface Stranger {
  calling: string;
  called: string;
  address: string;
  why: string;
  first: string;
  last: string;
  times: number;
}

export interface Node {
  running: boolean;
  aet: string | null;
  address: string | null;
  tls_address: string | null;
  associations: { open: number; accepted: number; rejected: number; aborted: number };
  turned_away: { calling: number; called: number; address: number; certificate: number; identity: number };
  inbox: { backlog: number; backlog_bytes: number; held: number; oldest: string | null };
  strangers: Stranger[];
  now: string;
}

export type TaskState = 'waiting' | 'sending' | 'done' | 'failed' | 'cancelled';
export type Priority = 'urgent' | 'normal' | 'low';

export interface Task {
  id: number;
  study_uid: string;
  series_uid: string | null;
  patient_name: string;
  description: string;
  series_description: string;
  modalities: string[];
  station: string;
  state: TaskState;
  priority: Priority;
  attempts: number;
  next_at: string | null;
  started: string | null;
  finished: string | null;
  total: number;
  sent: number;
  present: number;
  failed: number;
  message: string;
}

export interface Order {
  id: number;
  created: string;
  not_before: string | null;
  who: string;
  tasks: Task[];
}

export interface OrderList {
  counts: Record<TaskState, number>;
  orders: Order[];
  more: boolean;
  now: string;
}

export interface OrderInput {
  /** `STUDY` or `STUDY/SERIES` */
  items: string[];
  stations: string[];
  priority: Priority;
  not_before: string | null;
}

export const fetchPeers = (signal?: AbortSignal) => getJson<{ peers: Peer[]; now: string }>('/api/peers', signal);
export const fetchNode = (signal?: AbortSignal) => getJson<Node>('/api/network', signal);
export const fetchOrders = (limit: number, signal?: AbortSignal) => getJson<OrderList>(`/api/routes?limit=${limit}`, signal);
export const fetchOrder = (id: number) => getJson<Order>(`/api/routes/${id}`);
const peerPath = (aet: string) => `/api/peers/${encodeURIComponent(aet)}`;
export const addPeer = (peer: PeerInput) => sendJson<Peer>('POST', '/api/peers', peer);
export const changePeer = (peer: PeerInput) => sendJson<Peer>('PUT', peerPath(peer.aet), peer);
export const removePeer = (aet: string) => sendJson<null>('DELETE', peerPath(aet));
export const echoPeer = (aet: string) => sendJson<PeerCheck>('POST', `${peerPath(aet)}/echo`);
export const addOrder = (order: OrderInput) => sendJson<Order>('POST', '/api/routes', order);
const taskQuery = (task?: number) => (task === undefined ? '' : `?task=${task}`);
export const cancelOrder = (id: number, task?: number) => sendJson<Order>('DELETE', `/api/routes/${id}${taskQuery(task)}`);
export const againOrder = (id: number, task?: number) => sendJson<Order>('POST', `/api/routes/${id}/again${taskQuery(task)}`);

export const isOver = (task: Task) => task.state !== 'waiting' && task.state !== 'sending';
/** Instances that the station has, of those that are to be sent. */
export const arrived = (task: Task) => task.sent + task.present;

interface State {
  peers: Peer[];
  node: Node | null;
  orders: OrderList | null;
  /** How many orders are asked for. */
  limit: number;
  error: string | null;
}

export const ORDERS_STEP = 25;
export const network = $state<State>({ peers: [], node: null, orders: null, limit: ORDERS_STEP, error: null });

const BUSY_MS = 1000;
const CALM_MS = 4000;
let round = 0;

function say(cause: unknown): void {
  network.error = cause instanceof ApiError ? cause.message : 'The server cannot be reached';
}

async function askOrders(): Promise<void> {
  network.orders = await fetchOrders(network.limit);
}

async function askStations(): Promise<void> {
  const [peers, node] = await Promise.all([fetchPeers(), fetchNode()]);
  network.peers = peers.peers;
  network.node = node;
}

/** Everything anew, now. */
export async function refreshNetwork(): Promise<void> {
  try {
    await Promise.all([askOrders(), askStations()]);
    network.error = null;
  } catch (cause) {
    say(cause);
  }
}

const busy = () => (network.orders?.counts.sending ?? 0) > 0 || (network.orders?.counts.waiting ?? 0) > 0;

/** Asks at once and from then on while the page can be seen. Returns how to stop. */
export function watchNetwork(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  const again = async () => {
    if (!document.hidden) {
      round += 1;
      try {
        // Stations change less often than what is on its way to them.
        await Promise.all([askOrders(), round % 4 === 1 || !busy() ? askStations() : Promise.resolve()]);
        network.error = null;
      } catch (cause) {
        say(cause);
      }
    }
    if (!stopped) timer = setTimeout(() => void again(), busy() ? BUSY_MS : CALM_MS);
  };
  round = 0;
  void again();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
