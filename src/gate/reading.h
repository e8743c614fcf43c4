// SPDX-License-Identifier: Apache-2.0
// Reading crops (glyphs.h) with Tesseract, in a program of its own (maclab-reader): the library is
// large, knows nothing of hostile input and has no business in any other process. And what a
// reading means: which tokens may stay in a picture.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "gate/subject.h"

struct buf;
struct err;
struct gate_reader;

#define GATE_READING_MAX 128

struct gate_reading {
    char text[GATE_READING_MAX]; // UTF-8, one line; "" when nothing could be read
    uint8_t confidence;          // 0 to 100, of the least sure word
};

// --- the parent's side: a pool of reader processes, started at the first use.
// `program`: path of maclab-reader; NULL: beside this program, else the libexec folder. `size` 0:
// one a processor. Finds no fault with the program: that comes with the first use.
int gate_reader_open(const char *program, unsigned size, struct gate_reader **ret_reader,
                     struct err *e);
void gate_reader_close(struct gate_reader *r); // NULL allowed
// Reads crops that lie one behind the other in `crops`. Thread-safe. The same crop twice is read
// once (by digest, within this reader's life). E_UNSUPPORTED when the program or its language data
// are not installed: every uncertain box then stays uncertain. A crop that the reader dies of has
// the reading "" with confidence 0; so has one in which it sees nothing.
int gate_reader_read(struct gate_reader *r, struct slice crops, struct gate_reading *ret_readings,
                     uint32_t count, struct err *e);

// Forgets what was read: at the end of a delivery, whose patients nobody should find in memory.
void gate_reader_forget(struct gate_reader *r);
// What reads, for the certificate: "Tesseract 5.3.0 (eng)". Starts it. E_UNSUPPORTED as above.
int gate_reader_about(struct gate_reader *r, char *out, size_t size, struct err *e);

// --- what a reading means (pure)
enum gate_meaning {
    GATE_MEANS_NOTHING,   // no letters or digits: perhaps no text
    GATE_MEANS_TEXT,      // text that is not on the list: goes
    GATE_MEANS_TECHNIQUE, // every token on the exact allow-list (L R LT RT AP PA LAT SUPINE ERECT
                          // PRONE PORTABLE, numbers with cm mm kV mAs MHz Hz dB fps % …): may stay
    GATE_MEANS_IDENTIFIER // a recogniser or the subject knows it: goes, and must not be there
                          // afterwards
};
// A reading of which the reader is not sure (confidence under 60) is never TECHNIQUE. Whether one
// of low confidence is text at all is the caller's to weigh. `subject` may be NULL.
enum gate_meaning gate_reading_means(const struct gate_reading *reading,
                                     const struct gate_subject *subject);
