// SPDX-License-Identifier: Apache-2.0
#include "worker/frame.h"

#include <string.h>

#include "base/utf8.h"

_Static_assert(sizeof(struct frame_request) == 24, "no padding on the wire");
_Static_assert(sizeof(struct frame_answer) == 24, "no padding on the wire");
_Static_assert(sizeof(struct frame_error) == 16 + ERR_PATH_MAX + ERR_TEXT_MAX,
               "no padding on the wire");

void frame_pack_answer(struct frame_answer *out, uint64_t serial, int code, uint64_t len) {
    *out = (struct frame_answer){
        .magic = FRAME_ANSWER_MAGIC, .code = code, .serial = serial, .len = len};
}

void frame_pack_error(struct frame_error *out, const struct err *e) {
    *out = (struct frame_error){.offset = e->offset, .has_offset = e->has_offset ? 1 : 0};
    memcpy(out->path, e->path, sizeof out->path);
    memcpy(out->text, e->text, sizeof out->text);
}

int frame_parse_answer(struct slice head, uint64_t serial, uint64_t len_max,
                       struct frame_answer *ret_answer, struct err *e) {
    struct frame_answer a;
    if (head.len != sizeof a) {
        return err_set(e, E_SYNTAX, "answer head of %zu bytes", head.len);
    }
    memcpy(&a, head.ptr, sizeof a);
    if (a.magic != FRAME_ANSWER_MAGIC) {
        return err_set(e, E_SYNTAX, "not an answer");
    }
    if (a.serial != serial) {
        return err_set(e, E_SYNTAX, "answer to another job");
    }
    if (a.code <= -(ERR_INDEX_COUNT + 1) || a.code > FRAME_POSITIVE_MAX) {
        return err_set(e, E_SYNTAX, "unknown answer code");
    }
    if (a.len > len_max || (a.code < 0 && a.len != 0)) {
        return err_set(e, E_SYNTAX, "answer of an impossible length");
    }
    *ret_answer = a;
    return E_OK;
}

// `in` (len bytes, not necessarily terminated) as harmless text in `out` of the same length.
static void safe_text(const char *in, char *out, size_t len) {
    struct slice rest = slice_of(in, strnlen(in, len - 1));
    size_t at = 0;
    while (rest.len > 0) {
        uint32_t code_point = 0;
        size_t taken = utf8_decode(rest, &code_point);
        bool control = code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0);
        if (taken == 0 || control) {
            taken = taken == 0 ? 1 : taken;
            out[at++] = '?';
        } else {
            memcpy(out + at, rest.ptr, taken);
            at += taken;
        }
        rest = slice_from(rest, taken);
    }
    out[at] = '\0';
}

int frame_parse_error(struct slice record, int code, struct err *ret_error) {
    struct frame_error f;
    if (record.len != sizeof f) {
        return err_set(ret_error, E_SYNTAX, "error record of %zu bytes", record.len);
    }
    memcpy(&f, record.ptr, sizeof f);
    err_clear(ret_error);
    ret_error->code = code;
    ret_error->has_offset = f.has_offset == 1;
    ret_error->offset = f.has_offset == 1 ? f.offset : 0;
    safe_text(f.path, ret_error->path, sizeof ret_error->path);
    safe_text(f.text, ret_error->text, sizeof ret_error->text);
    return code;
}

void frame_advance(struct msghdr *message, size_t len) {
    while (message->msg_iovlen > 0 && len >= message->msg_iov[0].iov_len) {
        len -= message->msg_iov[0].iov_len;
        message->msg_iov++;
        message->msg_iovlen--;
    }
    if (message->msg_iovlen > 0) {
        message->msg_iov[0].iov_base = (uint8_t *)message->msg_iov[0].iov_base + len;
        message->msg_iov[0].iov_len -= len;
    }
}
