// SPDX-License-Identifier: Apache-2.0
#include "web/route.h"

#include <stdio.h>
#include <string.h>

#include "dicom/uid.h"
#include "web/url.h"

struct word {
    const char *name;
    size_t offset; // in struct web_names
};
static const struct word uid_words[] = {
    {"{study}", offsetof(struct web_names, study)},
    {"{series}", offsetof(struct web_names, series)},
    {"{instance}", offsetof(struct web_names, instance)},
};
#define UID_WORDS (sizeof uid_words / sizeof uid_words[0])

// false: not a UID.
static bool take_uid(struct slice word, struct slice segment, struct web_names *names,
                     bool *ret_is_uid_word) {
    for (size_t i = 0; i < UID_WORDS; i++) {
        if (slice_eq_str(word, uid_words[i].name)) {
            char *out = (char *)names + uid_words[i].offset;
            *ret_is_uid_word = true;
            if (!dcm_uid_usable(segment)) {
                return false;
            }
            memcpy(out, segment.ptr, segment.len);
            out[segment.len] = '\0';
            return true;
        }
    }
    *ret_is_uid_word = false;
    return true;
}

static enum web_match match_word(struct slice word, struct slice segment, struct web_names *names) {
    if (word.len == 0 || word.ptr[0] != '{') {
        return slice_eq(word, segment) ? WEB_MATCH : WEB_MATCH_NOTHING;
    }
    if (slice_eq_str(word, "{frames}")) {
        names->frames = segment;
        return segment.len > 0 ? WEB_MATCH : WEB_MATCH_NOTHING;
    }
    if (slice_eq_str(word, "{aet}") || slice_eq_str(word, "{order}") ||
        slice_eq_str(word, "{hold}") || slice_eq_str(word, "{delivery}")) {
        names->word = segment;
        return segment.len > 0 ? WEB_MATCH : WEB_MATCH_NOTHING;
    }
    bool is_uid_word;
    return take_uid(word, segment, names, &is_uid_word) && is_uid_word ? WEB_MATCH
                                                                       : WEB_MATCH_BAD_UID;
}

// What is left of the path from segment number `from` on.
static struct slice path_from(const struct web_url *url, size_t from) {
    struct slice rest = slice_from(url->path, 1);
    struct slice part;
    for (size_t i = 0; i < from && slice_split(&rest, '/', &part); i++) {
    }
    return rest;
}

// A bad UID is only told when the rest of the row fits.
static enum web_match match_path(const char *path, const struct web_url *url,
                                 struct web_names *names) {
    struct slice rest = slice_str(path + 1);
    struct slice word;
    size_t at = 0;
    enum web_match result = WEB_MATCH;
    while (rest.len > 0 && slice_split(&rest, '/', &word)) {
        if (slice_eq_str(word, "{rest}")) {
            names->rest = path_from(url, at);
            return at < url->segment_count ? result : WEB_MATCH_NOTHING;
        }
        if (at == url->segment_count) {
            return WEB_MATCH_NOTHING;
        }
        enum web_match m = match_word(word, url->segments[at++], names);
        if (m == WEB_MATCH_NOTHING) {
            return m;
        }
        result = m == WEB_MATCH_BAD_UID ? m : result;
    }
    return at == url->segment_count ? result : WEB_MATCH_NOTHING;
}

enum web_match web_route_find(const struct web_route *routes, size_t count, enum web_method method,
                              const struct web_url *url, const struct web_route **ret_route,
                              struct web_names *ret_names) {
    enum web_match result = WEB_MATCH_NOTHING;
    for (size_t i = 0; i < count; i++) {
        if (result != WEB_MATCH_NOTHING && routes[i].method != method) {
            continue;
        }
        struct web_names names = {0};
        enum web_match m = match_path(routes[i].path, url, &names);
        if (m == WEB_MATCH && routes[i].method == method) {
            *ret_route = &routes[i];
            *ret_names = names;
            return WEB_MATCH;
        }
        if (m == WEB_MATCH_BAD_UID && routes[i].method == method) {
            return m; // before a row that takes any path
        }
        if (m != WEB_MATCH_NOTHING && result == WEB_MATCH_NOTHING) {
            *ret_route = &routes[i];
            result = m == WEB_MATCH ? WEB_MATCH_OTHER_METHOD : m;
        }
    }
    return result;
}

void web_route_allow(const struct web_route *routes, size_t count, const struct web_url *url,
                     char out[WEB_ALLOW_MAX]) {
    bool has[WEB_METHOD_OTHER + 1] = {false};
    for (size_t i = 0; i < count; i++) {
        struct web_names names = {0};
        if (match_path(routes[i].path, url, &names) != WEB_MATCH_NOTHING) {
            has[routes[i].method] = true;
        }
    }
    (void)snprintf(out, WEB_ALLOW_MAX, "%s%s%s%sOPTIONS", has[WEB_GET] ? "GET, HEAD, " : "",
                   has[WEB_POST] ? "POST, " : "", has[WEB_PUT] ? "PUT, " : "",
                   has[WEB_DELETE] ? "DELETE, " : "");
}
