// SPDX-License-Identifier: Apache-2.0
// What a peer may do, in words.
import type { May } from '../../lib/network.svelte';

export const MAY: { may: May; word: string; what: string }[] = [
  { may: 'query', word: 'search', what: 'Search the archive and the worklist (C-FIND)' },
  { may: 'retrieve', word: 'fetch', what: 'Fetch studies (C-MOVE, C-GET)' },
  { may: 'store', word: 'deliver', what: 'Deliver images to the archive (C-STORE, storage commitment)' },
  { may: 'receive', word: 'be sent', what: 'Be sent studies (prefetch, C-MOVE destination)' },
];
