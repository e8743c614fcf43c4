// SPDX-License-Identifier: Apache-2.0
// Short notes in a corner: what was done, with what can be done about it, and how far a sending is. A note that only
// says "done" goes by itself; one that names a failure or offers an undo stays until it is closed.

export interface Toast {
  id: number;
  text: string;
  detail?: string;
  kind: 'note' | 'good' | 'bad';
  /** Between 0 and 1. */
  progress?: number;
  actions: { label: string; run: () => void }[];
}

const SHOWN_MS = 8000;
const UNDO_MS = 20_000;

export const toasts = $state<Toast[]>([]);
let next = 1;

export function closeToast(id: number): void {
  const at = toasts.findIndex((t) => t.id === id);
  if (at >= 0) toasts.splice(at, 1);
}

export function addToast(toast: Omit<Toast, 'id' | 'actions'> & { actions?: Toast['actions'] }): number {
  const id = next;
  next += 1;
  toasts.push({ actions: [], ...toast, id });
  if (toast.kind === 'good') setTimeout(() => closeToast(id), toast.actions?.length ? UNDO_MS : SHOWN_MS);
  return id;
}

/** Changes one that is still there; `kind: 'good'` lets it go after a while. */
export function changeToast(id: number, change: Partial<Omit<Toast, 'id'>>): boolean {
  const toast = toasts.find((t) => t.id === id);
  if (!toast) return false;
  if (change.kind === 'good' && toast.kind !== 'good') setTimeout(() => closeToast(id), SHOWN_MS);
  Object.assign(toast, change);
  return true;
}
