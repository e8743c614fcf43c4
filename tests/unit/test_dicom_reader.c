// SPDX-License-Identifier: Apache-2.0
// The event reader (PS3.5 7): hand-made bytes in every encoding against the events they must give,
// what is forgiven with which oddity, what is refused with which words, place and path; skipping;
// limits.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "dicom/reader.h"

// Pieces in explicit VR little endian; lengths are written as one byte where they fit.
#define CT                                                                                         \
    "\x08\x00\x60\x00"                                                                             \
    "CS\x02\x00"                                                                                   \
    "CT" // 10 bytes
#define UID_                                                                                       \
    "\x08\x00\x50\x11"                                                                             \
    "UI\x04\x00"                                                                                   \
    "1.2\x00" // 12
#define PN                                                                                         \
    "\x10\x00\x10\x00"                                                                             \
    "PN\x04\x00"                                                                                   \
    "A^B " // 12
#define SEQ(n)                                                                                     \
    "\x08\x00\x40\x11"                                                                             \
    "SQ\x00\x00" n "\x00\x00\x00" // 12
#define SEQ_U                                                                                      \
    "\x08\x00\x40\x11"                                                                             \
    "SQ\x00\x00\xff\xff\xff\xff"
#define ITEM(n) "\xfe\xff\x00\xe0" n "\x00\x00\x00"
#define ITEM_U "\xfe\xff\x00\xe0\xff\xff\xff\xff"
#define ITEM_END "\xfe\xff\x0d\xe0\x00\x00\x00\x00"
#define SEQ_END "\xfe\xff\xdd\xe0\x00\x00\x00\x00"
#define PIXELS_U                                                                                   \
    "\xe0\x7f\x10\x00"                                                                             \
    "OB\x00\x00\xff\xff\xff\xff"
// The same in implicit VR and in big endian.
#define I_CT                                                                                       \
    "\x08\x00\x60\x00\x02\x00\x00\x00"                                                             \
    "CT" // 10
#define I_UID                                                                                      \
    "\x08\x00\x50\x11\x04\x00\x00\x00"                                                             \
    "1.2\x00" // 12
#define I_PN                                                                                       \
    "\x10\x00\x10\x00\x04\x00\x00\x00"                                                             \
    "A^B "                                           // 12
#define I_SEQ(n) "\x08\x00\x40\x11" n "\x00\x00\x00" // 8
#define I_SEQ_U "\x08\x00\x40\x11\xff\xff\xff\xff"
#define B_CT                                                                                       \
    "\x00\x08\x00\x60"                                                                             \
    "CS\x00\x02"                                                                                   \
    "CT"
#define B_SEQ_U                                                                                    \
    "\x00\x08\x11\x40"                                                                             \
    "SQ\x00\x00\xff\xff\xff\xff"
#define B_ITEM(n) "\xff\xfe\xe0\x00\x00\x00\x00" n
#define B_SEQ_END "\xff\xfe\xe0\xdd\x00\x00\x00\x00"
#define B_UID                                                                                      \
    "\x00\x08\x11\x50"                                                                             \
    "UI\x00\x04"                                                                                   \
    "1.2\x00"

struct example {
    const char *name;
    enum dcm_encoding encoding;
    const char *bytes;
    size_t len;
    const char *events; // see write_event; what comes before an error
    uint32_t oddities;
    int code;        // E_OK or the error
    uint64_t offset; // of the error, base included
    const char *path;
    const char *text; // part of the error's text
};

#define BASE 1000
#define BYTES(text) text, sizeof(text) - 1
#define READS(encoding, name, bytes, events)                                                       \
    { name, encoding, BYTES(bytes), events, 0, E_OK, 0, "", "" }
#define ODD(encoding, name, bytes, events, oddity)                                                 \
    { name, encoding, BYTES(bytes), events, DCM_ODDITY(oddity), E_OK, 0, "", "" }
#define FAILS(encoding, name, bytes, events, code, offset, path, text)                             \
    { name, encoding, BYTES(bytes), events, 0, code, BASE + (offset), path, text }
#define LE DCM_EXPLICIT_LE
#define IM DCM_IMPLICIT_LE
#define BE DCM_EXPLICIT_BE

static const struct example examples[] = {
    READS(LE, "empty", "", ""),
    READS(LE, "two elements", CT PN, "00080060CS2 00100010PN4 "),
    READS(IM, "two elements", I_CT I_PN, "00080060CS2 00100010PN4 "),
    READS(BE, "two elements",
          B_CT "\x00\x28\x00\x10"
               "US\x00\x02\x01\x00",
          "00080060CS2 00280010US2 "),
    READS(LE, "long header",
          "\xe0\x7f\x10\x00"
          "OW\x00\x00\x04\x00\x00\x00"
          "abcd",
          "7FE00010OW4 "),
    READS(LE, "64-bit VRs",
          "\x08\x00\x10\x00"
          "SV\x00\x00\x08\x00\x00\x00"
          "abcdefgh",
          "00080010SV8 "),
    READS(LE, "sequence of defined length", SEQ("\x14") ITEM("\x0c") UID_ PN,
          "00081140SQ[ {0 00081150UI4 } ] 00100010PN4 "),
    READS(LE, "sequence of undefined length", SEQ_U ITEM_U UID_ ITEM_END ITEM("\x00") SEQ_END PN,
          "00081140SQ[ {0 00081150UI4 } {1 } ] 00100010PN4 "),
    READS(LE, "undefined item in defined sequence", SEQ("\x1c") ITEM_U UID_ ITEM_END PN,
          "00081140SQ[ {0 00081150UI4 } ] 00100010PN4 "),
    READS(LE, "empty sequence", SEQ("\x00") PN, "00081140SQ[ ] 00100010PN4 "),
    READS(IM, "sequence of undefined length", I_SEQ_U ITEM_U I_UID ITEM_END SEQ_END I_PN,
          "00081140SQ[ {0 00081150UI4 } ] 00100010PN4 "),
    READS(BE, "sequence of undefined length", B_CT B_SEQ_U B_ITEM("\x0c") B_UID B_SEQ_END,
          "00080060CS2 00081140SQ[ {0 00081150UI4 } ] "),
    READS(IM, "unknown tag of undefined length is a sequence",
          "\x09\x00\x10\x10\xff\xff\xff\xff" ITEM("\x0c") I_UID SEQ_END I_PN,
          "00091010SQ[ {0 00081150UI4 } ] 00100010PN4 "),
    READS(LE, "UN of undefined length holds implicit VR",
          "\x09\x00\x10\x10"
          "UN\x00\x00\xff\xff\xff\xff" ITEM_U I_UID ITEM_END SEQ_END PN,
          "00091010SQ[ {0 00081150UI4 } ] 00100010PN4 "),
    READS(BE, "UN of undefined length holds implicit little endian",
          "\x00\x09\x10\x10"
          "UN\x00\x00\xff\xff\xff\xff" ITEM("\x0c") I_UID SEQ_END "\x00\x10\x00\x10"
                                                                  "PN\x00\x02"
                                                                  "A ",
          "00091010SQ[ {0 00081150UI4 } ] 00100010PN2 "),
    READS(LE, "known sequence stored as UN",
          "\x08\x00\x40\x11"
          "UN\x00\x00\x14\x00\x00\x00" ITEM("\x0c") I_UID PN,
          "00081140SQ[ {0 00081150UI4 } ] 00100010PN4 "),
    READS(LE, "known sequence stored as UN that is none",
          "\x08\x00\x40\x11"
          "UN\x00\x00\x04\x00\x00\x00"
          "abcd" PN,
          "00081140UN4 00100010PN4 "),
    READS(LE, "known sequence stored as UN, item cut",
          "\x08\x00\x40\x11"
          "UN\x00\x00\x14\x00\x00\x00" ITEM("\x0e") I_UID PN,
          "00081140UN20 00100010PN4 "),
    READS(LE, "private sequence of defined length stored as UN stays bytes",
          "\x09\x00\x10\x10"
          "UN\x00\x00\x14\x00\x00\x00" ITEM("\x0c") I_UID PN,
          "00091010UN20 00100010PN4 "),
    READS(LE, "fragments", PIXELS_U ITEM("\x00") ITEM("\x04") "abcd" ITEM("\x02") "ef" SEQ_END,
          "7FE00010OB< f0:0 f1:4 f2:2 > "),
    READS(LE, "fragments without offset table or frame", PIXELS_U SEQ_END, "7FE00010OB< > "),
    READS(LE, "element behind fragments",
          PIXELS_U ITEM("\x00") SEQ_END "\xfc\xff\xfc\xff"
                                        "OB\x00\x00\x02\x00\x00\x00\x00\x00",
          "7FE00010OB< f0:0 > FFFCFFFCOB2 "),
    READS(IM, "fragments in implicit VR",
          "\xe0\x7f\x10\x00\xff\xff\xff\xff" ITEM("\x00") ITEM("\x02") "ab" SEQ_END,
          "7FE00010OB< f0:0 f1:2 > "),
    READS(IM, "US or SS by Pixel Representation",
          "\x28\x00\x03\x01\x02\x00\x00\x00\x01\x00"
          "\x28\x00\x06\x01\x02\x00\x00\x00\xff\xff",
          "00280103US2 00280106SS2 "),
    READS(IM, "US or SS without sign",
          "\x28\x00\x03\x01\x02\x00\x00\x00\x00\x00"
          "\x28\x00\x06\x01\x02\x00\x00\x00\xff\xff",
          "00280103US2 00280106US2 "),

    ODD(LE, "out of order", PN CT, "00100010PN4 00080060CS2 ", UNORDERED),
    ODD(LE, "twice", CT CT, "00080060CS2 00080060CS2 ", DUPLICATE),
    ODD(LE, "odd length",
        "\x10\x00\x10\x00"
        "PN\x03\x00"
        "A^B"
        "\x10\x00\x20\x00"
        "LO\x02\x00"
        "ab",
        "00100010PN3 00100020LO2 ", ODD_LENGTH),
    ODD(LE, "odd fragment", PIXELS_U ITEM("\x00") ITEM("\x03") "abc" SEQ_END,
        "7FE00010OB< f0:0 f1:3 > ", ODD_LENGTH),
    ODD(LE, "VR of a later edition",
        "\x08\x00\x70\x00"
        "ZZ\x00\x00\x04\x00\x00\x00"
        "abcd" PN,
        "00080070UN4 00100010PN4 ", UNKNOWN_VR),
    ODD(LE, "capitals before a short length",
        "\x08\x00\x70\x00"
        "ZZ\x04\x00"
        "abcd" PN,
        "00080070UN4 00100010PN4 ", UNKNOWN_VR),
    ODD(LE, "question marks as VR",
        "\x08\x00\x70\x00"
        "??\x04\x00"
        "abcd" PN,
        "00080070UN4 00100010PN4 ", UNKNOWN_VR),
    ODD(LE, "small letters as VR",
        "\x08\x00\x70\x00"
        "lo\x04\x00"
        "abcd" PN,
        "00080070UN4 00100010PN4 ", UNKNOWN_VR),
    ODD(BE, "question marks as VR",
        "\x00\x08\x00\x70"
        "??\x00\x04"
        "abcd"
        "\x00\x10\x00\x10"
        "PN\x00\x02"
        "A ",
        "00080070UN4 00100010PN2 ", UNKNOWN_VR),
    ODD(LE, "implicit element among explicit ones", CT I_UID PN,
        "00080060CS2 00081150UI4 00100010PN4 ", IMPLICIT_IN_EXPLICIT),
    ODD(LE, "implicit data set called explicit", I_CT I_UID I_PN,
        "00080060CS2 00081150UI4 00100010PN4 ", IMPLICIT_IN_EXPLICIT),
    ODD(LE, "implicit item", SEQ_U ITEM_U I_UID ITEM_END SEQ_END PN,
        "00081140SQ[ {0 00081150UI4 } ] 00100010PN4 ", IMPLICIT_IN_EXPLICIT),
    ODD(LE, "implicit sequence header, explicit item", CT I_SEQ_U ITEM_U UID_ ITEM_END SEQ_END PN,
        "00080060CS2 00081140SQ[ {0 00081150UI4 } ] 00100010PN4 ", IMPLICIT_IN_EXPLICIT),
    ODD(LE, "implicit sequence of defined length", CT I_SEQ("\x14") ITEM("\x0c") I_UID PN,
        "00080060CS2 00081140SQ[ {0 00081150UI4 } ] 00100010PN4 ", IMPLICIT_IN_EXPLICIT),
    ODD(IM, "explicit data set called implicit", CT PN, "00080060CS2 00100010PN4 ",
        EXPLICIT_IN_IMPLICIT),
    ODD(LE, "UN of undefined length holds explicit VR",
        "\x09\x00\x10\x10"
        "UN\x00\x00\xff\xff\xff\xff" ITEM_U UID_ ITEM_END SEQ_END PN,
        "00091010SQ[ {0 00081150UI4 } ] 00100010PN4 ", EXPLICIT_IN_IMPLICIT),
    ODD(LE, "item delimiter at the top", CT ITEM_END PN, "00080060CS2 00100010PN4 ", ITEM_OUTSIDE),
    ODD(LE, "delimiter at the end of a defined item", SEQ_U ITEM("\x14") UID_ ITEM_END SEQ_END PN,
        "00081140SQ[ {0 00081150UI4 } ] 00100010PN4 ", ITEM_OUTSIDE),
    ODD(LE, "delimiter at the end of a defined sequence", SEQ("\x1c") ITEM("\x0c") UID_ SEQ_END PN,
        "00081140SQ[ {0 00081150UI4 } ] 00100010PN4 ", ITEM_OUTSIDE),
    ODD(LE, "undefined item ends with its defined sequence and the file", SEQ("\x14") ITEM_U UID_,
        "00081140SQ[ {0 00081150UI4 } ] ", MISSING_DELIMITER),
    ODD(LE, "item longer than the file", SEQ("\x14") ITEM("\x24") UID_,
        "00081140SQ[ {0 00081150UI4 } ] ", ITEM_OVERRUN),
    ODD(LE, "a few zeros behind", CT "\x00\x00\x00", "00080060CS2 ", TRAILING),
    ODD(LE, "many zeros behind", CT "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "00080060CS2 ",
        TRAILING),

    FAILS(LE, "cut value",
          CT "\xe0\x7f\x10\x00"
             "OW\x00\x00\x00\x00\x08\x00"
             "abc",
          "00080060CS2 ", E_TRUNCATED, 10, "(7FE0,0010)",
          "(7FE0,0010) declares 524288 bytes, 3 are left"),
    FAILS(LE, "cut header",
          CT "\x10\x00\x10\x00"
             "PN",
          "00080060CS2 ", E_TRUNCATED, 10, "(0008,0060)", "6 bytes are left behind (0008,0060)"),
    FAILS(LE, "cut long header",
          "\xe0\x7f\x10\x00"
          "OW\x00\x00\x00",
          "", E_TRUNCATED, 0, "(7FE0,0010)", "behind (7FE0,0010)"),
    FAILS(LE, "cut value in an item",
          SEQ("\x14") ITEM("\x0c") "\x08\x00\x50\x11"
                                   "UI\x0c\x00"
                                   "1.2\x00" PN,
          "00081140SQ[ {0 ", E_SYNTAX, 20, "(0008,1140)[0].(0008,1150)",
          "declares 12 bytes, 4 are left in the item or sequence around it"),
    FAILS(LE, "sequence longer than the file", SEQ("\x40") ITEM("\x0c") UID_, "", E_TRUNCATED, 0,
          "(0008,1140)", "declares 64 bytes, 20 are left"),
    FAILS(LE, "undefined item ends with its defined sequence only", SEQ("\x14") ITEM_U UID_ PN,
          "00081140SQ[ {0 00081150UI4 ", E_SYNTAX, 32, "(0008,1140).(FFFE,E000)", "has no end"),
    FAILS(LE, "item longer than its sequence", SEQ("\x14") ITEM("\x18") UID_ PN PN, "00081140SQ[ ",
          E_SYNTAX, 12, "(0008,1140).(FFFE,E000)", "declares 24 bytes, 12 are left"),
    FAILS(LE, "item of a nested sequence longer than what is around it",
          SEQ("\x28") ITEM("\x20") "\x40\x00\x70\xa1"
                                   "SQ\x00\x00\x14\x00\x00\x00" ITEM("\x18") UID_ PN PN,
          "00081140SQ[ {0 0040A170SQ[ ", E_SYNTAX, 32, "(0008,1140)[0].(0040,A170).(FFFE,E000)",
          "declares 24 bytes, 12 are left"),
    FAILS(LE, "no sequence delimiter", SEQ_U ITEM("\x0c") UID_, "00081140SQ[ {0 00081150UI4 } ",
          E_TRUNCATED, 32, "(0008,1140)", "sequence (0008,1140) of undefined length has no end"),
    FAILS(LE, "no item delimiter", SEQ_U ITEM_U UID_, "00081140SQ[ {0 00081150UI4 ", E_TRUNCATED,
          32, "(0008,1140).(FFFE,E000)", "has no end"),
    FAILS(LE, "no item delimiter before the sequence's", SEQ_U ITEM_U UID_ SEQ_END,
          "00081140SQ[ {0 00081150UI4 ", E_SYNTAX, 32, "(0008,1140)[0].(FFFE,E0DD)",
          "stands where an element should be"),
    FAILS(LE, "no item delimiter before the next item",
          SEQ_U ITEM_U UID_ ITEM_U UID_ ITEM_END SEQ_END, "00081140SQ[ {0 00081150UI4 ", E_SYNTAX,
          32, "(0008,1140)[0].(FFFE,E000)", "stands where an element should be"),
    FAILS(LE, "element instead of an item", SEQ("\x0c") UID_, "00081140SQ[ ", E_SYNTAX, 12,
          "(0008,1140).(0008,1150)", "stands where an item should begin"),
    FAILS(LE, "item at the top", ITEM("\x00") CT, "", E_SYNTAX, 0, "(FFFE,E000)",
          "stands where an element should be"),
    FAILS(LE, "sequence delimiter at the top", CT SEQ_END, "00080060CS2 ", E_SYNTAX, 10,
          "(FFFE,E0DD)", "stands where an element should be"),
    FAILS(LE, "item delimiter behind a defined item", SEQ_U ITEM("\x0c") UID_ ITEM_END SEQ_END,
          "00081140SQ[ {0 00081150UI4 } ", E_SYNTAX, 32, "(0008,1140).(FFFE,E00D)",
          "stands where an item should begin"),
    FAILS(LE, "OB of undefined length that is not pixel data",
          "\x42\x00\x11\x00"
          "OB\x00\x00\xff\xff\xff\xff" ITEM("\x00") SEQ_END,
          "", E_SYNTAX, 0, "(0042,0011)", "undefined length, which its VR OB does not allow"),
    FAILS(IM, "CS of undefined length", "\x08\x00\x60\x00\xff\xff\xff\xff" ITEM("\x00") SEQ_END, "",
          E_SYNTAX, 0, "(0008,0060)", "undefined length, which its VR CS does not allow"),
    FAILS(LE, "fragments without end", PIXELS_U ITEM("\x00") ITEM("\x02") "ab",
          "7FE00010OB< f0:0 f1:2 ", E_TRUNCATED, 30, "(7FE0,0010)", "has no end"),
    FAILS(LE, "cut fragment", PIXELS_U ITEM("\x00") ITEM("\x08") "ab", "7FE00010OB< f0:0 ",
          E_TRUNCATED, 20, "(7FE0,0010)[1].(FFFE,E000)", "declares 8 bytes, 2 are left"),
    FAILS(LE, "fragment of undefined length", PIXELS_U ITEM_U "ab" SEQ_END, "7FE00010OB< ",
          E_TRUNCATED, 12, "(7FE0,0010)[0].(FFFE,E000)", "declares 4294967295 bytes"),
    FAILS(LE, "noise among fragments", PIXELS_U ITEM("\x00") UID_, "7FE00010OB< f0:0 ", E_SYNTAX,
          20, "(7FE0,0010)[0].(0008,1150)", "stands where a fragment should begin"),
    FAILS(LE, "noise behind the data set", CT "hello, this is noise", "00080060CS2 ", E_SYNTAX, 10,
          "(6568,6C6C)", "bytes 6F 2C where a VR should be"),
    FAILS(IM, "explicit element among implicit ones", I_CT PN, "00080060CS2 ", E_TRUNCATED, 10,
          "(0010,0010)", "declares 282192 bytes, 4 are left"),
};
#define EXAMPLE_COUNT (sizeof examples / sizeof examples[0])

static void write_event(struct buf *out, int event, const struct dcm_element *el) {
    const char *vr = dcm_vr_info(el->vr)->name;
    switch (event) {
    case DCM_EVENT_ELEMENT:
        buf_printf(out, "%08X%s%zu ", el->tag, vr, el->value.len);
        break;
    case DCM_EVENT_SEQUENCE_BEGIN:
        buf_printf(out, "%08X%s[ ", el->tag, vr);
        break;
    case DCM_EVENT_SEQUENCE_END:
        buf_put_str(out, "] ");
        break;
    case DCM_EVENT_ITEM_BEGIN:
        buf_printf(out, "{%u ", el->index);
        break;
    case DCM_EVENT_ITEM_END:
        buf_put_str(out, "} ");
        break;
    case DCM_EVENT_FRAGMENTS_BEGIN:
        buf_printf(out, "%08X%s< ", el->tag, vr);
        break;
    case DCM_EVENT_FRAGMENT:
        buf_printf(out, "f%u:%zu ", el->index, el->value.len);
        break;
    default:
        buf_put_str(out, "> ");
    }
}

static int read_all(struct dcm_reader *r, struct buf *out, struct err *e) {
    struct dcm_element element;
    int event;
    while ((event = dcm_reader_next(r, &element, e)) > 0) {
        write_event(out, event, &element);
    }
    buf_put_byte(out, 0);
    return event;
}

static void check(const struct example *x) {
    struct dcm_reader r;
    struct err e = {0};
    struct buf out;
    buf_init(&out, 4096);
    dcm_reader_init(&r, slice_of(x->bytes, x->len), x->encoding, BASE);
    int rc = read_all(&r, &out, &e);
    if (rc != x->code || strcmp((char *)out.data, x->events) != 0) {
        char line[600];
        fail_msg("%s: %d %s, events \"%s\" instead of \"%s\"", x->name, rc,
                 rc < 0 ? err_line(&e, line, sizeof line) : "", (char *)out.data, x->events);
    }
    if (rc == E_OK && r.oddities != x->oddities) {
        fail_msg("%s: oddities %x instead of %x", x->name, r.oddities, x->oddities);
    }
    if (rc != E_OK && (!e.has_offset || e.offset != x->offset || strcmp(e.path, x->path) != 0 ||
                       strstr(e.text, x->text) == NULL)) {
        fail_msg("%s: \"%s\" at %llu in %s", x->name, e.text, (unsigned long long)e.offset, e.path);
    }
    buf_done(&out);
}

static void test_examples(void **state) {
    (void)state;
    for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
        check(&examples[i]);
    }
}

// Every cut of every example ends in an answer, and an error stays.
static void test_cuts(void **state) {
    (void)state;
    for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
        for (size_t len = 0; len < examples[i].len; len++) {
            struct dcm_reader r;
            struct dcm_element element;
            struct err e = {0};
            int event;
            dcm_reader_init(&r, slice_of(examples[i].bytes, len), examples[i].encoding, BASE);
            do {
                event = dcm_reader_next(&r, &element, &e);
            } while (event > 0);
            struct err again = {0};
            assert_int_equal(dcm_reader_next(&r, &element, &again), event);
            if (event < 0) {
                assert_true(e.has_offset && e.offset >= BASE && e.offset <= BASE + len);
                assert_int_equal(again.code, event);
            }
        }
    }
}

static void test_places(void **state) {
    (void)state;
    static const char bytes[] = CT SEQ_U ITEM_U UID_ ITEM_END SEQ_END PN;
    static const struct {
        int event;
        uint64_t offset;
        uint64_t end;
        uint32_t length;
        uint16_t depth;
        size_t value;
    } expected[] = {
        {DCM_EVENT_ELEMENT, 0, 10, 2, 0, 2},
        {DCM_EVENT_SEQUENCE_BEGIN, 10, 22, DCM_LENGTH_UNDEFINED, 0, 0},
        {DCM_EVENT_ITEM_BEGIN, 22, 30, DCM_LENGTH_UNDEFINED, 1, 0},
        {DCM_EVENT_ELEMENT, 30, 42, 4, 1, 4},
        {DCM_EVENT_ITEM_END, 22, 50, DCM_LENGTH_UNDEFINED, 1, 12},
        {DCM_EVENT_SEQUENCE_END, 10, 58, DCM_LENGTH_UNDEFINED, 0, 28},
        {DCM_EVENT_ELEMENT, 58, 70, 4, 0, 4},
    };
    struct dcm_reader r;
    struct dcm_element element;
    struct err e = {0};
    dcm_reader_init(&r, slice_of(bytes, sizeof bytes - 1), LE, BASE);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(dcm_reader_next(&r, &element, &e), expected[i].event);
        assert_int_equal(element.offset, BASE + expected[i].offset);
        assert_int_equal(element.end, BASE + expected[i].end);
        assert_int_equal(element.length, expected[i].length);
        assert_int_equal(element.depth, expected[i].depth);
        assert_int_equal(element.value.len, expected[i].value);
    }
    assert_int_equal(dcm_reader_next(&r, &element, &e), DCM_EVENT_END);
    assert_int_equal(dcm_reader_next(&r, &element, &e), DCM_EVENT_END);
}

static void test_skip(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        uint64_t end;
    } rows[] = {
        {BYTES(SEQ("\x14") ITEM("\x0c") UID_ PN), 32},
        {BYTES(SEQ_U ITEM_U UID_ ITEM_END ITEM("\x00") SEQ_END PN), 56},
        {BYTES(SEQ_U ITEM("\x0c") UID_ ITEM_U UID_ ITEM_END SEQ_END PN), 68},
        {BYTES(PIXELS_U ITEM("\x00") ITEM("\x02") "ab" SEQ_END PN), 38},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dcm_reader r;
        struct dcm_element element;
        struct err e = {0};
        dcm_reader_init(&r, slice_of(rows[i].bytes, rows[i].len), LE, 0);
        int begin = dcm_reader_next(&r, &element, &e);
        int end =
            begin == DCM_EVENT_SEQUENCE_BEGIN ? DCM_EVENT_SEQUENCE_END : DCM_EVENT_FRAGMENTS_END;
        assert_int_equal(dcm_reader_skip(&r, &element, &e), end);
        assert_int_equal(element.end, rows[i].end);
        assert_int_equal(dcm_reader_next(&r, &element, &e), DCM_EVENT_ELEMENT);
        assert_int_equal(element.tag, DCM_TAG(0x0010, 0x0010));
    }
}

// What is jumped over is not looked at; what has no length is read and its faults are found.
static void test_skip_of_damage(void **state) {
    (void)state;
    static const char defined[] = SEQ("\x08") "garbage!" PN;
    static const char undefined[] = SEQ_U "garbage!" PN;
    struct dcm_reader r;
    struct dcm_element element;
    struct err e = {0};
    dcm_reader_init(&r, slice_of(defined, sizeof defined - 1), LE, 0);
    assert_int_equal(dcm_reader_next(&r, &element, &e), DCM_EVENT_SEQUENCE_BEGIN);
    assert_int_equal(dcm_reader_skip(&r, &element, &e), DCM_EVENT_SEQUENCE_END);
    assert_int_equal(dcm_reader_next(&r, &element, &e), DCM_EVENT_ELEMENT);
    dcm_reader_init(&r, slice_of(undefined, sizeof undefined - 1), LE, 0);
    assert_int_equal(dcm_reader_next(&r, &element, &e), DCM_EVENT_SEQUENCE_BEGIN);
    assert_int_equal(dcm_reader_skip(&r, &element, &e), E_SYNTAX);
    assert_int_equal(dcm_reader_next(&r, &element, &e), E_SYNTAX);
}

// Ends before a tag whose value need not be there.
static void test_stop(void **state) {
    (void)state;
    static const char bytes[] = CT PN "\xe0\x7f\x10\x00"
                                      "OW\x00\x00\x00\x00\x08\x00"
                                      "ab";
    struct dcm_reader r;
    struct dcm_element element;
    struct err e = {0};
    dcm_reader_init(&r, slice_of(bytes, sizeof bytes - 1), LE, 0);
    r.stop_at = DCM_TAG(0x7FE0, 0x0010);
    assert_int_equal(dcm_reader_next(&r, &element, &e), DCM_EVENT_ELEMENT);
    assert_int_equal(dcm_reader_next(&r, &element, &e), DCM_EVENT_ELEMENT);
    assert_int_equal(dcm_reader_next(&r, &element, &e), DCM_EVENT_END);
    assert_int_equal(r.at, 22);
}

// `levels` sequences inside each other, all of undefined length.
static void put_nested(struct buf *out, unsigned levels) {
    for (unsigned i = 0; i < levels; i++) {
        buf_put(out,
                "\x40\x00\x30\xa7"
                "SQ\x00\x00\xff\xff\xff\xff" ITEM_U,
                20);
    }
    for (unsigned i = 0; i < levels; i++) {
        buf_put(out, ITEM_END SEQ_END, 16);
    }
}

static void test_nesting(void **state) {
    (void)state;
    static const unsigned levels[] = {DCM_NESTING_MAX, DCM_NESTING_MAX + 1, 20000};
    for (size_t i = 0; i < 3; i++) {
        struct buf bytes;
        struct buf out;
        struct dcm_reader r;
        struct err e = {0};
        buf_init(&bytes, 1 << 20);
        buf_init(&out, 1 << 20);
        put_nested(&bytes, levels[i]);
        dcm_reader_init(&r, buf_slice(&bytes), LE, 0);
        int rc = read_all(&r, &out, &e);
        assert_int_equal(rc, i == 0 ? E_OK : E_NESTING);
        if (rc != E_OK) {
            assert_int_equal(e.offset, 20 * DCM_NESTING_MAX);
            assert_non_null(strstr(e.text, "more than 32 sequences"));
            assert_string_equal(e.path,
                                "(0040,A730)[0].(0040,A730)[0].(0040,A730)[0]...(0040,A730)[0]."
                                "(0040,A730)[0].(0040,A730)[0].(0040,A730)");
        }
        buf_done(&bytes);
        buf_done(&out);
    }
}

static void test_element_limit(void **state) {
    (void)state;
    size_t count = DCM_ELEMENTS_MAX + 1;
    struct buf bytes;
    struct dcm_reader r;
    struct dcm_element element;
    struct err e = {0};
    buf_init(&bytes, count * 8);
    uint8_t *p = buf_extend(&bytes, count * 8);
    assert_non_null(p);
    for (size_t i = 0; i < count; i++) {
        memcpy(p + i * 8, "\x10\x00\x10\x00\x00\x00\x00\x00", 8);
    }
    dcm_reader_init(&r, buf_slice(&bytes), IM, 0);
    int event;
    do {
        event = dcm_reader_next(&r, &element, &e);
    } while (event > 0);
    assert_int_equal(event, E_LIMIT);
    assert_int_equal(e.offset, DCM_ELEMENTS_MAX * 8);
    buf_done(&bytes);
}

static void test_words(void **state) {
    (void)state;
    for (int i = 0; i < DCM_ODDITY_COUNT; i++) {
        assert_true(strlen(dcm_oddity_words((enum dcm_oddity)i)) > 5);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),       cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_places),         cmocka_unit_test(test_skip),
        cmocka_unit_test(test_skip_of_damage), cmocka_unit_test(test_stop),
        cmocka_unit_test(test_nesting),        cmocka_unit_test(test_element_limit),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
