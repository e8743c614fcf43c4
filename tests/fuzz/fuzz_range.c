// SPDX-License-Identifier: Apache-2.0
// Range and If-None-Match: a part lies within the whole. The first eight bytes are the length of
// the whole.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "web/frame_list.h"
#include "web/headers.h"
#include "web/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    uint64_t total = 0;
    size_t head = len < 8 ? len : 8;
    if (head > 0) {
        memcpy(&total, data, head);
    }
    struct slice text = slice_of(data + head, len - head);
    struct web_range range = {0, 0};
    if (web_range_parse(text, slice_str(""), "\"x\"", total, &range) == WEB_RANGE_PART &&
        (range.len == 0 || range.first >= total || range.len > total - range.first)) {
        abort();
    }
    uint32_t numbers[16];
    size_t count = 0;
    struct err e = {0};
    if (web_frame_list_parse(text, 100, numbers, 16, &count, &e) == E_OK) {
        for (size_t i = 0; i < count; i++) {
            if (numbers[i] == 0 || numbers[i] > 100) {
                abort();
            }
        }
    }
    const struct web_names_allowed none = {0};
    (void)web_etag_listed(text, "\"x\"");
    (void)web_host_allowed(text, &none);
    return 0;
}
