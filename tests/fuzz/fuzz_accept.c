// SPDX-License-Identifier: Apache-2.0
// Accept, Accept-Encoding and media types: no input reads outside itself, and q stays within 0 to
// 1000.
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "web/accept.h"
#include "web/media.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const struct web_offer offers[] = {
        {"image/jls", "1.2.840.10008.1.2.4.80", true, true},
        {"application/octet-stream", "1.2.840.10008.1.2.4.80", false, false},
        {"application/octet-stream", "1.2.840.10008.1.2.1", true, true},
    };
    struct arena a;
    struct web_accept accept;
    struct web_media media;
    struct err e = {0};
    struct slice text = slice_of(data, len);
    arena_init(&a, (size_t)1 << 20);
    if (web_accept_parse(&a, text, &accept, &e) == E_OK) {
        int chosen = web_accept_choose(&accept, offers, 3);
        for (size_t i = 0; i < accept.count; i++) {
            if (accept.wants[i].q > 1000) {
                abort();
            }
        }
        if (chosen < -1 || chosen > 2) {
            abort();
        }
    }
    (void)web_accepts_coding(text, "gzip");
    if (web_media_parse(&a, text, &media, &e) == E_OK) {
        (void)web_media_param(&media, "boundary");
    }
    arena_done(&a);
    return 0;
}
