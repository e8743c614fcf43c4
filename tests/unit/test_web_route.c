// SPDX-License-Identifier: Apache-2.0
// The table of doors: which row a path finds, what is in its words, what is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "web/route.h"
#include "web/routes.h"
#include "web/url.h"

#define MEMORY ((size_t)1 << 16)

// The real table with handlers that tell them apart only by row.
static const struct web_route routes[] = {
#define X(method, path, action, handler, where)                                                    \
    {WEB_##method, path, #handler, POLICY_CHECKED(POLICY_##action), NULL, WEB_##where},
    WEB_ROUTE_LIST(X)
#undef X
};
#define COUNT (sizeof routes / sizeof routes[0])

struct row {
    enum web_method method;
    const char *path;
    enum web_match match;
    const char *handler;
};

static void test_rows(void **state) {
    static const struct row rows[] = {
        {WEB_GET, "/dicom-web/studies", WEB_MATCH, "web_search_get"},
        {WEB_POST, "/dicom-web/studies", WEB_MATCH, "web_stow_post"},
        {WEB_GET, "/dicom-web/studies/1.2.3", WEB_MATCH, "web_instances_get"},
        {WEB_POST, "/dicom-web/studies/1.2.3", WEB_MATCH, "web_stow_post"},
        {WEB_GET, "/dicom-web/studies/1.2/series/3/instances/4/frames/1,2", WEB_MATCH,
         "web_frames_get"},
        {WEB_GET, "/dicom-web/studies/1.2/series/3/instances/4/frames/1/rendered", WEB_MATCH,
         "web_rendered_get"},
        {WEB_GET, "/dicom-web/studies/1.2/series/3/instances/4/bulkdata/7FE00010", WEB_MATCH,
         "web_bulk_get"},
        {WEB_GET, "/dicom-web/studies/1.2/series/3/instances/4/bulkdata", WEB_MATCH,
         "web_nothing_get"},
        {WEB_GET, "/dicom-web/studies/1.2/series", WEB_MATCH, "web_search_get"},
        {WEB_GET, "/dicom-web/studies/abc", WEB_MATCH_BAD_UID, NULL},
        {WEB_GET, "/dicom-web/studies/01.2/series", WEB_MATCH, "web_search_get"},
        {WEB_GET, "/dicom-web/studies/1..2/series", WEB_MATCH_BAD_UID, NULL},
        {WEB_GET, "/dicom-web/studies/1.2/nothing", WEB_MATCH, "web_nothing_get"},
        {WEB_POST, "/dicom-web/studies/abc", WEB_MATCH_BAD_UID, NULL},
        {WEB_POST, "/dicom-web/studies/1.2/metadata", WEB_MATCH_OTHER_METHOD, NULL},
        {WEB_METHOD_OTHER, "/dicom-web/studies/1.2", WEB_MATCH_OTHER_METHOD, NULL},
        {WEB_OPTIONS, "/dicom-web/studies", WEB_MATCH_OTHER_METHOD, NULL},
        {WEB_GET, "/api/nothing", WEB_MATCH, "web_nothing_get"},
        {WEB_GET, "/api/studies/1.2.3", WEB_MATCH, "web_study_get"},
        {WEB_GET, "/api/peers", WEB_MATCH, "web_peers_get"},
        {WEB_POST, "/api/peers", WEB_MATCH, "web_peers_post"},
        {WEB_PUT, "/api/peers/ONE", WEB_MATCH, "web_peer_put"},
        {WEB_DELETE, "/api/peers/ONE", WEB_MATCH, "web_peer_delete"},
        {WEB_POST, "/api/peers/ONE/echo", WEB_MATCH, "web_peer_echo_post"},
        {WEB_PUT, "/api/peers", WEB_MATCH_OTHER_METHOD, NULL},
        {WEB_POST, "/api/routes", WEB_MATCH, "web_routes_post"},
        {WEB_DELETE, "/api/routes/12", WEB_MATCH, "web_route_delete"},
        {WEB_POST, "/api/routes/12/again", WEB_MATCH, "web_route_again_post"},
        {WEB_DELETE, "/dicom-web/studies/1.2", WEB_MATCH_OTHER_METHOD, NULL},
        {WEB_GET, "/network", WEB_MATCH, "web_page_get"},
        {WEB_GET, "/", WEB_MATCH, "web_page_get"},
        {WEB_GET, "/read/1.2.3", WEB_MATCH, "web_page_get"},
        {WEB_GET, "/metrics", WEB_MATCH, "web_metrics_get"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena a;
        struct web_url u;
        struct err e = {0};
        struct web_names names = {0};
        const struct web_route *route = NULL;
        arena_init(&a, MEMORY);
        print_message("%s\n", rows[i].path);
        assert_int_equal(web_url_parse(&a, slice_str(rows[i].path), &u, &e), E_OK);
        assert_int_equal(web_route_find(routes, COUNT, rows[i].method, &u, &route, &names),
                         rows[i].match);
        if (rows[i].handler != NULL) {
            assert_string_equal(route->door, rows[i].handler);
        }
        arena_done(&a);
    }
}

static void test_words(void **state) {
    struct arena a;
    struct web_url u;
    struct err e = {0};
    struct web_names names = {0};
    const struct web_route *route;
    (void)state;
    arena_init(&a, MEMORY);
    assert_int_equal(
        web_url_parse(
            &a, slice_str("/dicom-web/studies/1.2/series/3.4/instances/5.6/bulkdata/0054/0/1"), &u,
            &e),
        E_OK);
    assert_int_equal(web_route_find(routes, COUNT, WEB_GET, &u, &route, &names), WEB_MATCH);
    assert_string_equal(names.study, "1.2");
    assert_string_equal(names.series, "3.4");
    assert_string_equal(names.instance, "5.6");
    assert_true(slice_eq_str(names.rest, "0054/0/1"));
    assert_int_equal(
        web_url_parse(&a, slice_str("/dicom-web/studies/1.2/series/3/instances/4/frames/7,8"), &u,
                      &e),
        E_OK);
    assert_int_equal(web_route_find(routes, COUNT, WEB_GET, &u, &route, &names), WEB_MATCH);
    assert_true(slice_eq_str(names.frames, "7,8"));
    arena_done(&a);
}

// Rows of the kinds that the real table may not have.
static void test_words_and_methods(void **state) {
    static const struct web_route few[] = {
        {WEB_GET, "/a/{aet}", "get", POLICY_SUITE_SHOW, NULL, WEB_CATALOGUE},
        {WEB_PUT, "/a/{aet}", "put", POLICY_SUITE_SHOW, NULL, WEB_BODY},
        {WEB_DELETE, "/a/{aet}", "delete", POLICY_SUITE_SHOW, NULL, WEB_CATALOGUE},
        {WEB_POST, "/b/{order}/retry", "retry", POLICY_SUITE_SHOW, NULL, WEB_CATALOGUE},
    };
    struct arena a;
    struct web_url u;
    struct err e = {0};
    struct web_names names = {0};
    const struct web_route *route;
    char allow[WEB_ALLOW_MAX];
    (void)state;
    arena_init(&a, MEMORY);
    assert_int_equal(web_url_parse(&a, slice_str("/a/READING%20ROOM"), &u, &e), E_OK);
    assert_int_equal(web_route_find(few, 4, WEB_DELETE, &u, &route, &names), WEB_MATCH);
    assert_string_equal(route->door, "delete");
    assert_true(slice_eq_str(names.word, "READING ROOM"));
    assert_int_equal(web_route_find(few, 4, WEB_POST, &u, &route, &names), WEB_MATCH_OTHER_METHOD);
    web_route_allow(few, 4, &u, allow);
    assert_string_equal(allow, "GET, HEAD, PUT, DELETE, OPTIONS");
    assert_int_equal(web_url_parse(&a, slice_str("/b/12/retry"), &u, &e), E_OK);
    assert_int_equal(web_route_find(few, 4, WEB_POST, &u, &route, &names), WEB_MATCH);
    assert_true(slice_eq_str(names.word, "12"));
    arena_done(&a);
}

static void test_allow(void **state) {
    struct arena a;
    struct web_url u;
    struct err e = {0};
    char allow[WEB_ALLOW_MAX];
    (void)state;
    arena_init(&a, MEMORY);
    assert_int_equal(web_url_parse(&a, slice_str("/dicom-web/studies"), &u, &e), E_OK);
    web_route_allow(routes, COUNT, &u, allow);
    assert_string_equal(allow, "GET, HEAD, POST, OPTIONS");
    arena_done(&a);
}

static void test_every_row_has_an_action(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        assert_in_range(routes[i].action, POLICY_NONE + 1, POLICY_ACTION_COUNT - 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_words_and_methods),
        cmocka_unit_test(test_allow),
        cmocka_unit_test(test_every_row_has_an_action),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
