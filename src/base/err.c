// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *words;
    int http;
    uint16_t dimse;
} rows[ERR_INDEX_COUNT] = {
#define X(name, words, http, dimse) {"E_" #name, words, http, dimse},
    ERR_LIST(X)
#undef X
};

static int row_of(int code) {
    int index = -code - 1;
    return index >= 0 && index < ERR_INDEX_COUNT ? index : ERR_INDEX_INTERNAL;
}

const char *err_name(int code) { return rows[row_of(code)].name; }

const char *err_words(int code) { return rows[row_of(code)].words; }

int err_http(int code) { return code == E_OK ? 200 : rows[row_of(code)].http; }

uint16_t err_dimse(int code) { return code == E_OK ? 0 : rows[row_of(code)].dimse; }

void err_clear(struct err *e) {
    e->code = E_OK;
    e->has_offset = false;
    e->offset = 0;
    e->path[0] = '\0';
    e->text[0] = '\0';
}

static void set_text(struct err *e, int code, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void set_text(struct err *e, int code, const char *format, va_list args) {
    err_clear(e);
    e->code = code;
    (void)vsnprintf(e->text, sizeof e->text, format, args);
}

int err_set(struct err *e, int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    set_text(e, code, format, args);
    va_end(args);
    return code;
}

static int code_of_errno(int errno_value) {
    switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
        return E_FULL;
    case ENOENT:
        return E_NOT_FOUND;
    case ENOMEM:
        return E_MEMORY;
    default:
        return E_IO;
    }
}

int err_set_errno(struct err *e, int errno_value, const char *format, ...) {
    va_list args;
    va_start(args, format);
    set_text(e, code_of_errno(errno_value), format, args);
    va_end(args);
    size_t used = strlen(e->text);
    char words[128];
    (void)snprintf(e->text + used, sizeof e->text - used, ": %s",
                   strerror_r(errno_value, words, sizeof words));
    return e->code;
}

int err_at(struct err *e, uint64_t offset) {
    if (!e->has_offset) {
        e->has_offset = true;
        e->offset = offset;
    }
    return e->code;
}

int err_in(struct err *e, const char *path) {
    if (e->path[0] == '\0') {
        (void)snprintf(e->path, sizeof e->path, "%s", path);
    }
    return e->code;
}

int err_context(struct err *e, const char *format, ...) {
    char old[ERR_TEXT_MAX];
    memcpy(old, e->text, sizeof old);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    size_t used = strlen(e->text);
    (void)snprintf(e->text + used, sizeof e->text - used, ": %s", old);
    return e->code;
}

const char *err_line(const struct err *e, char *out, size_t out_len) {
    char place[ERR_PATH_MAX + 48] = "";
    bool has_path = e->path[0] != '\0';
    if (has_path && e->has_offset) {
        (void)snprintf(place, sizeof place, " (%s, offset %llu)", e->path,
                       (unsigned long long)e->offset);
    } else if (has_path) {
        (void)snprintf(place, sizeof place, " (%s)", e->path);
    } else if (e->has_offset) {
        (void)snprintf(place, sizeof place, " (offset %llu)", (unsigned long long)e->offset);
    }
    if (e->text[0] == '\0') {
        (void)snprintf(out, out_len, "%s%s", err_words(e->code), place);
    } else {
        (void)snprintf(out, out_len, "%s: %s%s", err_words(e->code), e->text, place);
    }
    return out;
}
