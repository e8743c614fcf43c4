// SPDX-License-Identifier: Apache-2.0
// The inside of a subject: for subject.c, subject_gather.c and subject_find.c only.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/dates.h"
#include "gate/subject_priv.h"

#define GATE_PIECE_MAX 64   // folded bytes
#define GATE_PIECE_TOKENS 8 // that one can be divided into in a text
#define GATE_TERM_MAX 1024  // bytes of a term; what is behind is cut
#define GATE_SUBJECT_DATES_MAX 1024
#define GATE_SUBJECT_TIMES_MAX 512
#define GATE_SUBJECT_BUCKETS 1024

enum gate_piece_flag {
    GATE_PIECE_NAME = 1,
    GATE_PIECE_CODE = 2,
    GATE_PIECE_PLACE = 4,
    GATE_PIECE_WEAK = 8,   // a word of the vocabulary, a short number: needs company
    GATE_PIECE_SHORT = 16, // needs another piece beside it
    GATE_PIECE_HAN = 32    // looked for inside of words, too
};

struct gate_piece {
    struct slice text; // folded
    struct gate_piece *next;
    uint32_t hash;
    uint8_t kind;  // enum gate_kind
    uint8_t flags; // enum gate_piece_flag
};

struct gate_known_term { // as it was added
    struct slice text;
    struct gate_known_term *next, *chain;
    uint8_t kind, form;
};

struct gate_subject_date {
    uint32_t date; // yyyymmdd
    bool birth;
};

struct gate_subject {
    struct arena *arena;
    struct gate_piece **slots; // by hash
    uint32_t slot_count;
    uint32_t piece_count;
    struct gate_piece *pieces;
    struct gate_known_term *terms, *last_term;
    struct gate_known_term *term_hash[GATE_SUBJECT_BUCKETS];
    uint32_t term_count;
    struct gate_subject_date dates[GATE_SUBJECT_DATES_MAX];
    uint32_t date_count;
    uint32_t times[GATE_SUBJECT_TIMES_MAX]; // seconds
    uint32_t time_count;
    uint32_t initials;    // a bit a letter
    uint64_t starts[256]; // by first byte: bits of second bytes (& 63) that a piece begins with
    bool han;
    bool failed; // short of memory: everything is a hit
};

const struct gate_piece *gate_piece_find(const struct gate_subject *s, struct slice folded,
                                         uint32_t hash);
struct slice gate_without_zeros(struct slice folded);
