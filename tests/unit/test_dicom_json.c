// SPDX-License-Identifier: Apache-2.0
// DICOM JSON both ways (PS3.18 F): text to data set to text for every VR, the writer's two sources
// give the same, bulk by callback, flushing, refusals with place, and every sample round-trips.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "dicom/dataset.h"
#include "dicom/json_read.h"
#include "dicom/json_write.h"
#include "dicom/part10.h"
#include "dicom/tags.h"
#include "dicom/writer.h"

#define MEMORY ((size_t)1 << 30)

static int write_tree(const struct dcm_dataset *d, const struct dcm_json_options *options,
                      struct buf *out, struct err *e) {
    struct json j;
    json_init(&j, out);
    return dcm_json_write_dataset(d, options, &j, e);
}

static int write_bytes(struct slice bytes, enum dcm_encoding encoding,
                       const struct dcm_json_options *options, struct buf *out, struct err *e) {
    struct json j;
    struct dcm_reader r;
    json_init(&j, out);
    dcm_reader_init(&r, bytes, encoding, 0);
    return dcm_json_write(&r, options, &j, e);
}

static void check_buf(const struct buf *got, const char *expected) {
    char *text = malloc(got->len + 1);
    assert_non_null(text);
    if (got->len > 0) {
        memcpy(text, got->data, got->len);
    }
    text[got->len] = '\0';
    assert_string_equal(text, expected);
    free(text);
}

// Each stays the same through a data set, as a tree and as bytes in all three encodings.
static const char *const stable[] = {
    "{}",
    "{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]}}",
    "{\"00080008\":{\"vr\":\"CS\",\"Value\":[\"A\",null,\"B\"]}}",
    "{\"00080050\":{\"vr\":\"SH\"}}",
    "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR "
    "192\"]},\"00100010\":{\"vr\":\"PN\",\"Value\":["
    "{\"Alphabetic\":\"Yamada^Tarou\",\"Ideographic\":\"山田^太郎\",\"Phonetic\":\"やまだ^たろう\"}"
    "]}}",
    "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR "
    "192\"]},\"00100010\":{\"vr\":\"PN\",\"Value\":["
    "{\"Ideographic\":\"山\"}]}}",
    "{\"00081060\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"A^B\"},null,{\"Alphabetic\":\"C\"}]}"
    "}",
    "{\"00180050\":{\"vr\":\"DS\",\"Value\":[1.50]}}",
    "{\"00180050\":{\"vr\":\"DS\",\"Value\":[0.12345678901234]}}",
    "{\"00180050\":{\"vr\":\"DS\",\"Value\":[\"1234567890123456\"]}}", // one digit too many
    "{\"00200013\":{\"vr\":\"IS\",\"Value\":[-2147483648]}}",
    "{\"00280009\":{\"vr\":\"AT\",\"Value\":[\"00181063\",\"7FE00010\"]}}",
    "{\"00280010\":{\"vr\":\"US\",\"Value\":[0,65535]}}",
    "{\"00281101\":{\"vr\":\"SS\",\"Value\":[-32768,32767]}}",
    "{\"00080001\":{\"vr\":\"UL\",\"Value\":[4294967295]}}",
    "{\"00186020\":{\"vr\":\"SL\",\"Value\":[-2147483648]}}",
    "{\"00720082\":{\"vr\":\"SV\",\"Value\":[-9007199254740992,\"-9007199254740993\"]}}",
    "{\"00720083\":{\"vr\":\"UV\",\"Value\":[1,\"18446744073709551615\"]}}",
    "{\"00720076\":{\"vr\":\"FL\",\"Value\":[0.1,-1.5,\"NaN\",\"Infinity\",\"-Infinity\"]}}",
    "{\"00720074\":{\"vr\":\"FD\",\"Value\":[0.1,1e+300,\"NaN\"]}}",
    "{\"00091001\":{\"vr\":\"UN\",\"InlineBinary\":\"AAEC/w==\"}}",
    "{\"00091001\":{\"vr\":\"OB\"}}",
    "{\"7FE00010\":{\"vr\":\"OW\",\"InlineBinary\":\"AQIDBA==\"}}",
    "{\"00080040\":{\"vr\":\"UT\",\"Value\":[\"a\\\\b\\r\\nc\\u0007\"]}}",
    "{\"00081140\":{\"vr\":\"SQ\"}}",
    "{\"00081140\":{\"vr\":\"SQ\",\"Value\":[{},{\"00081150\":{\"vr\":\"UI\",\"Value\":[\"1.2\"]}}]"
    "}}",
    "{\"00081140\":{\"vr\":\"SQ\",\"Value\":[{\"00400555\":{\"vr\":\"SQ\",\"Value\":[{\"0040A124\":"
    "{\"vr\":\"UI\",\"Value\":[\"1.2.3\"]}}]},\"00400556\":{\"vr\":\"ST\"}}]},"
    "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"x\"]}}",
};

static void check_encodings(const struct dcm_dataset *d, const char *expected) {
    static const enum dcm_encoding encodings[] = {DCM_EXPLICIT_LE, DCM_EXPLICIT_BE};
    for (size_t i = 0; i < 2; i++) {
        struct buf bytes, out;
        struct err e = {0};
        buf_init(&bytes, MEMORY);
        buf_init(&out, MEMORY);
        assert_int_equal(dcm_write(d, encodings[i], dcm_sink_buf(&bytes), &e), E_OK);
        assert_int_equal(write_bytes(buf_slice(&bytes), encodings[i], NULL, &out, &e), E_OK);
        check_buf(&out, expected);
        buf_done(&bytes);
        buf_done(&out);
    }
}

static void texts_round_trip(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof stable / sizeof stable[0]; i++) {
        struct arena a;
        struct dcm_dataset **datasets;
        uint32_t count = 0;
        struct err e = {0};
        struct buf out;
        arena_init(&a, MEMORY);
        buf_init(&out, MEMORY);
        int rc = dcm_json_read(&a, slice_str(stable[i]), NULL, &datasets, &count, &e);
        if (rc != E_OK) {
            print_message("%s: %s\n", stable[i], e.text);
        }
        assert_int_equal(rc, E_OK);
        assert_int_equal(count, 1);
        assert_int_equal(write_tree(datasets[0], NULL, &out, &e), E_OK);
        check_buf(&out, stable[i]);
        check_encodings(datasets[0], stable[i]);
        buf_done(&out);
        arena_done(&a);
    }
}

// What may be written otherwise than we do.
static const struct {
    const char *text;
    const char *written;
} lenient[] = {
    {"[]", NULL},
    {" [ { } , {} ] ", NULL},
    {"{\"00280010\":{\"Value\":[7],\"vr\":\"US\"}}",
     "{\"00280010\":{\"vr\":\"US\",\"Value\":[7]}}"},
    {"{\"00280010\":{\"Value\":[7]}}", "{\"00280010\":{\"vr\":\"US\",\"Value\":[7]}}"},
    {"{\"00080050\":{\"vr\":\"SH\",\"Value\":[]}}", "{\"00080050\":{\"vr\":\"SH\"}}"},
    {"{\"00080050\":{\"vr\":\"SH\",\"Value\":[\"\"]}}", "{\"00080050\":{\"vr\":\"SH\"}}"},
    {"{\"00100010\":{\"vr\":\"PN\",\"Value\":[\"A^B\"]}}",
     "{\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"A^B\"}]}}"},
    {"{\"00200013\":{\"vr\":\"IS\",\"Value\":[\"12\"]}}",
     "{\"00200013\":{\"vr\":\"IS\",\"Value\":[12]}}"},
    {"{\"00200013\":{\"vr\":\"IS\",\"Value\":[12.0]}}",
     "{\"00200013\":{\"vr\":\"IS\",\"Value\":[12]}}"},
    {"{\"00180050\":{\"vr\":\"DS\",\"Value\":[0.33333333333333331]}}",
     "{\"00180050\":{\"vr\":\"DS\",\"Value\":[0.33333333333333]}}"},
    {"{\"00180050\":{\"vr\":\"DS\",\"Value\":[\"+01.\"]}}",
     "{\"00180050\":{\"vr\":\"DS\",\"Value\":[1]}}"},
    {"{\"00180050\":{\"vr\":\"DS\",\"Value\":[\"-.5E2\"]}}",
     "{\"00180050\":{\"vr\":\"DS\",\"Value\":[-0.5E2]}}"},
    {"{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 100\"]}}",
     "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]}}"},
    {"{\"00100020\":{\"vr\":\"LO\",\"Value\":[\"é\"]}}",
     "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR "
     "192\"]},\"00100020\":{\"vr\":\"LO\",\"Value\":[\"é\"]}}"},
    {"{\"00020010\":{\"vr\":\"UI\",\"Value\":[\"1.2\"]},\"00080000\":{\"vr\":\"UL\",\"Value\":[4]}"
     "}",
     "{}"},
    {"{\"00081140\":{\"vr\":\"SQ\",\"Value\":[null]}}",
     "{\"00081140\":{\"vr\":\"SQ\",\"Value\":[{}]}}"},
    {"{\"00081140\":{\"Value\":[{}],\"note\":{\"a\":[1]},\"vr\":\"SQ\"}}",
     "{\"00081140\":{\"vr\":\"SQ\",\"Value\":[{}]}}"},
    {"{\"00100020\":{\"vr\":\"LO\"},\"00080060\":{\"vr\":\"CS\"}}",
     "{\"00080060\":{\"vr\":\"CS\"},\"00100020\":{\"vr\":\"LO\"}}"},
    {"{\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"x\"}}", "{}"},
};

static void other_spellings_are_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof lenient / sizeof lenient[0]; i++) {
        struct arena a;
        struct dcm_dataset **datasets;
        uint32_t count = 99;
        struct err e = {0};
        struct buf out;
        arena_init(&a, MEMORY);
        buf_init(&out, MEMORY);
        int rc = dcm_json_read(&a, slice_str(lenient[i].text), NULL, &datasets, &count, &e);
        if (rc != E_OK) {
            print_message("%s: %s\n", lenient[i].text, e.text);
        }
        assert_int_equal(rc, E_OK);
        if (lenient[i].written != NULL) {
            assert_int_equal(count, 1);
            assert_int_equal(write_tree(datasets[0], NULL, &out, &e), E_OK);
            check_buf(&out, lenient[i].written);
        } else {
            assert_int_equal(count, 2 * i);
        }
        buf_done(&out);
        arena_done(&a);
    }
}

static const struct {
    const char *text;
    int code;
    const char *path;
} refused[] = {
    {"7", E_SYNTAX, ""},
    {"{\"0008006\":{\"vr\":\"CS\"}}", E_SYNTAX, "(0000,0000)"},
    {"{\"PatientName\":{\"vr\":\"PN\"}}", E_SYNTAX, "(0000,0000)"},
    {"{\"FFFEE000\":{\"vr\":\"PN\"}}", E_SYNTAX, "(0000,0000)"},
    {"{\"00080060\":\"CT\"}", E_SYNTAX, "(0008,0060)"},
    {"{\"00080060\":{\"vr\":\"ZZ\"}}", E_VALUE, "(0008,0060)"},
    {"{\"00080060\":{\"vr\":\"CS\",\"Value\":\"CT\"}}", E_SYNTAX, "(0008,0060)"},
    {"{\"00080060\":{\"vr\":\"CS\",\"Value\":[1]}}", E_SYNTAX, "(0008,0060)"},
    {"{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"A\\\\B\"]}}", E_VALUE, "(0008,0060)"},
    {"{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"A\"],\"Value\":[\"B\"]}}", E_SYNTAX, "(0008,0060)"},
    {"{\"00080060\":{\"vr\":\"CS\"},\"00080060\":{\"vr\":\"CS\"}}", E_SYNTAX, "(0008,0060)"},
    {"{\"00280010\":{\"vr\":\"US\",\"Value\":[65536]}}", E_VALUE, "(0028,0010)"},
    {"{\"00280010\":{\"vr\":\"US\",\"Value\":[-1]}}", E_VALUE, "(0028,0010)"},
    {"{\"00280010\":{\"vr\":\"US\",\"Value\":[null]}}", E_VALUE, "(0028,0010)"},
    {"{\"00200013\":{\"vr\":\"IS\",\"Value\":[1.5]}}", E_VALUE, "(0020,0013)"},
    {"{\"00280009\":{\"vr\":\"AT\",\"Value\":[\"123\"]}}", E_VALUE, "(0028,0009)"},
    {"{\"7FE00010\":{\"vr\":\"OW\",\"InlineBinary\":\"AQI\"}}", E_SYNTAX, "(7FE0,0010)"},
    {"{\"7FE00010\":{\"vr\":\"OW\",\"InlineBinary\":\"AQID\"}}", E_VALUE, "(7FE0,0010)"},
    {"{\"7FE00010\":{\"vr\":\"OW\",\"Value\":[1]}}", E_SYNTAX, "(7FE0,0010)"},
    {"{\"00081140\":{\"vr\":\"SQ\",\"Value\":[{},{\"00080060\":{\"vr\":\"CS\",\"Value\":[7]}}]}}",
     E_SYNTAX, "(0008,1140)[1].(0008,0060)"},
    {"{\"00081140\":{\"vr\":\"SQ\",\"Value\":[7]}}", E_SYNTAX, "(0008,1140)"},
    {"{\"00080040\":{\"vr\":\"UT\",\"Value\":[\"a\",\"b\"]}}", E_VALUE, "(0008,0040)"},
    {"{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"\\ud800\"]}}", E_SYNTAX, "(0008,0060)"},
    {"{} {}", E_SYNTAX, ""},
    {"[{}", E_TRUNCATED, ""},
};

static void wrong_texts_are_refused_with_place(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct arena a;
        struct dcm_dataset **datasets;
        uint32_t count;
        struct err e = {0};
        arena_init(&a, MEMORY);
        int rc = dcm_json_read(&a, slice_str(refused[i].text), NULL, &datasets, &count, &e);
        if (rc != refused[i].code || strcmp(e.path, refused[i].path) != 0) {
            print_message("%s: %d %s %s\n", refused[i].text, rc, e.text, e.path);
        }
        assert_int_equal(rc, refused[i].code);
        assert_string_equal(e.path, refused[i].path);
        assert_true(e.has_offset);
        arena_done(&a);
    }
}

static void nesting_is_bounded(void **state) {
    (void)state;
    for (unsigned depth = DCM_NESTING_MAX; depth <= DCM_NESTING_MAX + 1; depth++) {
        struct arena a;
        struct dcm_dataset **datasets;
        uint32_t count;
        struct err e = {0};
        struct buf text, out;
        arena_init(&a, MEMORY);
        buf_init(&text, MEMORY);
        buf_init(&out, MEMORY);
        for (unsigned i = 0; i < depth; i++) {
            buf_put_str(&text, "{\"00081140\":{\"vr\":\"SQ\",\"Value\":[");
        }
        buf_put_str(&text, "{}");
        for (unsigned i = 0; i < depth; i++) {
            buf_put_str(&text, "]}}");
        }
        bool fits = depth <= DCM_NESTING_MAX;
        assert_int_equal(dcm_json_read(&a, buf_slice(&text), NULL, &datasets, &count, &e),
                         fits ? E_OK : E_NESTING);
        if (fits) {
            assert_int_equal(write_tree(datasets[0], NULL, &out, &e), E_OK);
            assert_true(slice_eq(buf_slice(&out), buf_slice(&text)));
        }
        buf_done(&text);
        buf_done(&out);
        arena_done(&a);
    }
}

// --- bulk

static enum dcm_bulk by_path(void *context, const struct dcm_bulk_element *el, struct buf *uri) {
    unsigned *asked = context;
    ++*asked;
    if (el->tag == DCM_PixelData) {
        buf_printf(uri, "/b/%s?at=%llu&len=%llu", el->path, (unsigned long long)el->offset,
                   (unsigned long long)el->length);
        return DCM_BULK_URI;
    }
    return el->depth == 0 ? DCM_BULK_OMIT : DCM_BULK_INLINE;
}

static void bulk_goes_where_the_callback_says(void **state) {
    (void)state;
    static const char text[] = "{\"00091001\":{\"vr\":\"UN\",\"InlineBinary\":\"AAA=\"},"
                               "\"00880200\":{\"vr\":\"SQ\",\"Value\":["
                               "{\"00091001\":{\"vr\":\"UN\",\"InlineBinary\":\"AAA=\"},"
                               "\"7FE00010\":{\"vr\":\"OW\",\"InlineBinary\":\"AQIDBA==\"}}]}}";
    static const char expected[] =
        "{\"00091001\":{\"vr\":\"UN\"},\"00880200\":{\"vr\":\"SQ\",\"Value\":["
        "{\"00091001\":{\"vr\":\"UN\",\"InlineBinary\":\"AAA=\"},"
        "\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"/b/00880200/0/7FE00010?at=60&len=4\"}}]}}";
    struct arena a;
    struct dcm_dataset **datasets;
    struct dcm_dataset *d;
    uint32_t count;
    unsigned asked = 0;
    struct dcm_json_options options = {.bulk = by_path, .context = &asked};
    struct err e = {0};
    struct buf bytes, out;
    arena_init(&a, MEMORY);
    buf_init(&bytes, MEMORY);
    buf_init(&out, MEMORY);
    assert_int_equal(dcm_json_read(&a, slice_str(text), NULL, &datasets, &count, &e), E_OK);
    assert_int_equal(dcm_write(datasets[0], DCM_EXPLICIT_LE, dcm_sink_buf(&bytes), &e), E_OK);
    assert_int_equal(write_bytes(buf_slice(&bytes), DCM_EXPLICIT_LE, &options, &out, &e), E_OK);
    check_buf(&out, expected);
    assert_int_equal(asked, 3);
    buf_clear(&out); // the tree that was read says the same places
    assert_int_equal(dcm_dataset_read(&a, buf_slice(&bytes), DCM_EXPLICIT_LE, 0, 0, &d, NULL, &e),
                     E_OK);
    assert_int_equal(write_tree(d, &options, &out, &e), E_OK);
    check_buf(&out, expected);
    const struct dcm_node *n = dcm_json_path_find(d, slice_str("00880200/0/7FE00010"));
    assert_non_null(n);
    assert_int_equal(n->value.len, 4);
    assert_ptr_equal(n->value.ptr, bytes.data + 60);
    static const char *const nowhere[] = {"",
                                          "0088",
                                          "00880200/1/7FE00010",
                                          "00880200/0",
                                          "00880200/",
                                          "00880200/x/7FE00010",
                                          "00880200/0/7FE00010/0"};
    for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) {
        assert_null(dcm_json_path_find(d, slice_str(nowhere[i])));
    }
    buf_done(&bytes);
    buf_done(&out);
    arena_done(&a);
}

static int give_bytes(void *context, struct slice uri, dcm_tag tag, enum dcm_vr vr,
                      struct slice *ret_bytes, struct err *e) {
    (void)context;
    (void)tag;
    (void)vr;
    if (slice_eq_str(uri, "gone")) {
        return 1;
    }
    if (slice_eq_str(uri, "bad")) {
        return err_set(e, E_NOT_FOUND, "no such bulk data");
    }
    *ret_bytes = slice_str("abcd");
    return E_OK;
}

static void bulk_uris_are_fetched(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int rc;
        const char *written;
    } rows[] = {{"{\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"there\"}}", E_OK,
                 "{\"7FE00010\":{\"vr\":\"OW\",\"InlineBinary\":\"YWJjZA==\"}}"},
                {"{\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"gone\"}}", E_OK, "{}"},
                {"{\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"bad\"}}", E_NOT_FOUND, NULL}};
    for (size_t i = 0; i < 3; i++) {
        struct arena a;
        struct dcm_dataset **datasets;
        uint32_t count;
        struct err e = {0};
        struct buf out;
        struct dcm_json_read_options options = {.bulk = give_bytes};
        arena_init(&a, MEMORY);
        buf_init(&out, MEMORY);
        assert_int_equal(
            dcm_json_read(&a, slice_str(rows[i].text), &options, &datasets, &count, &e),
            rows[i].rc);
        if (rows[i].rc == E_OK) {
            assert_int_equal(write_tree(datasets[0], NULL, &out, &e), E_OK);
            check_buf(&out, rows[i].written);
        }
        buf_done(&out);
        arena_done(&a);
    }
}

static void encapsulated_pixels_are_items(void **state) {
    (void)state;
    struct arena a;
    struct dcm_dataset **datasets;
    uint32_t count;
    struct err e = {0};
    struct buf out;
    arena_init(&a, MEMORY);
    buf_init(&out, MEMORY);
    struct dcm_dataset *d = dcm_dataset_new(&a, DCM_EXPLICIT_LE);
    struct slice fragments[] = {slice_str(""), slice_str("abcd"), slice_str("efgh")};
    assert_int_equal(dcm_put_fragments(d, DCM_PixelData, DCM_VR_OB, fragments, 3, &e), E_OK);
    assert_int_equal(write_tree(d, NULL, &out, &e), E_OK);
    check_buf(&out, "{\"7FE00010\":{\"vr\":\"OB\",\"InlineBinary\":\""
                    "/v8A4AAAAAD+/wDgBAAAAGFiY2T+/wDgBAAAAGVmZ2g=\"}}");
    assert_int_equal(dcm_json_read(&a, buf_slice(&out), NULL, &datasets, &count, &e), E_OK);
    const struct dcm_node *n = dcm_get(datasets[0], DCM_PixelData);
    assert_int_equal(n->fragment_count, 3);
    assert_true(slice_eq_str(n->fragments[2].bytes, "efgh"));
    buf_done(&out);
    arena_done(&a);
}

struct collected {
    struct buf all;
    size_t largest;
};

static int collect(void *context, struct slice bytes, struct err *e) {
    struct collected *c = context;
    (void)e;
    buf_put_slice(&c->all, bytes);
    c->largest = bytes.len > c->largest ? bytes.len : c->largest;
    return E_OK;
}

static void output_of_any_size_needs_little_memory(void **state) {
    (void)state;
    struct arena a;
    struct err e = {0};
    struct collected c = {0};
    struct buf out, whole;
    arena_init(&a, MEMORY);
    buf_init(&c.all, MEMORY);
    buf_init(&out, (size_t)512 * 1024);
    buf_init(&whole, MEMORY);
    struct dcm_dataset *d = dcm_dataset_new(&a, DCM_EXPLICIT_LE);
    uint8_t *pixels = arena_array(&a, 3, 1 << 20);
    assert_non_null(pixels);
    for (size_t i = 0; i < 3u << 20; i++) {
        pixels[i] = (uint8_t)(i * 7 + i / 255);
    }
    assert_int_equal(dcm_put_borrowed(d, DCM_PixelData, DCM_VR_OW, slice_of(pixels, 3u << 20), &e),
                     E_OK);
    struct dcm_json_options options = {.sink = {collect, &c}};
    assert_int_equal(write_tree(d, &options, &out, &e), E_OK);
    buf_put_slice(&c.all, buf_slice(&out));
    assert_true(c.largest > 0 && c.largest < 3 * DCM_JSON_FLUSH_BYTES);
    assert_int_equal(write_tree(d, NULL, &whole, &e), E_OK);
    assert_true(slice_eq(buf_slice(&whole), buf_slice(&c.all)));
    buf_clear(&out); // and without a sink a small buffer is an error, not a cut text
    assert_int_equal(write_tree(d, NULL, &out, &e), E_LIMIT);
    buf_done(&out);
    buf_done(&whole);
    buf_done(&c.all);
    arena_done(&a);
}

// PS3.5 6.2.2: in explicit VR such a value is UN; in JSON it has its own VR again.
static void values_too_long_for_their_vr_are_unknown(void **state) {
    (void)state;
    struct arena a;
    struct dcm_dataset **datasets;
    uint32_t count;
    struct err e = {0};
    struct buf text, out;
    arena_init(&a, MEMORY);
    buf_init(&text, MEMORY);
    buf_init(&out, MEMORY);
    buf_put_str(&text, "{\"30060050\":{\"vr\":\"DS\",\"Value\":[1");
    for (int i = 0; i < 20000; i++) {
        buf_put_str(&text, ",1.5");
    }
    buf_put_str(&text, "]}}");
    assert_int_equal(dcm_json_read(&a, buf_slice(&text), NULL, &datasets, &count, &e), E_OK);
    assert_int_equal(dcm_get(datasets[0], DCM_ContourData)->vr, DCM_VR_UN);
    assert_int_equal(write_tree(datasets[0], NULL, &out, &e), E_OK);
    assert_true(slice_eq(buf_slice(&text), buf_slice(&out)));
    buf_done(&text);
    buf_done(&out);
    arena_done(&a);
}

static void a_cut_data_set_is_an_error(void **state) {
    (void)state;
    static const uint8_t cut[] = {0x08, 0x00, 0x60, 0x00, 'C', 'S', 0x04, 0x00, 'C', 'T'};
    struct buf out;
    struct err e = {0};
    buf_init(&out, MEMORY);
    assert_int_equal(write_bytes(slice_of(cut, sizeof cut), DCM_EXPLICIT_LE, NULL, &out, &e),
                     E_TRUNCATED);
    buf_done(&out);
}

static void short_memory_is_an_error(void **state) {
    (void)state;
    for (size_t n = 0; n < 60; n++) {
        struct arena a;
        struct dcm_dataset **datasets;
        uint32_t count;
        struct err e = {0};
        struct buf out;
        arena_init(&a, MEMORY);
        buf_init(&out, MEMORY);
        mem_fail_after(n);
        int rc = dcm_json_read(&a, slice_str(stable[4]), NULL, &datasets, &count, &e);
        if (rc == E_OK) {
            rc = write_tree(datasets[0], NULL, &out, &e);
        }
        mem_fail_after(MEM_FAIL_NEVER);
        assert_true(rc == E_OK || rc == E_MEMORY);
        buf_done(&out);
        arena_done(&a);
    }
}

// --- samples

struct tally {
    unsigned files;
    unsigned refused;
};

static int round_trip(const char *path, void *context) {
    struct tally *tally = context;
    struct file_map map = {0};
    struct dcm_file file;
    struct dcm_reader reader;
    struct dcm_dataset *tree;
    struct dcm_dataset **datasets;
    uint32_t count;
    struct err e = {0};
    struct arena a;
    struct buf events, from_tree, again;
    struct json j;
    arena_init(&a, MEMORY);
    buf_init(&events, MEMORY);
    buf_init(&from_tree, MEMORY);
    buf_init(&again, MEMORY);
    assert_int_equal(file_map_path(path, &map, &e), E_OK);
    int rc = dcm_file_open(&a, map.bytes, &file, &e);
    if (rc == E_OK) {
        dcm_file_reader(&file, &reader);
        json_init(&j, &events);
        rc = dcm_json_write(&reader, NULL, &j, &e);
    }
    if (rc == E_OK) {
        tally->files++;
        assert_int_equal(dcm_file_dataset(&a, &file, 0, &tree, &e), E_OK);
        assert_int_equal(write_tree(tree, NULL, &from_tree, &e), E_OK);
        if (!slice_eq(buf_slice(&events), buf_slice(&from_tree))) {
            print_message("%s: bytes and tree differ\n", path);
            fail();
        }
        rc = dcm_json_read(&a, buf_slice(&events), NULL, &datasets, &count, &e);
        if (rc != E_OK) {
            print_message("%s: %s %s\n", path, e.text, e.path);
        }
        assert_int_equal(rc, E_OK);
        assert_int_equal(write_tree(datasets[0], NULL, &again, &e), E_OK);
        if (!slice_eq(buf_slice(&events), buf_slice(&again))) {
            print_message("%s: not the same again\n", path);
            fail();
        }
    } else {
        tally->refused++;
    }
    buf_done(&events);
    buf_done(&from_tree);
    buf_done(&again);
    arena_done(&a);
    file_unmap(&map);
    return 0;
}

static void every_sample_round_trips(void **state) {
    (void)state;
    const char *samples = getenv("MACLAB_SAMPLES");
    struct tally tally = {0};
    struct err e = {0};
    static const char *const folders[] = {"broken",   "charsets",     "codecs", "dicomdir",
                                          "enhanced", "private-tags", "rt",     "sr-ko-pr-seg",
                                          "us",       "waveform"};
    if (samples == NULL) {
        print_message("skipped: MACLAB_SAMPLES names no folder of samples\n");
        skip();
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[1024];
        struct file_walk walk = {.visit = round_trip, .context = &tally};
        (void)snprintf(path, sizeof path, "%s/%s", samples, folders[i]);
        (void)file_walk(path, &walk, &e);
    }
    print_message("%u files, %u refused\n", tally.files, tally.refused);
    assert_true(tally.files > 100 && tally.refused < 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_round_trip),
        cmocka_unit_test(other_spellings_are_read),
        cmocka_unit_test(wrong_texts_are_refused_with_place),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(bulk_goes_where_the_callback_says),
        cmocka_unit_test(bulk_uris_are_fetched),
        cmocka_unit_test(encapsulated_pixels_are_items),
        cmocka_unit_test(output_of_any_size_needs_little_memory),
        cmocka_unit_test(values_too_long_for_their_vr_are_unknown),
        cmocka_unit_test(a_cut_data_set_is_an_error),
        cmocka_unit_test(short_memory_is_an_error),
        cmocka_unit_test(every_sample_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
