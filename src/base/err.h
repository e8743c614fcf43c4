// SPDX-License-Identifier: Apache-2.0
// Errors: one list of codes with their words and their meaning on the wire (HTTP, DIMSE), and a
// caller-owned record of what went wrong and where. Nothing here allocates.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// X(name, words, HTTP status, DIMSE status as PS3.7 Annex C and PS3.4 Annex B)
#define ERR_LIST(X)                                                                                \
    X(ARGUMENT, "argument not allowed", 400, 0x0106)                                               \
    X(SYNTAX, "not well formed", 400, 0xC000)                                                      \
    X(TRUNCATED, "ends too early", 400, 0xC000)                                                    \
    X(LIMIT, "over a limit", 413, 0xA700)                                                          \
    X(NESTING, "nested too deep", 400, 0xC000)                                                     \
    X(NOT_DICOM, "not a DICOM file", 400, 0xC000)                                                  \
    X(VALUE, "value not allowed by its VR", 400, 0xC000)                                           \
    X(CHARSET, "text not in its character set", 400, 0xC000)                                       \
    X(MISSING, "required attribute missing", 400, 0xA900)                                          \
    X(MISMATCH, "does not match its description", 400, 0xA900)                                     \
    X(UNSUPPORTED, "not supported", 415, 0x0122)                                                   \
    X(NOT_ACCEPTABLE, "no acceptable representation", 406, 0x0122)                                 \
    X(NOT_FOUND, "not found", 404, 0x0112)                                                         \
    X(CONFLICT, "a different object has this identity", 409, 0x0111)                               \
    X(DENIED, "refused by policy", 403, 0x0124)                                                    \
    X(HELD, "held for a person to decide", 409, 0x0124)                                            \
    X(METHOD, "method not allowed here", 405, 0x0211)                                              \
    X(RANGE, "range not satisfiable", 416, 0x0106)                                                 \
    X(MEMORY, "out of memory", 503, 0xA700)                                                        \
    X(FULL, "storage is full", 507, 0xA700)                                                        \
    X(IO, "input or output failed", 500, 0x0110)                                                   \
    X(DATABASE, "catalogue failed", 500, 0x0110)                                                   \
    X(CORRUPT, "stored data is damaged", 500, 0x0110)                                              \
    X(LOCKED, "in use by another process", 503, 0x0213)                                            \
    X(BUSY, "too many requests at once", 503, 0x0213)                                              \
    X(TIMEOUT, "took too long", 503, 0x0213)                                                       \
    X(CRASHED, "the worker died", 500, 0x0110)                                                     \
    X(CANCELLED, "cancelled", 499, 0xFE00)                                                         \
    X(INTERNAL, "internal error", 500, 0x0110)

enum err_index {
#define X(name, words, http, dimse) ERR_INDEX_##name,
    ERR_LIST(X)
#undef X
        ERR_INDEX_COUNT
};

enum err_code {
    E_OK = 0,
#define X(name, words, http, dimse) E_##name = -(ERR_INDEX_##name + 1),
    ERR_LIST(X)
#undef X
};

#define ERR_PATH_MAX 160
#define ERR_TEXT_MAX 320

// What went wrong. `offset` counts bytes from the start of the input, `path` is a tag path such as
// "(0040,A730)[2].(0040,A043)" or a field name; both are optional. Zero-initialise before use.
struct err {
    int code;
    bool has_offset;
    uint64_t offset;
    char path[ERR_PATH_MAX];
    char text[ERR_TEXT_MAX];
};

// Record `code` with a formatted sentence and forget any earlier place. Returns `code`.
int err_set(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

// As err_set, with the text of `errno_value` appended; ENOSPC and EDQUOT become E_FULL, ENOENT
// E_NOT_FOUND, ENOMEM E_MEMORY, everything else E_IO. Returns the code chosen.
int err_set_errno(struct err *e, int errno_value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Add where it happened. Both keep an earlier, more precise place and return e->code.
int err_at(struct err *e, uint64_t offset);
int err_in(struct err *e, const char *path);

// Put "context: " before the text, once, at a module border. Returns e->code.
int err_context(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

void err_clear(struct err *e);

// One line for people: "words: text (path, offset N)". Always terminated. Returns `out`.
const char *err_line(const struct err *e, char *out, size_t out_len);

const char *err_name(int code);  // "E_LIMIT"; "E_INTERNAL" for codes not in the list
const char *err_words(int code); // "over a limit"
int err_http(int code);
uint16_t err_dimse(int code);
