// SPDX-License-Identifier: Apache-2.0
#include "pixel/j2k_memory.h"

#include <string.h>

#include "base/buf.h"

#define CHUNK ((size_t)64 << 10) // the library reads and writes so much at once
#define END ((OPJ_SIZE_T)-1)

static OPJ_SIZE_T read_bytes(void *to, OPJ_SIZE_T len, void *user) {
    struct px_j2k_source *s = user;
    size_t left = s->bytes.len - s->at;
    if (left == 0) {
        return END;
    }
    size_t count = len < left ? len : left;
    memcpy(to, s->bytes.ptr + s->at, count);
    s->at += count;
    return count;
}

static OPJ_OFF_T skip_source(OPJ_OFF_T len, void *user) {
    struct px_j2k_source *s = user;
    size_t left = s->bytes.len - s->at;
    if (len < 0 || (uint64_t)len > left) {
        s->at = s->bytes.len;
        return len < 0 ? -1 : (OPJ_OFF_T)left;
    }
    s->at += (size_t)len;
    return len;
}

static OPJ_BOOL seek_source(OPJ_OFF_T at, void *user) {
    struct px_j2k_source *s = user;
    if (at < 0 || (uint64_t)at > s->bytes.len) {
        return OPJ_FALSE;
    }
    s->at = (size_t)at;
    return OPJ_TRUE;
}

opj_stream_t *px_j2k_source_stream(struct px_j2k_source *s) {
    opj_stream_t *stream = opj_stream_create(CHUNK, OPJ_TRUE);
    if (stream != NULL) {
        opj_stream_set_user_data(stream, s, NULL);
        opj_stream_set_user_data_length(stream, s->bytes.len);
        opj_stream_set_read_function(stream, read_bytes);
        opj_stream_set_skip_function(stream, skip_source);
        opj_stream_set_seek_function(stream, seek_source);
    }
    return stream;
}

// Bytes between the end and a place that was skipped to are zero.
static bool reach(struct px_j2k_sink *s, size_t end) {
    size_t have = s->out->len - s->start;
    if (end > have) {
        uint8_t *room = buf_extend(s->out, end - have);
        if (room == NULL) {
            return false;
        }
        memset(room, 0, end - have);
    }
    return true;
}

static OPJ_SIZE_T write_bytes(void *from, OPJ_SIZE_T len, void *user) {
    struct px_j2k_sink *s = user;
    if (!reach(s, s->at + len)) {
        return END;
    }
    memcpy(s->out->data + s->start + s->at, from, len);
    s->at += len;
    return len;
}

static OPJ_OFF_T skip_sink(OPJ_OFF_T len, void *user) {
    struct px_j2k_sink *s = user;
    if (len < 0 || !reach(s, s->at + (size_t)len)) {
        return -1;
    }
    s->at += (size_t)len;
    return len;
}

static OPJ_BOOL seek_sink(OPJ_OFF_T at, void *user) {
    struct px_j2k_sink *s = user;
    if (at < 0 || !reach(s, (size_t)at)) {
        return OPJ_FALSE;
    }
    s->at = (size_t)at;
    return OPJ_TRUE;
}

opj_stream_t *px_j2k_sink_stream(struct px_j2k_sink *s) {
    opj_stream_t *stream = opj_stream_create(CHUNK, OPJ_FALSE);
    if (stream != NULL) {
        opj_stream_set_user_data(stream, s, NULL);
        opj_stream_set_write_function(stream, write_bytes);
        opj_stream_set_skip_function(stream, skip_sink);
        opj_stream_set_seek_function(stream, seek_sink);
    }
    return stream;
}

static void keep(const char *text, void *user) {
    struct px_j2k_message *m = user;
    if (m->text[0] != '\0') {
        return;
    }
    size_t len = strcspn(text, "\r\n");
    len = len < sizeof m->text ? len : sizeof m->text - 1;
    memcpy(m->text, text, len);
    m->text[len] = '\0';
}

static void pass_over(const char *text, void *user) {
    (void)text;
    (void)user;
}

void px_j2k_listen(opj_codec_t *codec, struct px_j2k_message *m) {
    m->text[0] = '\0';
    (void)opj_set_error_handler(codec, keep, m);
    (void)opj_set_warning_handler(codec, pass_over, NULL);
    (void)opj_set_info_handler(codec, pass_over, NULL);
}
