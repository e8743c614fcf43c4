// SPDX-License-Identifier: Apache-2.0
// Retrieval from rows: places in files and joined metadata.
#include "archive/retrieve.h"

#include "archive/bulk.h"
#include "archive/segment.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "db/db.h"
#include "dicom/uid.h"
#include "pixel/frames_pack.h"

#define ITEM_HEADER 8

static bool given(const char *uid) { return uid != NULL && *uid != '\0'; }

// "… WHERE" of everything below the path, in order of series and instances.
#define BELOW_FROM                                                                                 \
    " FROM study t JOIN series s ON s.study = t.id JOIN instance i ON i.series = s.id"
#define BELOW_ORDER " ORDER BY s.series_number_key, s.id, i.instance_number_key, i.id"

static int prepare_below(struct db *db, const char *columns, const char *joins,
                         const struct retrieve_path *path, struct db_stmt **ret_stmt,
                         struct err *e) {
    char sql[1024];
    bool series = given(path->series);
    bool instance = given(path->instance);
    (void)snprintf(sql, sizeof sql, "SELECT %s" BELOW_FROM "%s WHERE t.study_uid = ?%s%s%s",
                   columns, joins, series ? " AND s.series_uid = ?" : "",
                   instance ? " AND i.sop_instance = ?" : "", BELOW_ORDER);
    struct db_stmt *s;
    int rc = db_prepare(db, sql, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    int at = 1;
    db_bind_text(s, at++, slice_str(path->study));
    if (series) {
        db_bind_text(s, at++, slice_str(path->series));
    }
    if (instance) {
        db_bind_text(s, at, slice_str(path->instance));
    }
    *ret_stmt = s;
    return E_OK;
}

static int nothing(struct err *e) {
    return err_set(e, E_NOT_FOUND, "nothing in the archive has these UIDs");
}

static void copy_uid(char out[65], struct slice uid) {
    size_t len = uid.len < 64 ? uid.len : 64;
    memcpy(out, uid.ptr, len);
    out[len] = '\0';
}

static int read_instance(struct db_stmt *s, struct retrieve_instance *out, struct err *e) {
    struct slice object = db_blob(s, 0);
    if (object.len != HASH_LEN) {
        return err_set(e, E_CORRUPT, "an instance without an object");
    }
    memcpy(out->object.bytes, object.ptr, HASH_LEN);
    out->len = (uint64_t)db_i64(s, 1);
    copy_uid(out->study, db_text(s, 2));
    copy_uid(out->series, db_text(s, 3));
    copy_uid(out->instance, db_text(s, 4));
    copy_uid(out->sop_class, db_text(s, 5));
    copy_uid(out->syntax, db_text(s, 6));
    out->frames = (uint32_t)db_i64(s, 7);
    out->rows = (uint32_t)db_i64(s, 8);
    out->columns = (uint32_t)db_i64(s, 9);
    out->samples = (uint32_t)db_i64(s, 10);
    out->bits_allocated = (uint32_t)db_i64(s, 11);
    int64_t number = db_i64(s, 12);
    out->instance_number = number == INT64_MAX ? UINT64_MAX : (uint64_t)number;
    out->body_offset = (uint64_t)db_i64(s, 13);
    return E_OK;
}

#define INSTANCE_COLUMNS                                                                           \
    "i.object, i.bytes, t.study_uid, s.series_uid, i.sop_instance, i.sop_class, i.syntax,"         \
    " i.frames, i.image_rows, i.image_columns, i.samples, i.bits_allocated, "                      \
    "i.instance_number_key,"                                                                       \
    " i.body_offset"

int retrieve_list(struct db *db, const struct retrieve_path *path, struct arena *a,
                  struct retrieve_instance **ret_list, size_t *ret_count, struct err *e) {
    struct buf rows CLEANUP(cleanup_buf); // of struct retrieve_instance
    buf_init(&rows, a->limit);
    struct db_stmt *s;
    int rc = prepare_below(db, INSTANCE_COLUMNS, "", path, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    while ((rc = db_step(s, e)) == 1) {
        struct retrieve_instance row = {0};
        rc = read_instance(s, &row, e);
        buf_put(&rows, &row, sizeof row);
        rc = rc == E_OK ? buf_check(&rows, "list of instances", e) : rc;
        if (rc != E_OK) {
            db_reset(s);
            return rc;
        }
    }
    if (rc < 0 || rows.len == 0) {
        return rc < 0 ? rc : nothing(e);
    }
    void *list = arena_alloc(a, rows.len);
    if (list == NULL) {
        return err_set(e, E_MEMORY, "list of instances");
    }
    memcpy(list, rows.data, rows.len);
    *ret_list = list;
    *ret_count = rows.len / sizeof **ret_list;
    return E_OK;
}

int retrieve_by_id(struct db *db, int64_t id, struct retrieve_instance *ret_instance,
                   struct err *e) {
    struct db_stmt *s;
    struct retrieve_instance row = {0};
    int rc = db_prepare(db,
                        "SELECT " INSTANCE_COLUMNS " FROM instance i"
                        " JOIN series s ON s.id = i.series JOIN study t ON t.id = s.study"
                        " WHERE i.id = ?",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, id);
    int found = db_step(s, e);
    if (found != 1) {
        return found;
    }
    rc = read_instance(s, &row, e);
    db_reset(s);
    if (rc != E_OK) {
        return rc;
    }
    *ret_instance = row;
    return 1;
}

// --- places in one object

static int find_data(struct db *db, const char *column, const struct hash *object,
                     struct db_stmt **ret_stmt, struct err *e) {
    char sql[200];
    (void)snprintf(sql, sizeof sql,
                   "SELECT d.%s, i.syntax FROM instance i JOIN instance_data d ON d.instance = i.id"
                   " WHERE i.object = ?",
                   column);
    struct db_stmt *s;
    int rc = db_prepare(db, sql, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_blob(s, 1, slice_of(object->bytes, HASH_LEN));
    rc = db_step(s, e);
    if (rc != 1) {
        return rc < 0 ? rc : nothing(e);
    }
    *ret_stmt = s;
    return E_OK;
}

static int check_in_file(struct db_stmt *s, int syntax_column, struct err *e) {
    return slice_eq_str(db_text(s, syntax_column), DCM_DEFLATED_UID)
               ? err_set(e, E_NOT_ACCEPTABLE,
                         "the data set is stored deflated: its values lie in no range of the file")
               : E_OK;
}

// A frame of several fragments: their places, from the bulk table.
static int fragment_ranges(struct slice table, uint32_t frame, uint32_t count, struct arena *a,
                           struct retrieve_range **ret_ranges, size_t *ret_count, struct err *e) {
    struct retrieve_range *ranges = arena_array(a, count, sizeof *ranges);
    if (ranges == NULL) {
        return err_set(e, E_MEMORY, "frame");
    }
    char path[32];
    (void)snprintf(path, sizeof path, BULK_FRAME_PATH, frame);
    struct bulk_entry entry;
    size_t found = 0;
    int rc;
    while ((rc = bulk_next(&table, &entry, e)) == 1) {
        if (found < count && slice_eq_str(entry.path, path)) {
            ranges[found++] = (struct retrieve_range){entry.offset, entry.len};
        }
    }
    if (rc < 0 || found != count) {
        return rc < 0 ? rc : err_set(e, E_CORRUPT, "fragments of frame %u", frame);
    }
    *ret_ranges = ranges;
    *ret_count = found;
    return E_OK;
}

static int frame_ranges(const struct px_frames *t, struct slice bulk, uint32_t frame,
                        struct arena *a, struct retrieve_range **ret_ranges, size_t *ret_count,
                        struct err *e) {
    if (frame == 0 || frame > t->count) {
        return err_set(e, E_NOT_FOUND, "frame %u of %u", frame, t->count);
    }
    const struct px_range *r = &t->ranges[frame - 1];
    if (t->unaligned && px_frames_bit_offset(t, frame - 1) != 0) {
        return err_set(e, E_NOT_ACCEPTABLE, "frame %u begins within a byte", frame);
    }
    if (r->fragments > 1) {
        return fragment_ranges(bulk, frame, r->fragments, a, ret_ranges, ret_count, e);
    }
    struct retrieve_range *ranges = arena_new(a, struct retrieve_range);
    if (ranges == NULL) {
        return err_set(e, E_MEMORY, "frame");
    }
    *ranges = (struct retrieve_range){r->offset, r->length};
    *ret_ranges = ranges;
    *ret_count = 1;
    return E_OK;
}

int retrieve_frame(struct db *db, const struct hash *object, uint32_t frame, struct arena *a,
                   struct retrieve_range **ret_ranges, size_t *ret_count, struct err *e) {
    struct db_stmt *s = NULL;
    int rc = find_data(db, "frame_table, d.bulk_table", object, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    struct px_frames t = {0};
    struct slice packed = db_blob(s, 0);
    rc = check_in_file(s, 2, e);
    if (rc == E_OK && packed.len > 0) {
        rc = px_frames_unpack(a, packed, &t, e);
    }
    if (rc == E_OK) {
        rc = frame_ranges(&t, db_blob(s, 1), frame, a, ret_ranges, ret_count, e);
    }
    db_reset(s);
    return rc;
}

static int find_bulk(struct db *db, const struct hash *object, const char *bulk_path, bool inflated,
                     struct retrieve_range *ret_range, struct err *e) {
    struct db_stmt *s = NULL;
    int rc = find_data(db, "bulk_table", object, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    struct slice rest = db_blob(s, 0);
    struct bulk_entry entry;
    rc = inflated ? E_OK : check_in_file(s, 1, e);
    if (rc == E_OK) {
        do {
            rc = bulk_next(&rest, &entry, e);
        } while (rc == 1 && !slice_eq_str(entry.path, bulk_path));
    }
    db_reset(s);
    if (rc != 1) {
        return rc < 0 ? rc : err_set(e, E_NOT_FOUND, "no bulk value of this name");
    }
    *ret_range = (struct retrieve_range){entry.offset, entry.len};
    return E_OK;
}

int retrieve_bulk(struct db *db, const struct hash *object, const char *bulk_path,
                  struct retrieve_range *ret_range, struct err *e) {
    return find_bulk(db, object, bulk_path, false, ret_range, e);
}

int retrieve_bulk_inflated(struct db *db, const struct hash *object, const char *bulk_path,
                           struct retrieve_range *ret_range, struct err *e) {
    return find_bulk(db, object, bulk_path, true, ret_range, e);
}

// --- metadata

static int join_gzip(struct db_stmt *s, struct buf *out, uint64_t *ret_count, struct err *e) {
    struct segment_join j;
    uint64_t count = 0;
    int rc;
    segment_begin(&j, out);
    while ((rc = db_step(s, e)) == 1) {
        segment_text(&j, slice_str(count++ == 0 ? "[" : ","));
        segment_add(&j, db_blob(s, 0), (uint32_t)db_i64(s, 2), (uint64_t)db_i64(s, 1));
    }
    segment_text(&j, slice_str("]"));
    segment_end(&j);
    *ret_count = count;
    return rc;
}

static int join_plain(struct db_stmt *s, struct buf *out, uint64_t *ret_count, struct err *e) {
    uint64_t count = 0;
    int rc;
    while ((rc = db_step(s, e)) == 1) {
        buf_put_str(out, count++ == 0 ? "[" : ",");
        rc = segment_inflate(db_blob(s, 0), (uint32_t)db_i64(s, 2), (uint64_t)db_i64(s, 1), out, e);
        if (rc != E_OK) {
            db_reset(s);
            return rc;
        }
    }
    buf_put_str(out, "]");
    *ret_count = count;
    return rc;
}

int retrieve_metadata(struct db *db, const struct retrieve_path *path, bool gzip, struct buf *out,
                      struct err *e) {
    struct db_stmt *s;
    int rc = prepare_below(db, "d.metadata, d.metadata_len, d.metadata_crc",
                           " JOIN instance_data d ON d.instance = i.id", path, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    size_t before = out->len;
    uint64_t count = 0;
    rc = gzip ? join_gzip(s, out, &count, e) : join_plain(s, out, &count, e);
    rc = rc == E_OK ? buf_check(out, "metadata", e) : rc;
    rc = rc == E_OK && count == 0 ? nothing(e) : rc;
    if (rc != E_OK && out->len > before) {
        out->len = before;
    }
    return rc;
}
