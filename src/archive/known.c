// SPDX-License-Identifier: Apache-2.0
// Looking up instances that are in the catalogue (the first calls of register.h).
#include <string.h>

#include "archive/register.h"
#include "base/err.h"
#include "db/db.h"

static void copy_uid(char out[65], struct slice uid) {
    size_t len = uid.len < 64 ? uid.len : 64;
    memcpy(out, uid.ptr, len);
    out[len] = '\0';
}

#define KNOWN_SQL                                                                                  \
    "SELECT i.id, i.object, i.bytes, i.body_offset, i.sop_class, t.study_uid, s.series_uid,"       \
    " i.sop_instance, i.syntax FROM instance i JOIN series s ON s.id = i.series"                   \
    " JOIN study t ON t.id = s.study WHERE "

static int read_known(struct db_stmt *s, struct register_known *known, struct err *e) {
    int rc = db_step(s, e);
    if (rc != 1) {
        return rc;
    }
    struct slice object = db_blob(s, 1);
    if (object.len != HASH_LEN) {
        db_reset(s);
        return err_set(e, E_CORRUPT, "an instance without an object");
    }
    known->id = db_i64(s, 0);
    memcpy(known->object.bytes, object.ptr, HASH_LEN);
    known->bytes = (uint64_t)db_i64(s, 2);
    known->body_offset = (uint64_t)db_i64(s, 3);
    copy_uid(known->sop_class, db_text(s, 4));
    copy_uid(known->study, db_text(s, 5));
    copy_uid(known->series, db_text(s, 6));
    copy_uid(known->sop_instance, db_text(s, 7));
    copy_uid(known->syntax, db_text(s, 8));
    db_reset(s);
    return 1;
}

int register_find(struct db *db, struct slice sop_instance, struct register_known *ret_known,
                  struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, KNOWN_SQL "i.sop_instance = ?", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, sop_instance);
    return read_known(s, ret_known, e);
}

int register_find_object(struct db *db, const struct hash *object, struct register_known *ret_known,
                         struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, KNOWN_SQL "i.object = ?", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_blob(s, 1, slice_of(object->bytes, HASH_LEN));
    return read_known(s, ret_known, e);
}
