// SPDX-License-Identifier: Apache-2.0
#include "web/media.h"

#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"

bool web_equal_nocase(struct slice a, struct slice b) {
    return a.len == b.len &&
           (a.len == 0 || strncasecmp((const char *)a.ptr, (const char *)b.ptr, a.len) == 0);
}

static bool token_byte(uint8_t c) {
    if (c >= '0' && c <= '9') {
        return true;
    }
    uint8_t lower = (uint8_t)(c | 0x20);
    if (lower >= 'a' && lower <= 'z') {
        return true;
    }
    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

bool web_is_token(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if (!token_byte(text.ptr[i])) {
            return false;
        }
    }
    return text.len > 0;
}

static size_t skip_space(struct slice s, size_t at) {
    while (at < s.len && (s.ptr[at] == ' ' || s.ptr[at] == '\t')) {
        at++;
    }
    return at;
}

static size_t token_end(struct slice s, size_t at) {
    while (at < s.len && token_byte(s.ptr[at])) {
        at++;
    }
    return at;
}

// Index behind the quoted string that begins at `at`, or 0 when it does not end.
static size_t quoted_end(struct slice s, size_t at) {
    for (size_t i = at + 1; i < s.len; i++) {
        if (s.ptr[i] == '\\') {
            i++;
        } else if (s.ptr[i] == '"') {
            return i + 1;
        }
    }
    return 0;
}

bool web_list_next(struct slice *rest, struct slice *ret_element) {
    while (rest->len > 0) {
        size_t end = 0;
        while (end < rest->len && rest->ptr[end] != ',') {
            size_t behind = rest->ptr[end] == '"' ? quoted_end(*rest, end) : end + 1;
            end = behind == 0 ? rest->len : behind;
        }
        struct slice element = slice_trim(slice_first(*rest, end), " \t");
        *rest = slice_from(*rest, end < rest->len ? end + 1 : end);
        if (element.len > 0) {
            *ret_element = element;
            return true;
        }
    }
    return false;
}

// `quoted` with its quotes.
static int unquote(struct arena *a, struct slice quoted, struct slice *ret_text, struct err *e) {
    struct slice inner = slice_first(slice_from(quoted, 1), quoted.len - 2);
    if (slice_find(inner, '\\') == inner.len) {
        *ret_text = inner;
        return E_OK;
    }
    uint8_t *out = arena_alloc(a, inner.len);
    if (out == NULL) {
        return err_set(e, E_MEMORY, "header value");
    }
    size_t len = 0;
    for (size_t i = 0; i < inner.len; i++) {
        if (inner.ptr[i] == '\\' && i + 1 < inner.len) {
            i++;
        }
        out[len++] = inner.ptr[i];
    }
    *ret_text = slice_of(out, len);
    return E_OK;
}

// DICOM's transfer-syntax=* and unquoted type=application/dicom (PS3.18 clients write both) have
// bytes that are not of a token, so an unquoted value runs to the next separator.
static size_t value_end(struct slice s, size_t at) {
    while (at < s.len && s.ptr[at] > ' ' && s.ptr[at] < 0x7F && s.ptr[at] != ';' &&
           s.ptr[at] != ',' && s.ptr[at] != '"') {
        at++;
    }
    return at;
}

static int syntax_error(struct err *e, size_t at, const char *what) {
    err_set(e, E_SYNTAX, "media type: %s", what);
    return err_at(e, at);
}

static int parse_param(struct arena *a, struct slice s, size_t *at, struct web_param *ret_param,
                       struct err *e) {
    size_t name_end = token_end(s, *at);
    if (name_end == *at) {
        return syntax_error(e, *at, "parameter name expected");
    }
    ret_param->name = slice_of(s.ptr + *at, name_end - *at);
    size_t i = skip_space(s, name_end);
    if (i >= s.len || s.ptr[i] != '=') {
        return syntax_error(e, i, "'=' expected");
    }
    i = skip_space(s, i + 1);
    bool quoted = i < s.len && s.ptr[i] == '"';
    size_t end = quoted ? quoted_end(s, i) : value_end(s, i);
    if (end == 0) {
        return syntax_error(e, i, "quoted string does not end");
    }
    *at = end;
    ret_param->value = slice_of(s.ptr + i, end - i);
    return quoted ? unquote(a, ret_param->value, &ret_param->value, e) : E_OK;
}

static int parse_params(struct arena *a, struct slice s, size_t at, struct web_media *m,
                        struct err *e) {
    for (;;) {
        at = skip_space(s, at);
        if (at == s.len) {
            return E_OK;
        }
        if (s.ptr[at] != ';') {
            return syntax_error(e, at, "';' expected");
        }
        at = skip_space(s, at + 1);
        if (at == s.len || s.ptr[at] == ';') {
            continue; // "a/b;" and "a/b;;c=d" are written by real clients
        }
        if (m->param_count == WEB_MEDIA_PARAMS_MAX) {
            return err_set(e, E_LIMIT, "media type with over %d parameters", WEB_MEDIA_PARAMS_MAX);
        }
        int rc = parse_param(a, s, &at, &m->params[m->param_count], e);
        if (rc != E_OK) {
            return rc;
        }
        m->param_count++;
    }
}

int web_media_parse(struct arena *a, struct slice text, struct web_media *ret_media,
                    struct err *e) {
    struct web_media m = {0};
    size_t at = skip_space(text, 0);
    size_t end = token_end(text, at);
    if (end == at || end >= text.len || text.ptr[end] != '/') {
        return syntax_error(e, end, "type/subtype expected");
    }
    m.type = slice_of(text.ptr + at, end - at);
    at = end + 1;
    end = token_end(text, at);
    if (end == at) {
        return syntax_error(e, at, "subtype expected");
    }
    m.subtype = slice_of(text.ptr + at, end - at);
    int rc = parse_params(a, text, end, &m, e);
    if (rc == E_OK) {
        *ret_media = m;
    }
    return rc;
}

bool web_media_is(const struct web_media *m, const char *type, const char *subtype) {
    return web_equal_nocase(m->type, slice_str(type)) &&
           web_equal_nocase(m->subtype, slice_str(subtype));
}

struct slice web_media_param(const struct web_media *m, const char *name) {
    for (size_t i = 0; i < m->param_count; i++) {
        if (web_equal_nocase(m->params[i].name, slice_str(name))) {
            return m->params[i].value;
        }
    }
    return (struct slice){NULL, 0};
}
