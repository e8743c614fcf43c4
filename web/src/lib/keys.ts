// SPDX-License-Identifier: Apache-2.0
// Key chords as text ("Ctrl+K", "Shift+ArrowUp", "?"): made from events, compared, and written for people.

const SHOWN: Record<string, string> = {
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
  Escape: 'Esc',
  Delete: 'Del',
  PageUp: 'Page Up',
  PageDown: 'Page Down',
  Backspace: '⌫',
};

const MODIFIERS = new Set(['Control', 'Shift', 'Alt', 'Meta', 'AltGraph', 'CapsLock']);

/** The chord of a key event, or null for a bare modifier. Shift is named only where it did not already change the character. */
export function chordOf(event: KeyboardEvent): string | null {
  if (MODIFIERS.has(event.key)) return null;
  const letter = /^[a-z]$/i.test(event.key);
  const named = event.key.length > 1;
  let key = event.key === ' ' ? 'Space' : event.key;
  if (letter) key = key.toUpperCase();
  // With Alt some layouts deliver another character: the physical digit is what was meant.
  if (event.altKey && /^Digit\d$/.test(event.code)) key = event.code.slice(5);
  const parts: string[] = [];
  if (event.ctrlKey || event.metaKey) parts.push('Ctrl');
  if (event.altKey) parts.push('Alt');
  if (event.shiftKey && (letter || named || key === 'Space')) parts.push('Shift');
  parts.push(key);
  return parts.join('+');
}

/** A chord as a list of key caps. */
export function capsOf(chord: string): string[] {
  const parts = chord === '+' ? ['+'] : chord.split('+');
  if (chord.endsWith('++')) parts.splice(-2, 2, '+');
  return parts.map((p) => SHOWN[p] ?? p);
}

export const textOf = (chord: string) => capsOf(chord).join(' ');

/** True where letters typed belong to the field and not to shortcuts. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return true;
  if (target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'range', 'button'].includes(target.type);
}
