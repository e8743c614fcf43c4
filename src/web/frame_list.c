// SPDX-License-Identifier: Apache-2.0
#include "web/frame_list.h"

#include "base/err.h"
#include "base/num.h"

int web_frame_list_parse(struct slice text, uint32_t frames, uint32_t *numbers, size_t max,
                         size_t *ret_count, struct err *e) {
    size_t count = 0;
    struct slice part;
    while (slice_split(&text, ',', &part)) {
        uint64_t number;
        if (part.len == 0 || part.ptr[0] < '0' || part.ptr[0] > '9' ||
            !num_parse_u64(part, UINT32_MAX, &number) || number == 0) {
            return err_set(e, E_ARGUMENT, "frame numbers are whole numbers from 1, with commas");
        }
        if (number > frames) {
            return err_set(e, E_NOT_FOUND, "frame %llu of %u", (unsigned long long)number, frames);
        }
        if (count == max) {
            return err_set(e, E_LIMIT, "over %zu frames in one request", max);
        }
        numbers[count++] = (uint32_t)number;
    }
    *ret_count = count;
    return E_OK;
}
