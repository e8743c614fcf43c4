// SPDX-License-Identifier: Apache-2.0
// A whole file through the gate: whatever it is there is a verdict with a reason, and what is
// released can be read again.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "dicom/part10.h"
#include "gate/instance.h"

#define MEMORY ((size_t)96 << 20)

static int put(void *context, struct slice bytes, struct err *e) {
    buf_put_slice(context, bytes);
    return buf_check(context, "written", e);
}

static int patch(void *context, uint64_t offset, struct slice bytes, struct err *e) {
    struct buf *out = context;
    assert(offset <= out->len && bytes.len <= out->len - offset);
    memcpy(out->data + offset, bytes.ptr, bytes.len);
    (void)e;
    return E_OK;
}

static int reread(void *context, struct slice *ret_bytes, struct err *e) {
    (void)e;
    *ret_bytes = buf_slice(context);
    return E_OK;
}

static void pack_profile(struct buf *packed) {
    struct arena a;
    struct gate_profile *profile;
    struct err e = {0};
    arena_init(&a, MEMORY);
    buf_init(packed, MEMORY);
    if (sodium_init() < 0 || gate_profile_load(&a, gate_profile_builtin(), &profile, &e) != E_OK ||
        gate_profile_pack(profile, packed, &e) != E_OK) {
        abort();
    }
    arena_done(&a);
}

static void check(const struct gate_passed *p, struct slice written) {
    struct arena a;
    struct dcm_file file;
    struct dcm_dataset *d;
    struct err e = {0};
    assert(p->verdict == GATE_RELEASED || p->reason_count > 0);
    assert(p->verdict != GATE_RELEASED || p->out_len == written.len);
    if (p->verdict == GATE_RELEASED) {
        arena_init(&a, MEMORY);
        assert(dcm_file_open(&a, written, &file, &e) == E_OK);
        assert(dcm_file_dataset(&a, &file, 0, &d, &e) == E_OK);
        arena_done(&a);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct buf profile; // the same for all
    struct gate_key key = {{1, 2, 3}};
    struct arena a;
    struct buf out;
    struct gate_passed *p;
    struct err e = {0};
    if (profile.len == 0) {
        pack_profile(&profile);
    }
    arena_init(&a, MEMORY);
    buf_init(&out, MEMORY);
    p = arena_new(&a, struct gate_passed);
    struct gate_pass ask = {
        .key = &key, .profile = buf_slice(&profile), .name = slice_str("a/b"), .want_crops = false};
    struct gate_pass_out to = {.to = {.sink = {put, &out}, .patch = patch, .context = &out},
                               .reread = reread,
                               .context = &out};
    if (p != NULL && gate_pass_run(&a, &ask, slice_of(data, size), &to, p, &e) == E_OK) {
        check(p, buf_slice(&out));
    }
    buf_done(&out);
    arena_done(&a);
    return 0;
}
