// SPDX-License-Identifier: Apache-2.0
#include "web/accept.h"

#include <stdint.h>

#include "base/err.h"
#include "base/num.h"
#include "web/media.h"

#define Q_ONE 1000u

// "0.5" to 500. At most three decimals, not over 1 (RFC 9110 12.4.2).
static bool parse_q(struct slice text, unsigned *ret_q) {
    if (text.len == 0 || text.len > 5 || (text.ptr[0] != '0' && text.ptr[0] != '1') ||
        (text.len > 1 && text.ptr[1] != '.')) {
        return false;
    }
    unsigned q = text.ptr[0] == '1' ? Q_ONE : 0;
    unsigned unit = 100;
    for (size_t i = 2; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
        q += unit * (unsigned)(text.ptr[i] - '0');
        unit /= 10;
    }
    *ret_q = q;
    return q <= Q_ONE;
}

static struct slice whole_type(const struct web_media *m) {
    // type and subtype stand side by side in the text, with the slash between.
    return slice_of(m->type.ptr, m->type.len + 1 + m->subtype.len);
}

static int make_want(const struct web_media *m, struct web_want *ret_want, struct err *e) {
    struct web_want want = {.media = whole_type(m), .q = Q_ONE};
    struct slice q = web_media_param(m, "q");
    if (q.ptr != NULL && !parse_q(q, &want.q)) {
        return err_set(e, E_SYNTAX, "Accept: q is not a number from 0 to 1");
    }
    want.syntax = web_media_param(m, "transfer-syntax");
    if (web_media_is(m, "multipart", "related") || web_media_is(m, "multipart", "*")) {
        want.multipart = true;
        struct slice type = web_media_param(m, "type");
        want.media = type.ptr != NULL ? type : slice_str("*/*");
        if (slice_find(want.media, '/') == want.media.len) {
            return err_set(e, E_SYNTAX, "Accept: multipart type parameter is no media type");
        }
    } else {
        want.anything = web_media_is(m, "*", "*");
    }
    *ret_want = want;
    return E_OK;
}

int web_accept_parse(struct arena *a, struct slice field, struct web_accept *ret_accept,
                     struct err *e) {
    size_t count = 0;
    struct slice element;
    while (web_list_next(&field, &element)) {
        struct web_media m;
        if (count == WEB_ACCEPT_RANGES_MAX) {
            return err_set(e, E_LIMIT, "Accept with over %d ranges", WEB_ACCEPT_RANGES_MAX);
        }
        int rc = web_media_parse(a, element, &m, e);
        if (rc == E_OK) {
            rc = make_want(&m, &ret_accept->wants[count], e);
        }
        if (rc != E_OK) {
            return rc;
        }
        count++;
    }
    if (count == 0) {
        ret_accept->wants[0] =
            (struct web_want){.anything = true, .media = slice_str("*/*"), .q = Q_ONE};
        count = 1;
    }
    ret_accept->count = count;
    return E_OK;
}

// 0: does not match; the more exact the higher. Media type first, then transfer syntax.
static unsigned media_fit(struct slice range, struct slice media) {
    size_t slash = slice_find(range, '/');
    if (web_equal_nocase(range, slice_str("*/*"))) {
        return 1;
    }
    if (slash + 2 == range.len && range.ptr[slash + 1] == '*') {
        return web_equal_nocase(slice_first(range, slash + 1), slice_first(media, slash + 1)) ? 2
                                                                                              : 0;
    }
    return web_equal_nocase(range, media) ? 3 : 0;
}

// `lenient`: */* without a transfer syntax takes what is not a default, too.
static unsigned fit(const struct web_want *want, const struct web_offer *offer, bool lenient) {
    if (want->multipart != offer->multipart && !want->anything) {
        return 0;
    }
    unsigned media = media_fit(want->media, slice_str(offer->media));
    if (media == 0) {
        return 0;
    }
    unsigned form = want->multipart ? 1 : 0;
    if (want->syntax.ptr == NULL) {
        return offer->is_default || (want->anything && lenient) ? media * 8 + form * 4 + 1 : 0;
    }
    if (slice_eq_str(want->syntax, "*")) {
        return media * 8 + form * 4 + 2;
    }
    return offer->syntax != NULL && slice_eq_str(want->syntax, offer->syntax)
               ? media * 8 + form * 4 + 3
               : 0;
}

// The q of the most exact range that matches (RFC 9110 12.5.1).
static unsigned offer_q(const struct web_accept *accept, const struct web_offer *offer,
                        bool lenient) {
    unsigned best_fit = 0;
    unsigned q = 0;
    for (size_t i = 0; i < accept->count; i++) {
        unsigned f = fit(&accept->wants[i], offer, lenient);
        if (f > best_fit) {
            best_fit = f;
            q = accept->wants[i].q;
        }
    }
    return q;
}

static int choose(const struct web_accept *accept, const struct web_offer *offers, size_t count,
                  bool lenient) {
    int best = -1;
    unsigned best_q = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned q = offer_q(accept, &offers[i], lenient);
        if (q > best_q) {
            best_q = q;
            best = (int)i;
        }
    }
    return best;
}

int web_accept_choose(const struct web_accept *accept, const struct web_offer *offers,
                      size_t count) {
    int best = choose(accept, offers, count, false);
    return best >= 0 ? best : choose(accept, offers, count, true);
}

bool web_accepts_coding(struct slice field, const char *coding) {
    struct slice element;
    bool star = false;
    while (web_list_next(&field, &element)) {
        size_t semicolon = slice_find(element, ';');
        struct slice name = slice_trim(slice_first(element, semicolon), " \t");
        struct slice weight = slice_trim(slice_from(element, semicolon + 1), " \t");
        unsigned q = Q_ONE;
        if (weight.len > 2 && !parse_q(slice_trim(slice_from(weight, 2), " \t"), &q)) {
            q = 0;
        }
        if (web_equal_nocase(name, slice_str(coding))) {
            return q > 0;
        }
        star = star || (slice_eq_str(name, "*") && q > 0);
    }
    return star;
}
