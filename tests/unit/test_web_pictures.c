// SPDX-License-Identifier: Apache-2.0
// Parameters of rendering, and the pictures kept in memory: bounded, last used stay longest.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "web/pictures.h"
#include "web/render_params.h"
#include "web/url.h"

typedef int (*parser)(const struct web_url *url, struct render_request *ret_request, struct err *e);

static int wado(const struct web_url *url, struct render_request *ret_request, struct err *e) {
    return web_wado_params(url, 100, 200, ret_request, e);
}

static int parse(parser p, const char *query, struct render_request *q) {
    struct arena a;
    struct web_url u;
    struct err e = {0};
    char target[512];
    arena_init(&a, (size_t)1 << 16);
    (void)snprintf(target, sizeof target, "/x?%s", query);
    assert_int_equal(web_url_parse(&a, slice_str(target), &u, &e), E_OK);
    int rc = p(&u, q, &e);
    arena_done(&a);
    return rc;
}

static void test_rendered(void **state) {
    struct render_request q;
    (void)state;
    assert_int_equal(parse(web_render_params, "", &q), E_OK);
    assert_false(q.has_window);
    assert_int_equal(q.width, 0);
    assert_int_equal(
        parse(web_render_params, "window=40,400,sigmoid&viewport=64,32&quality=7&x=y", &q), E_OK);
    assert_true(q.has_window && q.centre == 40 && q.window_width == 400);
    assert_int_equal(q.function, 2);
    assert_int_equal(q.width, 64);
    assert_int_equal(q.height, 32);
    assert_int_equal(q.quality, 7);
    static const char *const wrong[] = {"window=40",   "window=a,b,linear", "window=40,400,cubic",
                                        "viewport=x",  "quality=0",         "quality=101",
                                        "quality=ten", "viewport=99999,1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        print_message("%s\n", wrong[i]);
        assert_int_equal(parse(web_render_params, wrong[i], &q), E_ARGUMENT);
    }
    assert_int_equal(parse(web_render_params, "annotation=patient", &q), E_NOT_ACCEPTABLE);
}

static void test_thumbnail(void **state) {
    struct render_request q;
    (void)state;
    assert_int_equal(parse(web_thumbnail_params, "window=1", &q), E_OK); // not its parameter
    assert_int_equal(q.width, WEB_THUMBNAIL_SIDE);
    assert_int_equal(parse(web_thumbnail_params, "viewport=20,30", &q), E_OK);
    assert_int_equal(q.height, 30);
}

static void test_wado(void **state) {
    struct render_request q;
    (void)state;
    assert_int_equal(
        parse(wado, "region=0.25,0.5,0.75,1&frameNumber=3&windowCenter=1&windowWidth=2", &q), E_OK);
    assert_true(q.source[0] == 50 && q.source[1] == 50 && q.source[2] == 100 && q.source[3] == 50);
    assert_int_equal(q.frame, 3);
    assert_int_equal(parse(wado, "rows=10", &q), E_OK);
    assert_int_equal(q.height, 10);
    assert_true(q.width > 1000); // as wide as the shape asks
    static const char *const wrong[] = {
        "region=0,0,1",   "region=0,0,1,1,1", "region=1,0,0,1",
        "region=0,0,2,1", "windowWidth=1",    "windowCenter=1&windowWidth=0",
        "rows=0",         "frameNumber=0",    "imageQuality=x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        print_message("%s\n", wrong[i]);
        assert_int_equal(parse(wado, wrong[i], &q), E_ARGUMENT);
    }
}

static void test_text_tells_requests_apart(void **state) {
    struct render_request a = {.frame = 1, .has_window = true, .centre = 40, .window_width = 400};
    struct render_request b = a;
    char ta[WEB_RENDER_TEXT_MAX];
    char tb[WEB_RENDER_TEXT_MAX];
    (void)state;
    web_render_text(&a, ta);
    web_render_text(&b, tb);
    assert_string_equal(ta, tb);
    b.centre = 40.001;
    web_render_text(&b, tb);
    assert_string_not_equal(ta, tb);
}

static struct web_picture *keep(struct web_pictures *p, unsigned number, size_t len) {
    struct buf b;
    char key[32];
    buf_init(&b, WEB_PICTURES_BYTES_MAX);
    assert_non_null(buf_extend(&b, len));
    (void)snprintf(key, sizeof key, "\"%u\"", number);
    return web_pictures_keep(p, key, &b);
}

static bool there(struct web_pictures *p, unsigned number) {
    char key[32];
    (void)snprintf(key, sizeof key, "\"%u\"", number);
    struct web_picture *x = web_pictures_find(p, key);
    web_picture_done(x);
    return x != NULL;
}

static void test_pictures_are_bounded(void **state) {
    struct web_pictures *p;
    struct err e = {0};
    const size_t len = WEB_PICTURES_BYTES_MAX / 16;
    (void)state;
    assert_int_equal(web_pictures_new(&p, &e), E_OK);
    for (unsigned i = 0; i < 16; i++) {
        web_picture_done(keep(p, i, len));
    }
    assert_true(there(p, 0)); // now the last used
    web_picture_done(keep(p, 16, len));
    assert_true(there(p, 0));
    assert_false(there(p, 1));
    assert_true(there(p, 16));
    struct web_picture *large = keep(p, 17, WEB_PICTURES_BYTES_MAX / 2); // given, not kept
    assert_non_null(large);
    assert_false(there(p, 17));
    web_picture_done(large);
    struct web_picture *held = keep(p, 18, len); // outlives the table
    web_pictures_free(p);
    web_picture_done(held);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rendered),
        cmocka_unit_test(test_thumbnail),
        cmocka_unit_test(test_wado),
        cmocka_unit_test(test_text_tells_requests_apart),
        cmocka_unit_test(test_pictures_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
