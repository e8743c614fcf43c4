// SPDX-License-Identifier: Apache-2.0
// DICOM files (PS3.10 7.1, 7.2): finding the data set behind preamble and meta information, and
// writing both. Deflated data sets (PS3.5 A.5) are inflated and deflated by zlib. It does not code
// pixel data and never changes a transfer syntax silently.
#define ZLIB_CONST // zlib.h takes input as const
#include "dicom/part10.h"

#include <string.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/deflate.h"
#include "dicom/dict.h"

#define MAGIC_LEN 4
#define HEADER_LEN 8
#define META_GROUP 0x0002
#define META_BYTES_MAX ((size_t)1 << 20)
#define TAG_META_LENGTH DCM_TAG(0x0002, 0x0000)
#define TAG_META_VERSION DCM_TAG(0x0002, 0x0001)
#define TAG_META_SOP_CLASS DCM_TAG(0x0002, 0x0002)
#define TAG_META_SOP_INSTANCE DCM_TAG(0x0002, 0x0003)
#define TAG_META_SYNTAX DCM_TAG(0x0002, 0x0010)
#define TAG_META_IMPLEMENTATION DCM_TAG(0x0002, 0x0012)
#define TAG_META_IMPLEMENTATION_NAME DCM_TAG(0x0002, 0x0013)
#define TAG_META_SOURCE_AE DCM_TAG(0x0002, 0x0016)
#define TAG_SOP_CLASS DCM_TAG(0x0008, 0x0016)
#define TAG_SOP_INSTANCE DCM_TAG(0x0008, 0x0018)
#define TAG_PIXEL_DATA DCM_TAG(0x7FE0, 0x0010)
#define UID_ROOT_DICOM "1.2.840.10008."

// 2.25 and the number of the UUID c0f6e2c4-6f5a-4b0e-9d58-6d61636c6162.
const char dcm_implementation_uid[] = "2.25.256493679605655687128488621920670736738";
const char dcm_implementation_name[] = "MACLAB_1";

// A transfer syntax that only its maker knows: its data sets are explicit VR little endian,
// whatever their pixel data is (PS3.5 10.1 lets makers define others, but those cannot be told
// apart).
static const struct dcm_transfer_syntax private_syntax = {
    .uid = "", .name = "private transfer syntax", .encapsulated = true};

// --- meta information ---

static bool in_meta_group(struct slice bytes, uint64_t at) {
    return bytes.len >= HEADER_LEN && at <= bytes.len - HEADER_LEN &&
           num_le16(bytes.ptr + at) == META_GROUP;
}

// Where the elements of group 0002 from `start` on end; as many as there are, unless the group
// length says that they end here: what follows might look like one.
static int find_meta_end(struct slice bytes, uint64_t start, uint64_t declared_end,
                         uint64_t *ret_end, struct err *e) {
    struct dcm_reader r;
    struct dcm_element element;
    dcm_reader_init(&r, slice_from(bytes, start), DCM_EXPLICIT_LE, start);
    while (r.depth > 0 || in_meta_group(bytes, start + r.at)) {
        bool at_declared = r.depth == 0 && start + r.at == declared_end;
        if (at_declared && dcm_vr_parse(bytes.ptr + start + r.at + 4) == DCM_VR_NONE) {
            break;
        }
        int event = dcm_reader_next(&r, &element, e);
        if (event < 0) {
            return err_context(e, "file meta information");
        }
    }
    *ret_end = start + r.at;
    return E_OK;
}

// The end of group 0002 that (0002,0000) declares; 0 when it is not there.
static uint64_t declared_meta_end(struct slice bytes, uint64_t start) {
    const uint8_t *p = bytes.ptr + start;
    if (bytes.len - start < HEADER_LEN + 4 ||
        DCM_TAG(num_le16(p), num_le16(p + 2)) != TAG_META_LENGTH ||
        dcm_vr_parse(p + 4) != DCM_VR_UL || num_le16(p + 6) != 4) {
        return 0;
    }
    return start + HEADER_LEN + 4 + num_le32(p + HEADER_LEN);
}

static int read_meta(struct arena *a, struct slice bytes, uint64_t start, struct dcm_file *file,
                     struct err *e) {
    uint64_t declared = declared_meta_end(bytes, start);
    uint64_t end;
    int rc = find_meta_end(bytes, start, declared, &end, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = dcm_dataset_read(a, slice_first(slice_from(bytes, start), end - start), DCM_EXPLICIT_LE,
                          start, 0, &file->meta, NULL, e);
    if (rc != E_OK) {
        return rc;
    }
    file->has_meta = true;
    file->meta_length_wrong = declared != end;
    file->meta_raw = slice_first(bytes, end);
    return E_OK;
}

// --- which encoding, where nothing says so ---

static bool plausible_implicit(struct slice body, uint64_t at, dcm_tag after) {
    if (at >= body.len || body.len - at < HEADER_LEN) {
        return at == body.len;
    }
    const uint8_t *p = body.ptr + at;
    dcm_tag tag = DCM_TAG(num_le16(p), num_le16(p + 2));
    return tag > after && (dcm_tag_is_private(tag) || dcm_dict_find(tag) != NULL);
}

// The first element decides: VR letters and the byte order of the group (small groups come first),
// or a known tag with a length that leads to another one.
static bool guess_encoding(struct slice body, enum dcm_encoding *ret_encoding) {
    if (body.len < HEADER_LEN) {
        return false;
    }
    const uint8_t *p = body.ptr;
    if (dcm_vr_parse(p + 4) != DCM_VR_NONE) {
        bool big = num_be16(p) < num_le16(p);
        dcm_tag tag =
            big ? DCM_TAG(num_be16(p), num_be16(p + 2)) : DCM_TAG(num_le16(p), num_le16(p + 2));
        *ret_encoding = big ? DCM_EXPLICIT_BE : DCM_EXPLICIT_LE;
        return dcm_dict_find(tag) != NULL || dcm_tag_is_group_length(tag);
    }
    dcm_tag tag = DCM_TAG(num_le16(p), num_le16(p + 2));
    bool known = dcm_dict_find(tag) != NULL || dcm_tag_is_group_length(tag);
    *ret_encoding = DCM_IMPLICIT_LE;
    return known && plausible_implicit(body, HEADER_LEN + (uint64_t)num_le32(p + 4), tag);
}

static const char *uid_of(enum dcm_encoding encoding) {
    static const char *const uids[] = {[DCM_IMPLICIT_LE] = DCM_IMPLICIT_LE_UID,
                                       [DCM_EXPLICIT_LE] = DCM_EXPLICIT_LE_UID,
                                       [DCM_EXPLICIT_BE] = DCM_EXPLICIT_BE_UID};
    return uids[encoding];
}

enum dcm_encoding dcm_encoding_of(const struct dcm_transfer_syntax *syntax) {
    return syntax->implicit     ? DCM_IMPLICIT_LE
           : syntax->big_endian ? DCM_EXPLICIT_BE
                                : DCM_EXPLICIT_LE;
}

// Nothing names the transfer syntax. Behind meta information there is a data set, however odd;
// without, bytes that do not look like one are not DICOM.
static int guess_syntax(struct dcm_file *file, struct err *e) {
    enum dcm_encoding encoding = DCM_IMPLICIT_LE;
    bool sure = guess_encoding(file->body, &encoding);
    if (!sure && !file->has_meta) {
        (void)err_set(e, E_NOT_DICOM, "no DICM prefix, and the first bytes are no data set");
        return err_at(e, 0);
    }
    file->encoding = encoding;
    file->syntax = dcm_transfer_syntax_find(slice_str(uid_of(encoding)));
    return file->syntax != NULL ? E_OK
                                : err_set(e, E_INTERNAL, "UID registry has no transfer syntax");
}

static int named_syntax(struct dcm_file *file, struct slice uid, struct err *e) {
    size_t len = uid.len < sizeof file->syntax_uid - 1 ? uid.len : sizeof file->syntax_uid - 1;
    memcpy(file->syntax_uid, uid.ptr, len);
    file->syntax = dcm_transfer_syntax_find(uid);
    if (file->syntax == NULL) {
        bool of_dicom = slice_starts(uid, slice_str(UID_ROOT_DICOM));
        if (of_dicom || !dcm_uid_valid(uid)) {
            (void)err_set(e, E_UNSUPPORTED, "transfer syntax %.64s is not known", file->syntax_uid);
            return err_in(e, "(0002,0010)");
        }
        file->syntax = &private_syntax;
    }
    file->encoding = dcm_encoding_of(file->syntax);
    file->deflated = file->syntax->deflated;
    return E_OK;
}

// --- deflated data sets (PS3.5 A.5, RFC 1951) ---

#define INFLATE_PIECE ((size_t)64 * 1024)

static void free_buf(void *arg) { buf_done(arg); }

static void cleanup_inflate(z_stream *z) { (void)inflateEnd(z); }

static int inflate_failed(int answer, const z_stream *z, uint64_t offset, struct err *e) {
    if (answer == Z_MEM_ERROR) {
        return err_set(e, E_MEMORY, "no memory for inflating");
    }
    bool ended = answer == Z_BUF_ERROR || answer == Z_OK;
    (void)err_set(e, ended ? E_TRUNCATED : E_SYNTAX, "deflated data set: %s",
                  ended            ? "ends too early"
                  : z->msg != NULL ? z->msg
                                   : "damaged");
    return err_at(e, offset + z->total_in);
}

static int inflate_pieces(z_stream *z, struct buf *out, uint64_t offset, struct err *e) {
    int answer = Z_OK;
    while (answer == Z_OK) {
        size_t room = out->max - out->len < INFLATE_PIECE ? out->max - out->len : INFLATE_PIECE;
        if (room == 0) {
            (void)err_set(e, E_LIMIT, "deflated data set gives more than %zu bytes", out->max);
            return err_at(e, offset + z->total_in);
        }
        uint8_t *piece = buf_extend(out, room);
        if (piece == NULL) {
            return err_set(e, E_MEMORY, "no memory for inflating");
        }
        z->next_out = piece;
        z->avail_out = (uInt)room;
        answer = inflate(z, Z_NO_FLUSH);
        out->len -= z->avail_out;
    }
    return answer == Z_STREAM_END ? E_OK : inflate_failed(answer, z, offset, e);
}

static int inflate_into(struct slice stored, struct buf *out, uint64_t offset, struct err *e) {
    CLEANUP(cleanup_inflate) z_stream z = {0};
    if (stored.len > UINT32_MAX) {
        return err_set(e, E_LIMIT, "deflated data set longer than 4 GiB");
    }
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) {
        return err_set(e, E_MEMORY, "no memory for inflating");
    }
    z.next_in = stored.ptr;
    z.avail_in = (uInt)stored.len;
    return inflate_pieces(&z, out, offset, e);
}

static int inflate_body(struct arena *a, struct dcm_file *file, struct err *e) {
    struct buf *out = arena_new(a, struct buf);
    if (out == NULL || !arena_defer(a, free_buf, out)) {
        return err_set(e, E_MEMORY, "no memory for inflating");
    }
    size_t left = a->limit - a->used;
    buf_init(out, left < DCM_INFLATED_MAX ? left : (size_t)DCM_INFLATED_MAX);
    int rc = inflate_into(file->stored, out, file->body_offset, e);
    if (rc == E_OK) {
        a->used += out->len;
        file->body = buf_slice(out);
        file->body_offset = 0;
    }
    return rc;
}

// --- opening ---

static bool has_preamble(struct slice bytes) {
    return bytes.len >= DCM_PREAMBLE_LEN + MAGIC_LEN &&
           memcmp(bytes.ptr + DCM_PREAMBLE_LEN, "DICM", MAGIC_LEN) == 0;
}

int dcm_file_open(struct arena *a, struct slice bytes, struct dcm_file *ret_file, struct err *e) {
    struct dcm_file file = {.has_preamble = has_preamble(bytes)};
    uint64_t start = file.has_preamble ? DCM_PREAMBLE_LEN + MAGIC_LEN : 0;
    if (bytes.len == 0) {
        return err_set(e, E_NOT_DICOM, "empty file");
    }
    file.meta_raw = slice_first(bytes, start);
    int rc = in_meta_group(bytes, start) ? read_meta(a, bytes, start, &file, e) : E_OK;
    if (rc != E_OK) {
        return rc;
    }
    struct slice uid;
    file.stored = slice_from(bytes, file.meta_raw.len);
    file.body = file.stored;
    file.body_offset = file.meta_raw.len;
    bool named = file.has_meta && dcm_text(file.meta, TAG_META_SYNTAX, 0, &uid);
    rc = named ? named_syntax(&file, uid, e) : guess_syntax(&file, e);
    if (rc == E_OK && file.deflated) {
        rc = inflate_body(a, &file, e);
    }
    if (rc == E_OK) {
        *ret_file = file;
    }
    return rc;
}

int dcm_file_dataset(struct arena *a, struct dcm_file *file, dcm_tag stop_at,
                     struct dcm_dataset **ret_dataset, struct err *e) {
    uint32_t oddities = 0;
    struct dcm_dataset *d;
    int rc = dcm_dataset_read(a, file->body, file->encoding, file->body_offset, stop_at, &d,
                              &oddities, e);
    if (rc != E_OK) {
        return rc;
    }
    file->oddities |= oddities;
    file->encoding = d->encoding;
    *ret_dataset = d;
    return E_OK;
}

void dcm_file_reader(const struct dcm_file *file, struct dcm_reader *ret_reader) {
    dcm_reader_init(ret_reader, file->body, file->encoding, file->body_offset);
}

// --- writing ---

static int write_deflated(const struct dcm_dataset *d, struct dcm_sink sink, struct err *e) {
    CLEANUP(cleanup_dcm_deflater) struct dcm_deflater *deflater = dcm_deflater_new(sink);
    if (deflater == NULL) {
        return err_set(e, E_MEMORY, "no memory for deflating");
    }
    int rc = dcm_write(d, DCM_EXPLICIT_LE, dcm_deflater_sink(deflater), e);
    return rc == E_OK ? dcm_deflater_end(deflater, e) : rc;
}

static int write_body(const struct dcm_dataset *d, enum dcm_encoding encoding, bool deflated,
                      struct dcm_sink sink, struct err *e) {
    return deflated ? write_deflated(d, sink, e) : dcm_write(d, encoding, sink, e);
}

static int missing(struct err *e, const char *what, const char *path) {
    (void)err_set(e, E_MISSING, "%s is needed for the file meta information", what);
    return err_in(e, path);
}

// A UID for the meta information: given, or the data set's.
static int put_uid(struct dcm_dataset *meta, dcm_tag tag, const char *given,
                   const struct dcm_dataset *d, dcm_tag from, struct err *e) {
    struct slice uid;
    char path[DCM_TAG_TEXT_LEN + 1];
    if (given != NULL) {
        return dcm_put_str(meta, tag, DCM_VR_UI, given, e);
    }
    if (!dcm_text(d, from, 0, &uid)) {
        return missing(e, "a UID", dcm_tag_text(from, path));
    }
    return dcm_put(meta, tag, DCM_VR_UI, uid, e);
}

static int put_optional(struct dcm_dataset *meta, dcm_tag tag, enum dcm_vr vr, const char *text,
                        struct err *e) {
    return text == NULL ? E_OK : dcm_put_str(meta, tag, vr, text, e);
}

static int fill_meta(struct dcm_dataset *meta, const struct dcm_dataset *d,
                     const struct dcm_write_options *o, const char *syntax_uid, struct err *e) {
    const char *implementation =
        o->implementation_uid != NULL ? o->implementation_uid : dcm_implementation_uid;
    const char *name = o->implementation_name != NULL  ? o->implementation_name
                       : o->implementation_uid == NULL ? dcm_implementation_name
                                                       : NULL;
    int rc = dcm_put(meta, TAG_META_VERSION, DCM_VR_OB, slice_of("\0\1", 2), e);
    if (rc == E_OK) {
        rc = put_uid(meta, TAG_META_SOP_CLASS, o->sop_class_uid, d, TAG_SOP_CLASS, e);
    }
    if (rc == E_OK) {
        rc = put_uid(meta, TAG_META_SOP_INSTANCE, o->sop_instance_uid, d, TAG_SOP_INSTANCE, e);
    }
    if (rc == E_OK) {
        rc = dcm_put_str(meta, TAG_META_SYNTAX, DCM_VR_UI, syntax_uid, e);
    }
    if (rc == E_OK) {
        rc = dcm_put_str(meta, TAG_META_IMPLEMENTATION, DCM_VR_UI, implementation, e);
    }
    if (rc == E_OK) {
        rc = put_optional(meta, TAG_META_IMPLEMENTATION_NAME, DCM_VR_SH, name, e);
    }
    return rc != E_OK ? rc : put_optional(meta, TAG_META_SOURCE_AE, DCM_VR_AE, o->source_ae, e);
}

static int write_meta(struct dcm_dataset *meta, struct dcm_sink sink, struct err *e) {
    uint8_t head[DCM_PREAMBLE_LEN + MAGIC_LEN] = {0};
    uint64_t length;
    memcpy(head + DCM_PREAMBLE_LEN, "DICM", MAGIC_LEN);
    int rc = dcm_write_length(meta, DCM_EXPLICIT_LE, &length, e);
    if (rc == E_OK) {
        int64_t value = (int64_t)length;
        rc = dcm_put_ints(meta, TAG_META_LENGTH, DCM_VR_UL, &value, 1, e);
    }
    if (rc == E_OK) {
        rc = sink.put(sink.context, slice_of(head, sizeof head), e);
    }
    return rc != E_OK ? rc : dcm_write(meta, DCM_EXPLICIT_LE, sink, e);
}

// Fragments belong to encapsulated transfer syntaxes, native pixels to the others.
static int check_pixels(const struct dcm_dataset *d, const struct dcm_transfer_syntax *syntax,
                        struct err *e) {
    const struct dcm_node *pixels = dcm_get(d, TAG_PIXEL_DATA);
    bool encapsulated = pixels != NULL && pixels->fragments != NULL;
    bool native = pixels != NULL && !encapsulated && pixels->value.len > 0;
    if ((encapsulated && !syntax->encapsulated) || (native && syntax->encapsulated)) {
        (void)err_set(e, E_UNSUPPORTED, "pixel data would have to be coded anew for %s",
                      syntax->name);
        return err_in(e, "(7FE0,0010)");
    }
    return E_OK;
}

// Group 0002 in front of a data set would be read as meta information.
static int check_groups(const struct dcm_dataset *d, struct err *e) {
    char path[DCM_TAG_TEXT_LEN + 1];
    for (uint32_t i = 0; i < d->count; i++) {
        if (dcm_tag_group(d->nodes[i].tag) == META_GROUP) {
            (void)err_set(e, E_VALUE, "an element of group 0002 does not belong into a data set");
            return err_in(e, dcm_tag_text(d->nodes[i].tag, path));
        }
    }
    return E_OK;
}

static int find_syntax(const char *uid, const struct dcm_transfer_syntax **ret_syntax,
                       struct err *e) {
    *ret_syntax = dcm_transfer_syntax_find(slice_str(uid));
    return *ret_syntax != NULL
               ? E_OK
               : err_set(e, E_UNSUPPORTED, "transfer syntax %.64s is not known", uid);
}

int dcm_file_write_meta(const struct dcm_dataset *d, const struct dcm_write_options *options,
                        struct dcm_sink sink, struct err *e) {
    const char *uid = options->syntax_uid != NULL ? options->syntax_uid : uid_of(d->encoding);
    int rc = check_groups(d, e);
    if (rc != E_OK) {
        return rc;
    }
    CLEANUP(arena_done) struct arena a;
    arena_init(&a, META_BYTES_MAX);
    struct dcm_dataset *meta = dcm_dataset_new(&a, DCM_EXPLICIT_LE);
    if (meta == NULL) {
        return err_set(e, E_MEMORY, "no memory for the file meta information");
    }
    rc = fill_meta(meta, d, options, uid, e);
    return rc == E_OK ? write_meta(meta, sink, e) : rc;
}

int dcm_file_write(const struct dcm_dataset *d, const struct dcm_write_options *options,
                   struct dcm_sink sink, struct err *e) {
    const char *uid = options->syntax_uid != NULL ? options->syntax_uid : uid_of(d->encoding);
    const struct dcm_transfer_syntax *syntax;
    int rc = find_syntax(uid, &syntax, e);
    rc = rc == E_OK ? check_pixels(d, syntax, e) : rc;
    rc = rc == E_OK ? dcm_file_write_meta(d, options, sink, e) : rc;
    return rc != E_OK ? rc : write_body(d, dcm_encoding_of(syntax), syntax->deflated, sink, e);
}

int dcm_file_rewrite(const struct dcm_file *file, const struct dcm_dataset *d, struct dcm_sink sink,
                     struct err *e) {
    int rc = sink.put(sink.context, file->meta_raw, e);
    if (rc != E_OK) {
        return rc;
    }
    if (!d->changed && d->encoding == file->encoding) {
        return sink.put(sink.context, file->stored, e);
    }
    return write_body(d, file->encoding, file->deflated, sink, e);
}
