// SPDX-License-Identifier: Apache-2.0
#include "web/json_body.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json_in.h"
#include "web/media.h"
#include "web/request.h"

#define DEPTH_MAX 4

static int check_type(struct web_request *r, struct err *e) {
    struct web_media media;
    struct slice field = web_request_header(r, "Content-Type");
    if (field.ptr == NULL || web_media_parse(&r->arena, field, &media, e) != E_OK ||
        !web_media_is(&media, "application", "json")) {
        return err_set(e, E_UNSUPPORTED, "the body must be application/json");
    }
    return E_OK;
}

static int take_text(struct web_request *r, const struct web_json_member *m,
                     const struct json_token *token, size_t max, struct slice *ret_text,
                     struct err *e) {
    CLEANUP(cleanup_buf) struct buf text;
    buf_init(&text, max);
    if (token->kind != JSON_STRING) {
        return err_set(e, E_ARGUMENT, "%s must be a text", m->name);
    }
    int rc = json_in_text(token, &text, e);
    if (rc == E_OK && text.failed) {
        rc = err_set(e, E_LIMIT, "%s is longer than %zu bytes", m->name, max);
    }
    if (rc == E_OK && text.len > 0 && memchr(text.data, 0, text.len) != NULL) {
        rc = err_set(e, E_ARGUMENT, "%s has a zero byte", m->name);
    }
    if (rc == E_OK) {
        *ret_text = arena_copy(&r->arena, buf_slice(&text));
        rc = ret_text->ptr == NULL ? err_set(e, E_MEMORY, "%s", m->name) : E_OK;
    }
    return rc;
}

static int take_texts(struct web_request *r, const struct web_json_member *m, struct json_in *in,
                      struct err *e) {
    struct web_json_texts *texts = m->ret;
    struct json_token token;
    struct slice *list = arena_array(&r->arena, m->max + 1, sizeof *list);
    size_t count = 0;
    int kind;
    if (list == NULL) {
        return err_set(e, E_MEMORY, "%s", m->name);
    }
    while ((kind = json_in_next(in, &token, e)) != JSON_ARRAY_END) {
        if (kind < 0) {
            return kind;
        }
        if (count == m->max) {
            return err_set(e, E_LIMIT, "%s has more than %zu entries", m->name, m->max);
        }
        int rc = take_text(r, m, &token, WEB_JSON_TEXT_MAX, &list[count], e);
        if (rc != E_OK) {
            return rc;
        }
        count++;
    }
    *texts = (struct web_json_texts){list, count};
    return E_OK;
}

static int take_raw(struct web_request *r, const struct web_json_member *m,
                    const struct json_token *token, struct json_in *in, struct err *e) {
    if (token->kind != JSON_ARRAY_BEGIN) {
        return err_set(e, E_ARGUMENT, "%s must be a list", m->name);
    }
    int rc = json_in_skip(in, token, e);
    struct slice from = slice_from(buf_slice(&r->body), (size_t)token->offset);
    *(struct slice *)m->ret = slice_first(from, in->at - (size_t)token->offset);
    return rc;
}

static int take_value(struct web_request *r, struct web_json_member *m, struct json_in *in,
                      struct err *e) {
    struct json_token token;
    int kind = json_in_next(in, &token, e);
    if (kind < 0) {
        return kind;
    }
    switch (m->kind) {
    case WEB_JSON_TEXT:
        return kind == JSON_NULL
                   ? E_OK
                   : take_text(r, m, &token, m->max != 0 ? m->max : WEB_JSON_TEXT_MAX, m->ret, e);
    case WEB_JSON_NUMBER:
        return kind == JSON_NUMBER && json_in_i64(&token, m->ret)
                   ? E_OK
                   : err_set(e, E_ARGUMENT, "%s must be a whole number", m->name);
    case WEB_JSON_BOOL:
        if (kind != JSON_TRUE && kind != JSON_FALSE) {
            return err_set(e, E_ARGUMENT, "%s must be true or false", m->name);
        }
        *(bool *)m->ret = kind == JSON_TRUE;
        return E_OK;
    case WEB_JSON_RAW:
        return take_raw(r, m, &token, in, e);
    case WEB_JSON_TEXTS:
        break;
    }
    return kind == JSON_ARRAY_BEGIN ? take_texts(r, m, in, e)
                                    : err_set(e, E_ARGUMENT, "%s must be a list", m->name);
}

static int take_member(struct web_request *r, const struct json_token *name,
                       struct web_json_member *members, size_t count, struct json_in *in,
                       struct err *e) {
    for (size_t i = 0; i < count; i++) {
        if (json_in_is(name, members[i].name)) {
            if (members[i].present) {
                return err_set(e, E_ARGUMENT, "%s is there twice", members[i].name);
            }
            members[i].present = true;
            return take_value(r, &members[i], in, e);
        }
    }
    err_set(e, E_ARGUMENT, "the body has a member that is not known: \"%.*s\"",
            (int)slice_first(name->raw, 40).len, (const char *)name->raw.ptr);
    return err_at(e, name->offset);
}

int web_json_body(struct web_request *r, struct web_json_member *members, size_t count,
                  struct err *e) {
    struct json_in in;
    struct json_token token;
    int rc = check_type(r, e);
    if (rc != E_OK) {
        return rc;
    }
    json_in_init(&in, buf_slice(&r->body), DEPTH_MAX);
    int kind = json_in_next(&in, &token, e);
    if (kind >= 0 && kind != JSON_OBJECT_BEGIN) {
        return err_set(e, E_SYNTAX, "the body must be a JSON object");
    }
    while (kind >= 0 && (kind = json_in_next(&in, &token, e)) == JSON_NAME) {
        rc = take_member(r, &token, members, count, &in, e);
        if (rc != E_OK) {
            return rc;
        }
    }
    kind = kind < 0 ? kind : json_in_next(&in, &token, e); // nothing behind it
    for (size_t i = 0; i < count && kind >= 0; i++) {
        if (members[i].required && !members[i].present) {
            return err_set(e, E_MISSING, "the body has no member \"%s\"", members[i].name);
        }
    }
    return kind < 0 ? kind : E_OK;
}
