// SPDX-License-Identifier: Apache-2.0
#include "gate/lexicon.h"

#include "gate/lexicon_table.h"

// Open addressing in a table at most half full, hashes made by the generator as by gate_text_hash.
uint32_t gate_lex_find(struct slice folded, uint32_t hash) {
    if (folded.len == 0 || folded.len > LEXICON_LONGEST) {
        return 0;
    }
    for (uint32_t at = hash & (LEXICON_SLOTS - 1);; at = (at + 1) & (LEXICON_SLOTS - 1)) {
        const struct lexicon_slot *slot = &lexicon_slots[at];
        if (slot->len == 0) {
            return 0;
        }
        if (slot->len == folded.len &&
            memcmp(lexicon_words + slot->word, folded.ptr, folded.len) == 0) {
            return slot->bits;
        }
    }
}

const char gate_lex_digest[65] = LEXICON_DIGEST;
