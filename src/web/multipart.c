// SPDX-License-Identifier: Apache-2.0
// The delimiter is CR LF "--" boundary, and CR stands in it only once, in front: a partial match
// that fails can therefore only begin again at the byte that broke it. The first delimiter may
// stand at the very start, as if a line end went before.
#include "web/multipart.h"

#include <string.h>

#include "base/err.h"
#include "web/media.h"

static bool boundary_byte(uint8_t c) {
    return c >= 0x20 && c < 0x7F; // wider than RFC 2046's list: clients write '{', '|' and others
}

int web_multipart_init(struct web_multipart *m, struct slice boundary,
                       const struct web_multipart_sink *sink, struct err *e) {
    if (boundary.len == 0 || boundary.len > WEB_BOUNDARY_MAX) {
        return err_set(e, E_SYNTAX, "multipart boundary must have 1 to %d characters",
                       WEB_BOUNDARY_MAX);
    }
    for (size_t i = 0; i < boundary.len; i++) {
        if (!boundary_byte(boundary.ptr[i])) {
            return err_set(e, E_SYNTAX, "multipart boundary with a character not allowed");
        }
    }
    *m = (struct web_multipart){.sink = *sink, .matched = 2, .borrowed = 2};
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.ptr, boundary.len);
    m->delimiter_len = boundary.len + 4;
    buf_init(&m->headers, WEB_PART_HEADERS_MAX);
    return E_OK;
}

void web_multipart_done(struct web_multipart *m) { buf_done(&m->headers); }

static int fail(struct web_multipart *m, int code) {
    m->error = code;
    return code;
}

static int data(struct web_multipart *m, struct slice bytes, struct err *e) {
    if (m->state != WEB_MULTIPART_DATA || bytes.len == 0) {
        return E_OK;
    }
    return m->sink.data(m->sink.context, bytes, e);
}

static int delimiter_seen(struct web_multipart *m, struct err *e) {
    bool in_part = m->state == WEB_MULTIPART_DATA;
    m->state = WEB_MULTIPART_AFTER_DELIMITER;
    m->matched = 0;
    m->borrowed = 0;
    m->after_len = 0;
    return in_part ? m->sink.end(m->sink.context, e) : E_OK;
}

// Goes on with a delimiter that began in an earlier piece. Takes bytes off *rest.
static int continue_match(struct web_multipart *m, struct slice *rest, struct err *e) {
    while (rest->len > 0 && m->matched > 0) {
        if (rest->ptr[0] != (uint8_t)m->delimiter[m->matched]) {
            struct slice held = slice_of(m->delimiter + m->borrowed, m->matched - m->borrowed);
            m->matched = 0;
            m->borrowed = 0;
            return data(m, held, e);
        }
        *rest = slice_from(*rest, 1);
        if (++m->matched == m->delimiter_len) {
            return delimiter_seen(m, e);
        }
    }
    return E_OK;
}

// Bytes at the end of `s` that may be the start of a delimiter.
static size_t tail_match(const struct web_multipart *m, struct slice s) {
    size_t longest = s.len < m->delimiter_len - 1 ? s.len : m->delimiter_len - 1;
    const uint8_t *from = s.ptr + s.len - longest;
    const uint8_t *cr = memrchr(from, '\r', longest);
    if (cr == NULL) {
        return 0;
    }
    size_t len = (size_t)(s.ptr + s.len - cr);
    return memcmp(cr, m->delimiter, len) == 0 ? len : 0;
}

// In PREAMBLE and DATA: up to the next delimiter.
static int scan(struct web_multipart *m, struct slice *rest, struct err *e) {
    if (m->matched > 0) {
        return continue_match(m, rest, e);
    }
    const uint8_t *hit = memmem(rest->ptr, rest->len, m->delimiter, m->delimiter_len);
    struct slice body = *rest;
    if (hit != NULL) {
        body.len = (size_t)(hit - rest->ptr);
        *rest = slice_from(*rest, body.len + m->delimiter_len);
    } else {
        m->matched = tail_match(m, *rest);
        body.len -= m->matched;
        *rest = slice_from(*rest, rest->len);
    }
    int rc = data(m, body, e);
    return rc == E_OK && hit != NULL ? delimiter_seen(m, e) : rc;
}

// "--" ends the body; optional blanks and CR LF begin a part.
static int after_delimiter(struct web_multipart *m, struct slice *rest, struct err *e) {
    uint8_t c = rest->ptr[0];
    *rest = slice_from(*rest, 1);
    if (m->after_len == 0 && (c == ' ' || c == '\t')) {
        return E_OK; // transport padding
    }
    m->after[m->after_len++] = c;
    if (m->after_len < 2) {
        return E_OK;
    }
    if (memcmp(m->after, "--", 2) == 0) {
        m->state = WEB_MULTIPART_EPILOGUE;
        return E_OK;
    }
    if (memcmp(m->after, "\r\n", 2) != 0) {
        return err_set(e, E_SYNTAX, "multipart: no line end behind a delimiter");
    }
    if (m->parts == WEB_PARTS_MAX) {
        return err_set(e, E_LIMIT, "multipart: over %u parts", WEB_PARTS_MAX);
    }
    buf_clear(&m->headers);
    m->state = WEB_MULTIPART_HEADERS;
    return E_OK;
}

static void take_header(struct slice line, struct web_part *part) {
    size_t colon = slice_find(line, ':');
    struct slice name = slice_first(line, colon);
    struct slice value = slice_trim(slice_from(line, colon + 1), " \t");
    if (web_equal_nocase(name, slice_str("Content-Type"))) {
        part->content_type = value;
    } else if (web_equal_nocase(name, slice_str("Content-Location"))) {
        part->content_location = value;
    }
}

static int begin_part(struct web_multipart *m, struct err *e) {
    struct web_part part = {.number = m->parts++};
    struct slice rest = slice_first(buf_slice(&m->headers), m->headers.len - 2);
    struct slice line;
    while (rest.len > 0 && slice_split(&rest, '\n', &line)) {
        take_header(slice_trim(line, "\r"), &part);
    }
    m->state = WEB_MULTIPART_DATA;
    m->matched = 2; // the empty line may be the line end of a delimiter: a part without a body
    m->borrowed = 2;
    return m->sink.begin(m->sink.context, &part, e);
}

static bool headers_complete(const struct buf *h) {
    return (h->len == 2 && memcmp(h->data, "\r\n", 2) == 0) ||
           (h->len >= 4 && memcmp(h->data + h->len - 4, "\r\n\r\n", 4) == 0);
}

static int part_headers(struct web_multipart *m, struct slice *rest, struct err *e) {
    while (rest->len > 0) {
        size_t line = slice_find(*rest, '\n');
        size_t take = line < rest->len ? line + 1 : line;
        buf_put(&m->headers, rest->ptr, take);
        *rest = slice_from(*rest, take);
        int rc = buf_check(&m->headers, "header fields of a part", e);
        if (rc != E_OK) {
            return rc;
        }
        if (headers_complete(&m->headers)) {
            return begin_part(m, e);
        }
    }
    return E_OK;
}

static int step(struct web_multipart *m, struct slice *rest, struct err *e) {
    switch (m->state) {
    case WEB_MULTIPART_PREAMBLE:
    case WEB_MULTIPART_DATA:
        return scan(m, rest, e);
    case WEB_MULTIPART_AFTER_DELIMITER:
        return after_delimiter(m, rest, e);
    case WEB_MULTIPART_HEADERS:
        return part_headers(m, rest, e);
    case WEB_MULTIPART_EPILOGUE:
        break;
    }
    *rest = slice_from(*rest, rest->len);
    return E_OK;
}

int web_multipart_feed(struct web_multipart *m, struct slice bytes, struct err *e) {
    if (m->error != 0) {
        return err_set(e, m->error, "multipart: after an error");
    }
    struct slice rest = bytes;
    while (rest.len > 0) {
        int rc = step(m, &rest, e);
        if (rc < 0) {
            err_at(e, m->consumed + (bytes.len - rest.len));
            return fail(m, rc);
        }
    }
    m->consumed += bytes.len;
    return E_OK;
}

int web_multipart_finish(struct web_multipart *m, struct err *e) {
    if (m->error != 0) {
        return err_set(e, m->error, "multipart: after an error");
    }
    if (m->state == WEB_MULTIPART_EPILOGUE) {
        return E_OK;
    }
    err_set(e, E_TRUNCATED, "multipart: the closing delimiter is missing");
    return fail(m, err_at(e, m->consumed));
}
