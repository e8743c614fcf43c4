// SPDX-License-Identifier: Apache-2.0
// What one person prefers on this station: theme, keys, list or grid. Kept in the browser, never sent.

type Theme = 'reading' | 'office';

interface Stored {
  /** Where images are read, and on the pages that are read, decided and printed. */
  theme: Theme;
  pages: Theme;
  keys: Record<string, string>;
  view: 'list' | 'grid';
  overlays: boolean;
  preview: boolean;
}

const NAME = 'maclab.settings';
const DEFAULTS: Stored = { theme: 'reading', pages: 'office', keys: {}, view: 'list', overlays: true, preview: true };

function load(): Stored {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(NAME) ?? '{}') as Partial<Stored>) };
  } catch {
    return { ...DEFAULTS };
  }
}

export const settings = $state<Stored>(load());

/** Writes the settings down; a browser that forbids storage keeps them for this visit. */
export function remember(): void {
  try {
    localStorage.setItem(NAME, JSON.stringify(settings));
  } catch {
    // Private windows may refuse; nothing depends on it.
  }
}

export type Kind = 'theme' | 'pages';

/** The theme of a kind of place, shown at once where one is. */
export function setTheme(kind: Kind, theme: Theme): void {
  settings[kind] = theme;
  showTheme(kind);
  remember();
}

export function showTheme(kind: Kind): void {
  document.documentElement.dataset.theme = settings[kind];
}
