// SPDX-License-Identifier: Apache-2.0
// Any value of Specific Character Set with any bytes as text: what comes out is UTF-8, and text
// that decodes without a remark and can be written in the same sets reads back the same.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "dicom/charset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define OUTPUT_BYTES ((size_t)16 << 20)

static void need(bool truth) {
    if (!truth) {
        abort();
    }
}

static void check_back(const struct dcm_charset *cs, enum dcm_vr vr, struct slice text) {
    struct buf raw, again;
    struct dcm_charset_report report = {0};
    struct err e = {0};
    buf_init(&raw, OUTPUT_BYTES);
    buf_init(&again, OUTPUT_BYTES);
    int rc = dcm_charset_from_utf8(cs, vr, text, &raw, &e);
    need(rc == E_OK || (rc == E_CHARSET && raw.len == 0));
    if (rc == E_OK) {
        dcm_charset_to_utf8(cs, vr, buf_slice(&raw), &again, &report);
        need(slice_eq(buf_slice(&again), text));
        need(report.replaced == 0 && report.findings == 0);
    }
    buf_done(&raw);
    buf_done(&again);
}

// Layout: a byte for the VR, the terms up to a line feed, the text.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < 1) {
        return 0;
    }
    enum dcm_vr vr = (enum dcm_vr)(data[0] % DCM_VR_COUNT);
    struct slice rest = slice_of(data + 1, len - 1);
    struct slice terms;
    if (!slice_split(&rest, '\n', &terms)) {
        return 0;
    }
    struct dcm_charset cs = dcm_charset_from_terms(terms);
    need(cs.count >= 1 && cs.count <= DCM_CHARSET_TERMS_MAX);
    struct dcm_charset_report report = {0};
    struct buf text, written;
    buf_init(&text, OUTPUT_BYTES);
    buf_init(&written, OUTPUT_BYTES);
    dcm_charset_to_utf8(&cs, vr, rest, &text, &report);
    need(utf8_valid(buf_slice(&text)) && !text.failed);
    dcm_charset_put_terms(&cs, &written);
    struct dcm_charset same = dcm_charset_from_terms(buf_slice(&written));
    need(same.count == cs.count && same.extensions == cs.extensions);
    if (cs.findings == 0 && report.findings == 0) {
        check_back(&cs, vr, buf_slice(&text));
    }
    buf_done(&text);
    buf_done(&written);
    return 0;
}
