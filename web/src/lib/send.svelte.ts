// SPDX-License-Identifier: Apache-2.0
// What is about to be sent to a station (the dialog shows itself for it), and notes that follow an order to its end.
import { fetchOrder, arrived, isOver, type Order } from './network.svelte';
import { go } from './router.svelte';
import { count, moment } from './format';
import { addToast, changeToast } from './toasts.svelte';

interface Sending {
  /** `STUDY` or `STUDY/SERIES`; none: nothing is about to be sent. */
  items: string[];
  title: string;
  /** The stations of the last time, offered again. */
  last: string[];
  done: (() => void) | null;
}

export const sending = $state<Sending>({ items: [], title: '', last: [], done: null });

export function openSend(items: string[], title: string, done: (() => void) | null = null): void {
  sending.title = title;
  sending.done = done;
  sending.items = items;
}

export function closeSend(): void {
  sending.items = [];
  sending.done = null;
}

const LOOK_MS = 1000;

function summary(order: Order) {
  let [have, of, failed, cancelled] = [0, 0, 0, 0];
  for (const t of order.tasks) {
    have += arrived(t);
    of += t.total;
    if (t.state === 'failed') failed += 1;
    if (t.state === 'cancelled') cancelled += 1;
  }
  const over = order.tasks.every(isOver);
  const waits = order.tasks.find((t) => t.state === 'waiting' && t.message);
  const text = waits ? waits.message : of > 0 ? `${have} of ${count(of, 'image')}` : 'waiting for its turn';
  const whole = over && failed === 0 && cancelled === 0;
  return { progress: whole ? 1 : of > 0 ? have / of : 0, text, over, failed, cancelled };
}

/** A note in the corner that tells how far the order is, until it is done, closed, or left to the page of the network. */
export function followOrder(order: Order, title: string): void {
  const stations = [...new Set(order.tasks.map((t) => t.station))];
  const to = stations.length === 1 ? stations[0] : count(stations.length, 'station');
  const show = { label: 'Show', run: () => go('/network') };
  if (order.not_before && Date.parse(order.not_before) > Date.now()) {
    addToast({ kind: 'good', text: `${title} goes to ${to} at ${moment(order.not_before, Date.now())}`, actions: [show] });
    return;
  }
  const id = addToast({ kind: 'note', text: `${title} to ${to}`, detail: 'waiting for its turn', progress: 0, actions: [show] });
  const look = async () => {
    try {
      const now = summary(await fetchOrder(order.id));
      if (now.over) {
        changeToast(id, {
          kind: now.failed > 0 ? 'bad' : 'good',
          progress: now.progress,
          text: now.failed > 0 ? `${title} to ${to}: not all of it arrived` : now.cancelled > 0 ? `${title} to ${to}: called off` : `${title} is at ${to}`,
          detail: now.text,
        });
        return;
      }
      if (!changeToast(id, { progress: now.progress, detail: now.text })) return;
    } catch {
      // The server is away for a moment: the note keeps what it knew and asks again.
    }
    setTimeout(() => void look(), LOOK_MS);
  };
  setTimeout(() => void look(), LOOK_MS / 2);
}
