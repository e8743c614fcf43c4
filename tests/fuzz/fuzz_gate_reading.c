// SPDX-License-Identifier: Apache-2.0
// What a reader that was taken over may answer, and crops as they are cut. The first byte is the
// number of readings. Accepted ones are lines of text fit to print and come back packed as they
// were; each has one meaning.
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "gate/reading_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define COUNT_MAX 16

static void check(const struct gate_reading *r) {
    size_t len = strnlen(r->text, sizeof r->text);
    assert(len < sizeof r->text && r->confidence <= 100 && utf8_valid(slice_str(r->text)));
    for (size_t i = 0; i < len; i++) {
        assert((unsigned char)r->text[i] >= 0x20 && r->text[i] != 0x7F);
    }
    enum gate_meaning meaning = gate_reading_means(r, NULL);
    assert(meaning <= GATE_MEANS_IDENTIFIER);
    assert(meaning != GATE_MEANS_TECHNIQUE || r->confidence >= 60);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct gate_reading readings[COUNT_MAX];
    struct err e = {0};
    if (len == 0) {
        return 0;
    }
    uint32_t count = data[0] % (COUNT_MAX + 1);
    struct slice rest = slice_of(data + 1, len - 1);
    int rc = gate_readings_unpack(rest, readings, count, &e);
    assert(rc == E_OK || (rc == E_CRASHED && e.code == rc));
    if (rc == E_OK) {
        struct buf again;
        buf_init(&again, 65536);
        for (uint32_t i = 0; i < count; i++) {
            check(&readings[i]);
            gate_reading_pack(&readings[i], &again);
        }
        assert(slice_eq(rest, buf_slice(&again)));
        buf_done(&again);
    }
    struct gate_crop c;
    while (gate_crop_next(&rest, &c, &e) == E_OK) {
        assert(c.width > 0 && c.height > 0 && c.whole.len == 4 + (size_t)c.width * c.height);
        assert(c.grey + (size_t)c.width * c.height <= data + len);
    }
    return 0;
}
