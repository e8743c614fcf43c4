// SPDX-License-Identifier: Apache-2.0
// The one registry of commands. Shortcuts, menus, the palette, the help sheet and the tests all read it.
import { untrack } from 'svelte';
import { chordOf, isTyping } from './keys';
import { remember, settings } from './settings.svelte';

export interface Command {
  /** Stable name, `place.verb`; what a remembered key refers to. */
  id: string;
  label: string;
  group: string;
  /** Default key chord, as keys.ts writes it. */
  key?: string;
  /** Further chords that always work and are not offered for change. */
  also?: string[];
  /** Whether it can be done now; absent means always. */
  when?: () => boolean;
  /** For a choice or a switch: whether it is on. */
  on?: () => boolean;
  /** Also while the focus is in a text field. */
  inText?: boolean;
  run: () => void;
}

let holder = $state.raw<{ list: Command[] }>({ list: [] });
let suspended = 0;

/** Adds commands; the returned function takes them away again (a page does so when it closes). */
export function register(commands: Command[]): () => void {
  const ids = new Set(commands.map((c) => c.id));
  untrack(() => {
    holder = { list: [...holder.list.filter((c) => !ids.has(c.id)), ...commands] };
  });
  return () => {
    holder = { list: holder.list.filter((c) => !commands.includes(c)) };
  };
}

export const allCommands = (): Command[] => holder.list;
export const command = (id: string): Command | undefined => holder.list.find((c) => c.id === id);
export const canRun = (c: Command): boolean => c.when?.() ?? true;

/** The chord that a command has now: the user's own, else the default; '' when the user took it away. */
export function keyOf(c: Command): string {
  return settings.keys[c.id] ?? c.key ?? '';
}

export function keyFor(id: string): string {
  const c = command(id);
  return c ? keyOf(c) : '';
}

export function runCommand(id: string): boolean {
  const c = command(id);
  if (!c || !canRun(c)) return false;
  c.run();
  return true;
}

/** Gives a command another key. A command that had it loses it; that one is returned so that the sheet can say so. */
export function setKey(id: string, chord: string): Command | null {
  const taken = holder.list.find((c) => c.id !== id && keyOf(c) === chord) ?? null;
  if (taken) settings.keys[taken.id] = '';
  settings.keys[id] = chord;
  remember();
  return taken;
}

export function resetKeys(): void {
  settings.keys = {};
  remember();
}

/** While a dialog is open or a key is being chosen, shortcuts rest. */
export function suspendShortcuts(): () => void {
  suspended += 1;
  return () => {
    suspended -= 1;
  };
}

function find(chord: string): Command | undefined {
  const able = holder.list.filter(canRun);
  return able.find((c) => keyOf(c) === chord) ?? able.find((c) => c.also?.includes(chord));
}

/** Space and Enter on a focused control belong to that control. */
function belongsToControl(event: KeyboardEvent, chord: string): boolean {
  if (!(event.target instanceof HTMLElement)) return false;
  const control = event.target.closest('button, a[href], select, summary, [role="menuitem"], [role="option"], input');
  if (!control) return false;
  if (chord === 'Enter' || chord === 'Space') return true;
  const arrows = control.matches('input[type="range"], input[type="radio"], select, [role="menuitem"]');
  return arrows && /^(Arrow|Home|End|Page)/.test(chord);
}

export function handleKey(event: KeyboardEvent): void {
  if (suspended > 0 || event.defaultPrevented) return;
  const chord = chordOf(event);
  if (!chord || belongsToControl(event, chord)) return;
  const c = find(chord);
  if (!c) return;
  if (isTyping(event.target) && !c.inText) return;
  event.preventDefault();
  c.run();
}
