// SPDX-License-Identifier: Apache-2.0
// Writing data sets (PS3.5 7). A data set that was not changed and keeps its encoding comes out
// byte for byte; of a changed one, every untouched element does that the standard's rules alone
// could read (others are put right). What is written new has explicit lengths, even and padded as
// PS3.5 6.2 says (in implicit VR, sequences of tags that the dictionary does not know have
// undefined length, so that they are read as sequences again); group lengths other than (0002,0000)
// and a leading (0000,0000) of changed data sets are dropped.
#pragma once

#include "dicom/dataset.h"

struct err;

// Where bytes go, in order. put answers 0, or a negative error that ends the writing.
struct dcm_sink {
    int (*put)(void *context, struct slice bytes, struct err *e);
    void *context;
};

struct buf;
struct dcm_sink dcm_sink_buf(struct buf *out);

// Writes the content of `d` (no preamble, no meta) in `encoding`.
int dcm_write(const struct dcm_dataset *d, enum dcm_encoding encoding, struct dcm_sink sink,
              struct err *e);

// Bytes that dcm_write would produce.
int dcm_write_length(const struct dcm_dataset *d, enum dcm_encoding encoding, uint64_t *ret_length,
                     struct err *e);
