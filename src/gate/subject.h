// SPDX-License-Identifier: Apache-2.0
// Whom and where an instance speaks of: the names, numbers, dates and places that its own data set
// holds, gathered before anything is cleaned, so that they are found everywhere else: in free text,
// structured content, file names and read pixels, in any order, form, case and character set.
// It lives in the worker's memory and is never written out but by gate_subject_pack, for the other
// instances of the same delivery.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "gate/notes.h"

struct arena;
struct buf;
struct dcm_dataset;
struct err;
struct gate_subject;

#define GATE_SUBJECT_TERMS_MAX 4096

// NULL when memory is short.
struct gate_subject *gate_subject_new(struct arena *a);

// Everything in the data set that names someone or something: PN at every depth (components, and
// alphabetic, ideographic, phonetic groups), patient and other IDs, accession and admission
// numbers, dates of birth and all dates and times, institutions, addresses, departments, stations,
// operators, telephone numbers; in private elements too where they look so. Text is decoded by its
// character sets.
int gate_subject_gather(struct gate_subject *s, const struct dcm_dataset *d, struct err *e);

// One more term, UTF-8 (a folder's or file's name, a name of a list).
void gate_subject_add(struct gate_subject *s, enum gate_kind kind, struct slice utf8);

// For the delivery: the terms as bytes, and back. E_CORRUPT for bytes that are none.
void gate_subject_pack(const struct gate_subject *s, struct buf *out);
int gate_subject_unpack(struct gate_subject *s, struct slice bytes, struct err *e);

// Where `utf8` holds one of them: names by their parts (a part of one letter counts only beside
// another part), folded in case and accents, numbers with any separators, dates in every usual form
// (20010203, 03/02/2001, 3.2.01, 3 Feb 2001, Feb 3rd 2001 …). `fuzzy`: also with the confusions of
// reading pixels (0/O, 1/I/l, 5/S, 8/B, rn/m …) and one wrong letter in six. Starts at *from; true
// with the first hit.
struct gate_hit {
    enum gate_kind kind;
    size_t start, end; // bytes of the text
};
bool gate_subject_find(const struct gate_subject *s, struct slice utf8, size_t from, bool fuzzy,
                       struct gate_hit *ret_hit);
