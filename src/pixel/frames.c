// SPDX-License-Identifier: Apache-2.0
#include "pixel/frames.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "pixel/codestream.h"

#define ITEM_HEADER 8u

static struct px_range *new_ranges(struct arena *a, uint32_t count, struct err *e) {
    struct px_range *ranges = arena_array(a, count, sizeof *ranges);
    if (ranges == NULL) {
        err_set(e, E_MEMORY, "a table of %u frames", count);
    }
    return ranges;
}

int px_frames_native(struct arena *a, const struct px_image *im, uint64_t value_offset,
                     uint64_t value_length, struct px_frames *ret_frames, struct err *e) {
    uint64_t bits = px_image_frame_bits(im); // within limits: the image was checked
    uint64_t needed = (bits * im->frames + 7) / 8;
    if (value_length < needed) {
        err_set(e, E_TRUNCATED, "%llu bytes of pixel data where %u frames of %u x %u need %llu",
                (unsigned long long)value_length, im->frames, im->columns, im->rows,
                (unsigned long long)needed);
        return err_at(e, value_offset);
    }
    bool words = im->big_endian && im->pixel_vr == DCM_VR_OW && im->bits_allocated < 16;
    uint8_t unit = words ? 16 : 8;
    struct px_frames t = {.count = im->frames,
                          .source = PX_FRAMES_NATIVE,
                          .frame_bits = bits,
                          .unaligned = bits % unit != 0,
                          .word_bits = unit};
    t.ranges = new_ranges(a, t.count, e);
    if (t.ranges == NULL) {
        return e->code;
    }
    for (uint32_t i = 0; i < t.count; i++) {
        uint64_t first = bits * i / unit * (unit / 8u);
        uint64_t end = (bits * (i + 1) + unit - 1) / unit * (unit / 8u);
        t.ranges[i] = (struct px_range){value_offset + first, end - first, 0};
    }
    if (t.ranges[t.count - 1].offset + t.ranges[t.count - 1].length > value_offset + value_length) {
        err_set(e, E_TRUNCATED, "the last word of the pixel data is cut");
        return err_at(e, value_offset);
    }
    *ret_frames = t;
    return E_OK;
}

// The range from fragment `first` up to but not including `end`.
static struct px_range join(const struct px_encapsulated *from, uint32_t first, uint32_t end) {
    const struct dcm_fragment *a = &from->fragments[first];
    const struct dcm_fragment *z = &from->fragments[end - 1];
    uint64_t start = a->offset + ITEM_HEADER;
    return (struct px_range){start, z->offset + ITEM_HEADER + z->bytes.len - start, end - first};
}

// Frame i begins with the fragment that lies starts[i] bytes behind the first one's item tag
// (PS3.5 A.4). Both lists ascend, so one walk finds all. false: the table does not fit the
// fragments.
static bool apply_offsets(const struct px_encapsulated *from, struct slice table, size_t width,
                          struct px_frames *t) {
    uint64_t base = from->fragments[1].offset;
    uint32_t fragment = 1;
    for (uint32_t i = 0; i < t->count; i++) {
        const uint8_t *p = table.ptr + i * width;
        uint64_t start = width == 8 ? num_le64(p) : num_le32(p);
        uint32_t first = fragment;
        while (fragment < from->count && from->fragments[fragment].offset - base < start) {
            fragment++;
        }
        if (fragment == from->count || from->fragments[fragment].offset - base != start ||
            (i > 0 && fragment == first) || (i == 0 && start != 0)) {
            return false;
        }
        if (i > 0) {
            t->ranges[i - 1] = join(from, first, fragment);
        }
    }
    t->ranges[t->count - 1] = join(from, fragment, from->count);
    return true;
}

// Extended tables say the length too; a padding byte may follow (PS3.3 C.7.6.3.1.9).
static bool lengths_fit(const struct px_encapsulated *from, const struct px_frames *t) {
    if (from->extended_lengths.len < (size_t)t->count * 8) {
        return false;
    }
    for (uint32_t i = 0; i < t->count; i++) {
        uint64_t said = num_le64(from->extended_lengths.ptr + (size_t)i * 8);
        if (t->ranges[i].fragments != 1 || said > t->ranges[i].length ||
            t->ranges[i].length - said > 1) {
            return false;
        }
    }
    return true;
}

static bool by_extended_table(const struct px_encapsulated *from, struct px_frames *t) {
    if (from->extended_offsets.len < (size_t)t->count * 8) {
        return false;
    }
    return apply_offsets(from, from->extended_offsets, 8, t) && lengths_fit(from, t);
}

static bool by_basic_table(const struct px_encapsulated *from, struct px_frames *t) {
    struct slice table = from->fragments[0].bytes;
    return table.len == (size_t)t->count * 4 && apply_offsets(from, table, 4, t);
}

static bool one_each(const struct px_encapsulated *from, struct px_frames *t) {
    if (from->count - 1 != t->count) {
        return false;
    }
    for (uint32_t i = 0; i < t->count; i++) {
        t->ranges[i] = join(from, i + 1, i + 2);
    }
    return true;
}

// A fragment that starts a code stream starts a frame (PS3.5 A.4: frames are not mixed in
// fragments).
static bool by_scan(const struct px_encapsulated *from, enum px_stream stream, struct px_frames *t,
                    uint32_t *ret_found) {
    uint32_t first = 1;
    uint32_t found = 0;
    for (uint32_t i = 2; i <= from->count; i++) {
        bool last = i == from->count;
        if (!last && !px_stream_starts(stream, from->fragments[i].bytes)) {
            continue;
        }
        if (found < t->count) {
            t->ranges[found] = join(from, first, i);
        }
        found++;
        first = i;
    }
    *ret_found = found;
    return found == t->count;
}

static int cannot_divide(const struct px_image *im, const struct px_encapsulated *from,
                         uint32_t found, struct err *e) {
    uint32_t present = from->count - 1;
    if (present < im->frames) {
        err_set(e, E_TRUNCATED, "%u frames declared, %u fragments present", im->frames, present);
    } else {
        err_set(e, E_MISMATCH,
                "%u frames declared, %u found in %u fragments without a usable "
                "offset table",
                im->frames, found, present);
    }
    return err_at(e, from->fragments[0].offset);
}

static int divide(const struct px_image *im, const struct px_encapsulated *from,
                  struct px_frames *t, struct err *e) {
    bool has_table = from->extended_offsets.len > 0 || from->fragments[0].bytes.len > 0;
    uint32_t found = 0;
    enum px_stream stream = px_stream_of(im->syntax->uid);
    if (im->syntax->video) {
        t->count = 1;
        t->ranges[0] = join(from, 1, from->count);
        t->source = PX_FRAMES_STREAM;
    } else if (by_extended_table(from, t)) {
        t->source = PX_FRAMES_EXTENDED_TABLE;
    } else if (by_basic_table(from, t)) {
        t->source = PX_FRAMES_BASIC_TABLE;
    } else if (t->count == 1 && !px_stream_restarts(stream, from->fragments + 1, from->count - 1)) {
        t->ranges[0] = join(from, 1, from->count);
        t->source = PX_FRAMES_SINGLE;
        t->table_wrong = has_table;
    } else if (one_each(from, t)) {
        t->source = PX_FRAMES_ONE_EACH;
        t->table_wrong = has_table;
    } else if (by_scan(from, stream, t, &found)) {
        t->source = PX_FRAMES_SCANNED;
        t->table_wrong = has_table;
    } else {
        return cannot_divide(im, from, found, e);
    }
    return E_OK;
}

// Some writers end with an empty fragment: it belongs to nobody.
static struct px_encapsulated without_tail(const struct px_encapsulated *from) {
    struct px_encapsulated cut = *from;
    while (cut.count > 1 && cut.fragments[cut.count - 1].bytes.len == 0) {
        cut.count--;
    }
    return cut;
}

int px_frames_encapsulated(struct arena *a, const struct px_image *im,
                           const struct px_encapsulated *from, struct px_frames *ret_frames,
                           struct err *e) {
    struct px_encapsulated cut = without_tail(from);
    if (cut.count < 2) {
        err_set(e, E_TRUNCATED, "%u frames declared, no fragment present", im->frames);
        return from->count == 0 ? e->code : err_at(e, from->fragments[0].offset);
    }
    struct px_frames t = {.count = im->frames, .word_bits = 8};
    t.ranges = new_ranges(a, t.count, e);
    int code = t.ranges == NULL ? e->code : divide(im, &cut, &t, e);
    for (uint32_t i = 0; code == E_OK && i < t.count; i++) {
        if (t.ranges[i].length <= (uint64_t)ITEM_HEADER * (t.ranges[i].fragments - 1)) {
            err_set(e, E_TRUNCATED, "frame %u is empty", i + 1);
            code = err_at(e, t.ranges[i].offset);
        }
    }
    if (code == E_OK) {
        *ret_frames = t;
    }
    return code;
}

static struct slice value_of(const struct dcm_dataset *d, dcm_tag tag) {
    const struct dcm_node *n = dcm_get(d, tag);
    return n == NULL ? (struct slice){0} : n->value;
}

int px_frames_build(struct arena *a, const struct px_image *im, const struct dcm_dataset *d,
                    struct px_frames *ret_frames, struct err *e) {
    static const dcm_tag tags[] = {DCM_PixelData, DCM_FloatPixelData, DCM_DoubleFloatPixelData};
    const struct dcm_node *n = dcm_get(d, tags[im->kind]);
    char path[DCM_TAG_TEXT_LEN + 1];
    if (n == NULL) {
        return err_set(e, E_NOT_FOUND, "the data set has no pixel data");
    }
    int code;
    if (n->fragment_count > 0) {
        struct px_encapsulated from = {n->fragments, n->fragment_count,
                                       value_of(d, DCM_ExtendedOffsetTable),
                                       value_of(d, DCM_ExtendedOffsetTableLengths)};
        code = im->syntax->encapsulated
                   ? px_frames_encapsulated(a, im, &from, ret_frames, e)
                   : err_set(e, E_MISMATCH, "fragments in %s", im->syntax->name);
    } else if (im->syntax->encapsulated) {
        code = err_set(e, E_MISMATCH, "no fragments in %s", im->syntax->name);
    } else {
        uint64_t start = n->offset + (n->raw.len - n->value.len);
        code = px_frames_native(a, im, start, n->value.len, ret_frames, e);
    }
    if (code != E_OK) {
        (void)err_at(e, n->offset);
        (void)err_in(e, dcm_tag_text(n->tag, path));
    }
    return code;
}

// Puts the fragments of a range one behind the other. The first one's header lies before the range.
static int gather(struct slice file, const struct px_range *r, struct buf *out, struct err *e) {
    uint64_t at = r->offset - ITEM_HEADER;
    uint64_t end = r->offset + r->length;
    buf_clear(out);
    for (uint32_t i = 0; i < r->fragments; i++) {
        if (end - at < ITEM_HEADER) {
            return err_set(e, E_CORRUPT, "fragment %u lies outside its frame", i + 1);
        }
        const uint8_t *header = file.ptr + at;
        uint32_t len = num_le32(header + 4);
        at += ITEM_HEADER;
        if (DCM_TAG(num_le16(header), num_le16(header + 2)) != DCM_TAG_ITEM || len > end - at) {
            return err_set(e, E_CORRUPT, "fragment %u is not where the frame table says", i + 1);
        }
        buf_put(out, file.ptr + at, len);
        at += len;
    }
    return at == end ? buf_check(out, "a frame", e)
                     : err_set(e, E_CORRUPT, "fragments do not fill their frame");
}

int px_frames_bytes(const struct px_frames *t, struct slice file, uint32_t frame,
                    struct buf *scratch, struct slice *ret_bytes, struct err *e) {
    if (frame >= t->count || t->source == PX_FRAMES_STREAM) {
        return err_set(e, E_NOT_FOUND, "frame %u of %u", frame + 1, t->count);
    }
    const struct px_range *r = &t->ranges[frame];
    uint64_t end;
    if (!num_add(r->offset, r->length, &end) || end > file.len ||
        (r->fragments > 1 && r->offset < ITEM_HEADER)) {
        return err_set(e, E_CORRUPT, "frame %u ends behind the file's %zu bytes", frame + 1,
                       file.len);
    }
    struct slice bytes = slice_of(file.ptr + r->offset, (size_t)r->length);
    int code = r->fragments > 1 ? gather(file, r, scratch, e) : E_OK;
    if (code == E_OK) {
        *ret_bytes = r->fragments > 1 ? buf_slice(scratch) : bytes;
    }
    return code;
}
