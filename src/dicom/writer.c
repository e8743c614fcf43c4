// SPDX-License-Identifier: Apache-2.0
// Writing data sets (PS3.5 7.1 to 7.5, 6.2.2 for UN). The tree is walked twice without recursion:
// once to learn the length of each sequence and item that is written anew, once to write. What was
// read in the same encoding and not changed is copied. It does not choose transfer syntaxes or
// write meta information (part10.h), and does not code pixels.
#include "dicom/writer.h"

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "dicom/dict.h"

#define NARROW_LENGTH_MAX 65534u
#define WIDE_LENGTH_MAX 0xFFFFFFFEu
#define HEADER_MAX 12
#define HEADER_LEN 8
#define CHUNK_BYTES 4096
#define FRAMES_MAX (2 * DCM_NESTING_MAX + 2)
#define SLOTS_AT_FIRST 64

// A data set, or a sequence (then the items are written one by one), that is begun and not ended.
struct frame {
    const struct dcm_dataset *d;
    const struct dcm_node *sequence;
    uint32_t next; // node or item
    uint32_t slot; // where its length is kept
    uint64_t len;  // measured so far
};

struct writer {
    enum dcm_encoding encoding;
    bool measuring;
    struct dcm_sink sink;
    uint64_t *slots; // lengths of what is written anew, in the order of writing; on the heap
    uint32_t slot_count;
    uint32_t slot_cap;
    uint32_t next_slot;
    unsigned depth;
    struct frame frames[FRAMES_MAX];
    size_t used;
    uint8_t chunk[CHUNK_BYTES]; // small pieces on their way to the sink
};

static void cleanup_writer(struct writer *w) { mem_free(w->slots); }

static int put_in_buf(void *context, struct slice bytes, struct err *e) {
    buf_put_slice(context, bytes);
    return buf_check(context, "written data set", e);
}

struct dcm_sink dcm_sink_buf(struct buf *out) {
    return (struct dcm_sink){put_in_buf, out};
}

// --- bytes ---

static int flush(struct writer *w, struct err *e) {
    size_t used = w->used;
    w->used = 0;
    return used == 0 ? E_OK : w->sink.put(w->sink.context, slice_of(w->chunk, used), e);
}

static int emit(struct writer *w, struct slice bytes, struct err *e) {
    if (w->measuring) {
        w->frames[w->depth].len += bytes.len;
        return E_OK;
    }
    if (bytes.len == 0) {
        return E_OK;
    }
    if (bytes.len > CHUNK_BYTES - w->used) {
        int rc = flush(w, e);
        if (rc != E_OK || bytes.len > CHUNK_BYTES) {
            return rc != E_OK ? rc : w->sink.put(w->sink.context, bytes, e);
        }
    }
    memcpy(w->chunk + w->used, bytes.ptr, bytes.len);
    w->used += bytes.len;
    return E_OK;
}

static void swap_unit(uint8_t *p, unsigned unit) {
    for (unsigned i = 0; i < unit / 2; i++) {
        uint8_t byte = p[i];
        p[i] = p[unit - 1 - i];
        p[unit - 1 - i] = byte;
    }
}

// The value with the bytes of each unit turned round; what is left over at the end stays.
static int emit_swapped(struct writer *w, struct slice value, unsigned unit, struct err *e) {
    uint8_t piece[1024];
    if (w->measuring) {
        return emit(w, value, e);
    }
    while (value.len > 0) {
        size_t len = value.len < sizeof piece ? value.len : sizeof piece;
        memcpy(piece, value.ptr, len);
        for (size_t at = 0; at + unit <= len; at += unit) {
            swap_unit(piece + at, unit);
        }
        int rc = emit(w, slice_of(piece, len), e);
        if (rc != E_OK) {
            return rc;
        }
        value = slice_from(value, len);
    }
    return E_OK;
}

// --- headers ---

static void put_tag(const struct writer *w, uint8_t *p, dcm_tag tag) {
    if (w->encoding == DCM_EXPLICIT_BE) {
        num_put_be16(p, dcm_tag_group(tag));
        num_put_be16(p + 2, dcm_tag_element(tag));
    } else {
        num_put_le16(p, dcm_tag_group(tag));
        num_put_le16(p + 2, dcm_tag_element(tag));
    }
}

static void put_length(const struct writer *w, uint8_t *p, uint32_t length) {
    if (w->encoding == DCM_EXPLICIT_BE) {
        num_put_be32(p, length);
    } else {
        num_put_le32(p, length);
    }
}

// Items and delimiters have no VR in any encoding (PS3.5 7.5).
static int emit_item_header(struct writer *w, dcm_tag tag, uint32_t length, struct err *e) {
    uint8_t bytes[HEADER_LEN];
    put_tag(w, bytes, tag);
    put_length(w, bytes + 4, length);
    return emit(w, slice_of(bytes, sizeof bytes), e);
}

static int emit_header(struct writer *w, dcm_tag tag, enum dcm_vr vr, uint32_t length,
                       struct err *e) {
    uint8_t bytes[HEADER_MAX] = {0};
    const struct dcm_vr_info *info = dcm_vr_info(vr);
    if (w->encoding == DCM_IMPLICIT_LE) {
        return emit_item_header(w, tag, length, e);
    }
    put_tag(w, bytes, tag);
    memcpy(bytes + 4, info->name, 2);
    if (info->wide) {
        put_length(w, bytes + 8, length);
        return emit(w, slice_of(bytes, HEADER_MAX), e);
    }
    if (w->encoding == DCM_EXPLICIT_BE) {
        num_put_be16(bytes + 6, (uint16_t)length);
    } else {
        num_put_le16(bytes + 6, (uint16_t)length);
    }
    return emit(w, slice_of(bytes, HEADER_LEN), e);
}

static int refuse(struct err *e, int code, dcm_tag tag, const char *why) {
    char path[DCM_TAG_TEXT_LEN + 1];
    (void)err_set(e, code, "%s", why);
    return err_in(e, dcm_tag_text(tag, path));
}

// --- values ---

// A value too long for a 16-bit length field is written as UN (PS3.5 6.2.2, note 4).
static enum dcm_vr written_vr(const struct writer *w, enum dcm_vr vr, uint64_t length) {
    bool narrow = w->encoding != DCM_IMPLICIT_LE && !dcm_vr_info(vr)->wide;
    return vr == DCM_VR_NONE || (narrow && length > NARROW_LENGTH_MAX) ? DCM_VR_UN : vr;
}

static int emit_padded(struct writer *w, struct slice value, unsigned swap, uint8_t pad,
                       struct err *e) {
    int rc = swap > 1 ? emit_swapped(w, value, swap, e) : emit(w, value, e);
    return rc != E_OK || (value.len & 1) == 0 ? rc : emit(w, slice_of(&pad, 1), e);
}

// Implicit VR says nothing of VRs: what the dictionary takes for a sequence must be one.
static int check_implicit(const struct writer *w, const struct dcm_node *n, struct err *e) {
    bool sequence = n->vr == DCM_VR_SQ;
    if (w->encoding != DCM_IMPLICIT_LE) {
        return E_OK;
    }
    enum dcm_vr known = dcm_dict_vr(n->tag);
    if (sequence ? known != DCM_VR_SQ && known != DCM_VR_UN && n->item_count > 0
                 : known == DCM_VR_SQ && n->value.len > 0) {
        return refuse(e, E_VALUE, n->tag,
                      sequence ? "a sequence with this tag cannot be written in implicit VR"
                               : "a value that is no sequence cannot be written in implicit VR");
    }
    return E_OK;
}

static int write_value(struct writer *w, const struct dcm_node *n, struct err *e) {
    int rc = check_implicit(w, n, e);
    if (rc != E_OK) {
        return rc;
    }
    uint64_t length = n->value.len + (n->value.len & 1);
    if (length > WIDE_LENGTH_MAX) {
        return refuse(e, E_LIMIT, n->tag, "value longer than 4 GiB");
    }
    enum dcm_vr vr = written_vr(w, n->vr, length);
    bool from_big = n->encoding == DCM_EXPLICIT_BE && n->vr != DCM_VR_UN;
    bool to_big = w->encoding == DCM_EXPLICIT_BE && vr != DCM_VR_UN;
    unsigned unit = dcm_vr_info(n->vr)->unit;
    rc = emit_header(w, n->tag, vr, (uint32_t)length, e);
    return rc != E_OK ? rc
                      : emit_padded(w, n->value, from_big != to_big ? unit : 1,
                                    dcm_vr_info(n->vr)->pad, e);
}

static int write_fragment(struct writer *w, const struct dcm_fragment *f, dcm_tag tag,
                          struct err *e) {
    uint64_t length = f->bytes.len + (f->bytes.len & 1);
    if (length > WIDE_LENGTH_MAX) {
        return refuse(e, E_LIMIT, tag, "fragment longer than 4 GiB");
    }
    int rc = emit_item_header(w, DCM_TAG_ITEM, (uint32_t)length, e);
    return rc != E_OK ? rc : emit_padded(w, f->bytes, 1, 0, e);
}

// PS3.5 A.4: only explicit VR little endian holds encapsulated pixel data.
static int write_fragments(struct writer *w, const struct dcm_node *n, struct err *e) {
    if (w->encoding != DCM_EXPLICIT_LE) {
        return refuse(e, E_UNSUPPORTED, n->tag,
                      "encapsulated pixel data can only be written in explicit VR little endian");
    }
    int rc = emit_header(w, n->tag, n->vr, DCM_LENGTH_UNDEFINED, e);
    for (uint32_t i = 0; rc == E_OK && i < n->fragment_count; i++) {
        rc = write_fragment(w, &n->fragments[i], n->tag, e);
    }
    return rc != E_OK ? rc : emit_item_header(w, DCM_TAG_SEQUENCE_END, 0, e);
}

// --- structures ---

static bool reserve_slot(struct writer *w, uint32_t *ret_slot) {
    if (w->slot_count == w->slot_cap) {
        uint32_t cap = w->slot_cap == 0 ? SLOTS_AT_FIRST : w->slot_cap * 2;
        uint64_t *slots = mem_realloc(w->slots, (size_t)cap * sizeof *slots);
        if (slots == NULL) {
            return false;
        }
        w->slots = slots;
        w->slot_cap = cap;
    }
    *ret_slot = w->slot_count++;
    return true;
}

// In implicit VR only an undefined length tells a sequence of an unknown tag from bytes.
static bool ends_by_delimiter(const struct writer *w, const struct dcm_node *n) {
    return w->encoding == DCM_IMPLICIT_LE && n->item_count > 0 && dcm_dict_vr(n->tag) != DCM_VR_SQ;
}

// Begins a sequence (`n`) or an item (`n` NULL, `d` its content): header, then a frame for the
// content.
static int begin(struct writer *w, const struct dcm_node *n, const struct dcm_dataset *d,
                 struct err *e) {
    uint32_t slot = w->next_slot;
    if (w->depth + 1 >= FRAMES_MAX) {
        return refuse(e, E_NESTING, n == NULL ? DCM_TAG_ITEM : n->tag,
                      "sequences nested too deep to be read again");
    }
    if (w->measuring && !reserve_slot(w, &slot)) {
        return err_set(e, E_MEMORY, "no memory for writing a data set");
    }
    w->next_slot = slot + 1;
    uint64_t length = w->measuring ? 0 : w->slots[slot];
    if (n != NULL && ends_by_delimiter(w, n)) {
        length = DCM_LENGTH_UNDEFINED;
    }
    int rc = n == NULL ? emit_item_header(w, DCM_TAG_ITEM, (uint32_t)length, e)
                       : emit_header(w, n->tag, DCM_VR_SQ, (uint32_t)length, e);
    w->frames[++w->depth] = (struct frame){.d = d, .sequence = n, .slot = slot};
    return rc;
}

static int end(struct writer *w, struct err *e) {
    const struct frame *f = &w->frames[w->depth];
    if (f->sequence != NULL && ends_by_delimiter(w, f->sequence)) {
        int rc = emit_item_header(w, DCM_TAG_SEQUENCE_END, 0, e);
        if (rc != E_OK) {
            return rc;
        }
    }
    w->depth--;
    if (!w->measuring) {
        return E_OK;
    }
    if (f->len > WIDE_LENGTH_MAX) {
        return refuse(e, E_LIMIT, f->sequence == NULL ? DCM_TAG_ITEM : f->sequence->tag,
                      "sequence or item longer than 4 GiB");
    }
    w->slots[f->slot] = f->len;
    w->frames[w->depth].len += f->len;
    return E_OK;
}

static bool any_item_changed(const struct dcm_node *n) {
    for (uint32_t i = 0; i < n->item_count; i++) {
        if (n->items[i]->changed) {
            return true;
        }
    }
    return false;
}

static bool may_copy(const struct writer *w, const struct dcm_node *n) {
    return !n->changed && n->encoding == w->encoding && n->raw.len > 0 && !any_item_changed(n);
}

// Group lengths (PS3.5 7.2, retired) would no longer be true. That of a command stands first, and
// that of meta information in its group.
static bool is_stale_group_length(dcm_tag tag, bool first) {
    uint16_t group = dcm_tag_group(tag);
    return dcm_tag_is_group_length(tag) && group != 2 && !(group == 0 && first);
}

static int write_node(struct writer *w, const struct dcm_node *n, bool first, struct err *e) {
    if (is_stale_group_length(n->tag, first)) {
        return E_OK;
    }
    if (may_copy(w, n)) {
        return emit(w, n->raw, e);
    }
    if (n->fragments != NULL) {
        return write_fragments(w, n, e);
    }
    if (n->vr != DCM_VR_SQ) {
        return write_value(w, n, e);
    }
    int rc = check_implicit(w, n, e);
    return rc != E_OK ? rc : begin(w, n, NULL, e);
}

// The next item of a sequence; an unchanged one of the same encoding in one piece.
static int write_item(struct writer *w, const struct dcm_dataset *d, struct err *e) {
    bool copy =
        !d->changed && !d->guessed && d->encoding == w->encoding && d->raw.len <= WIDE_LENGTH_MAX;
    if (!copy) {
        return begin(w, NULL, d, e);
    }
    int rc = emit_item_header(w, DCM_TAG_ITEM, (uint32_t)d->raw.len, e);
    return rc != E_OK ? rc : emit(w, d->raw, e);
}

// One pass over the tree; measuring or writing.
static int walk(struct writer *w, const struct dcm_dataset *top, struct err *e) {
    w->depth = 0;
    w->next_slot = 0;
    w->frames[0] = (struct frame){.d = top};
    for (;;) {
        struct frame *f = &w->frames[w->depth];
        int rc;
        if (f->sequence != NULL && f->next < f->sequence->item_count) {
            rc = write_item(w, f->sequence->items[f->next++], e);
        } else if (f->sequence == NULL && f->next < f->d->count) {
            uint32_t i = f->next++;
            rc = write_node(w, &f->d->nodes[i], i == 0, e);
        } else if (w->depth == 0) {
            return E_OK;
        } else {
            rc = end(w, e);
        }
        if (rc != E_OK) {
            return rc;
        }
    }
}

static void init(struct writer *w, enum dcm_encoding encoding, struct dcm_sink sink) {
    memset(w, 0, offsetof(struct writer, frames));
    w->encoding = encoding;
    w->sink = sink;
    w->used = 0;
}

static bool may_copy_whole(const struct dcm_dataset *d, enum dcm_encoding encoding) {
    return !d->changed && d->encoding == encoding;
}

int dcm_write(const struct dcm_dataset *d, enum dcm_encoding encoding, struct dcm_sink sink,
              struct err *e) {
    if (may_copy_whole(d, encoding)) {
        return sink.put(sink.context, d->raw, e);
    }
    CLEANUP(cleanup_writer) struct writer w;
    init(&w, encoding, sink);
    w.measuring = true;
    int rc = walk(&w, d, e);
    if (rc != E_OK) {
        return rc;
    }
    w.measuring = false;
    rc = walk(&w, d, e);
    return rc != E_OK ? rc : flush(&w, e);
}

int dcm_write_length(const struct dcm_dataset *d, enum dcm_encoding encoding, uint64_t *ret_length,
                     struct err *e) {
    if (may_copy_whole(d, encoding)) {
        *ret_length = d->raw.len;
        return E_OK;
    }
    CLEANUP(cleanup_writer) struct writer w;
    init(&w, encoding, (struct dcm_sink){0});
    w.measuring = true;
    int rc = walk(&w, d, e);
    if (rc == E_OK) {
        *ret_length = w.frames[0].len;
    }
    return rc;
}
