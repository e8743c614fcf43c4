// SPDX-License-Identifier: Apache-2.0
// QIDO-RS queries and the parameters of rendering: bounded keys, known tags, bounded sizes.
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "pixel/render.h"
#include "web/qido.h"
#include "web/render_params.h"
#include "web/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool holds) {
    if (!holds) {
        abort();
    }
}

static void check_query(struct arena *a, const struct web_url *u) {
    struct web_qido q;
    for (int level = SEARCH_STUDY; level <= SEARCH_INSTANCE; level++) {
        struct err e = {0};
        if (web_qido_parse(a, u, (enum search_level)level, &q, &e) != E_OK) {
            must(e.code < 0 && e.text[0] != '\0');
            continue;
        }
        must(q.key_count <= SEARCH_KEYS_MAX && q.limit <= SEARCH_LIMIT_MAX);
        for (size_t i = 0; i < q.key_count; i++) {
            must(search_attribute_find(q.keys[i].tag) != NULL);
        }
        for (const char *c = q.unsupported; *c != '\0'; c++) {
            must(*c >= 0x20 && *c < 0x7F);
        }
    }
}

static void check_rendering(const struct web_url *u) {
    struct render_request q;
    struct err e = {0};
    char text[WEB_RENDER_TEXT_MAX];
    if (web_render_params(u, &q, &e) == E_OK) {
        must(q.width <= PX_VIEWPORT_MAX && q.height <= PX_VIEWPORT_MAX && q.quality <= 100);
        must(isfinite(q.centre) && isfinite(q.window_width));
        web_render_text(&q, text);
    }
    if (web_wado_params(u, 512, 512, &q, &e) == E_OK) {
        must(q.source[0] >= 0 && q.source[0] + q.source[2] <= 512.001);
        web_render_text(&q, text);
    }
    (void)web_thumbnail_params(u, &q, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct arena a;
    struct web_url u;
    struct err e = {0};
    struct buf target;
    arena_init(&a, (size_t)4 << 20);
    buf_init(&target, WEB_URL_MAX);
    buf_put_str(&target, "/s?");
    buf_put(&target, data, len);
    if (!target.failed && web_url_parse(&a, buf_slice(&target), &u, &e) == E_OK) {
        check_query(&a, &u);
        check_rendering(&u);
    }
    buf_done(&target);
    arena_done(&a);
    return 0;
}
