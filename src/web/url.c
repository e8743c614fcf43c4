// SPDX-License-Identifier: Apache-2.0
#include "web/url.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/utf8.h"

static int hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    uint8_t lower = (uint8_t)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool needs_decoding(struct slice s, bool plus_is_space) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '%' || (plus_is_space && s.ptr[i] == '+')) {
            return true;
        }
    }
    return false;
}

static int decode(struct arena *a, struct slice text, bool plus_is_space, struct slice *ret_text,
                  struct err *e) {
    if (!needs_decoding(text, plus_is_space)) {
        *ret_text = text;
        return E_OK;
    }
    uint8_t *out = arena_alloc(a, text.len);
    if (out == NULL) {
        return err_set(e, E_MEMORY, "request target");
    }
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '%') {
            bool whole = i + 2 < text.len;
            int high = whole ? hex_digit(text.ptr[i + 1]) : -1;
            int low = whole ? hex_digit(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return err_set(e, E_SYNTAX, "request target: '%%' without two hexadecimal digits");
            }
            c = (uint8_t)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        out[len++] = c;
    }
    *ret_text = slice_of(out, len);
    return E_OK;
}

static int check_segment(struct slice s, struct err *e) {
    if (slice_eq_str(s, ".") || slice_eq_str(s, "..")) {
        return err_set(e, E_SYNTAX, "request target: dot segment in the path");
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < 0x20 || s.ptr[i] == 0x7F || s.ptr[i] == '/' || s.ptr[i] == '\\') {
            return err_set(e, E_SYNTAX, "request target: character not allowed in a path");
        }
    }
    return utf8_valid(s) ? E_OK : err_set(e, E_SYNTAX, "request target: path is not UTF-8");
}

static int parse_path(struct arena *a, struct web_url *u, struct err *e) {
    if (u->path.len == 0 || u->path.ptr[0] != '/') {
        return err_set(e, E_SYNTAX, "request target does not begin with '/'");
    }
    struct slice rest = slice_from(u->path, 1);
    struct slice part;
    if (rest.len == 0) {
        return E_OK; // "/" has no segment
    }
    while (slice_split(&rest, '/', &part)) {
        if (u->segment_count == WEB_SEGMENTS_MAX) {
            return err_set(e, E_NOT_FOUND, "path with over %d segments", WEB_SEGMENTS_MAX);
        }
        struct slice *segment = &u->segments[u->segment_count];
        int rc = decode(a, part, false, segment, e);
        if (rc == E_OK) {
            rc = check_segment(*segment, e);
        }
        if (rc != E_OK) {
            return rc;
        }
        u->segment_count++;
    }
    return E_OK;
}

static int parse_param(struct arena *a, struct slice text, struct web_query_param *ret_param,
                       struct err *e) {
    size_t equals = slice_find(text, '=');
    int rc = decode(a, slice_first(text, equals), true, &ret_param->name, e);
    if (rc == E_OK) {
        rc = decode(a, slice_from(text, equals + 1), true, &ret_param->value, e);
    }
    if (rc != E_OK) {
        return rc;
    }
    if (!utf8_valid(ret_param->name) || !utf8_valid(ret_param->value) ||
        memchr(ret_param->value.ptr, 0, ret_param->value.len) != NULL) {
        return err_set(e, E_SYNTAX, "query parameter is not UTF-8 text");
    }
    return E_OK;
}

static int parse_query(struct arena *a, struct slice query, struct web_url *u, struct err *e) {
    size_t count = 1;
    for (size_t i = 0; i < query.len; i++) {
        count += query.ptr[i] == '&';
    }
    if (count > WEB_QUERY_PARAMS_MAX) {
        return err_set(e, E_LIMIT, "over %d query parameters", WEB_QUERY_PARAMS_MAX);
    }
    u->params = arena_array(a, count, sizeof *u->params);
    if (u->params == NULL) {
        return err_set(e, E_MEMORY, "query parameters");
    }
    struct slice part;
    while (slice_split(&query, '&', &part)) {
        if (part.len == 0) {
            continue;
        }
        int rc = parse_param(a, part, &u->params[u->param_count], e);
        if (rc != E_OK) {
            return rc;
        }
        u->param_count++;
    }
    return E_OK;
}

// "http://host/path" to "/path".
static struct slice without_authority(struct slice target) {
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2; i++) {
        struct slice scheme = slice_str(schemes[i]);
        if (slice_starts(target, scheme)) {
            struct slice rest = slice_from(target, scheme.len);
            size_t slash = slice_find(rest, '/');
            return slash == rest.len ? slice_str("/") : slice_from(rest, slash);
        }
    }
    return target;
}

int web_url_parse(struct arena *a, struct slice target, struct web_url *ret_url, struct err *e) {
    if (target.len > WEB_URL_MAX) {
        return err_set(e, E_LIMIT, "request target over %d bytes", WEB_URL_MAX);
    }
    struct web_url u = {0};
    target = without_authority(target);
    target = slice_first(target, slice_find(target, '#'));
    size_t question = slice_find(target, '?');
    u.path = slice_first(target, question);
    int rc = parse_path(a, &u, e);
    if (rc == E_OK && question < target.len) {
        rc = parse_query(a, slice_from(target, question + 1), &u, e);
    }
    if (rc == E_OK) {
        *ret_url = u;
    }
    return rc;
}

struct slice web_url_param(const struct web_url *u, const char *name) {
    for (size_t i = 0; i < u->param_count; i++) {
        if (slice_eq_str(u->params[i].name, name)) {
            return u->params[i].value;
        }
    }
    return (struct slice){NULL, 0};
}

bool web_url_has(const struct web_url *u, const char *name) {
    return web_url_param(u, name).ptr != NULL;
}
