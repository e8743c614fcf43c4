// SPDX-License-Identifier: Apache-2.0
// The first half of an arrival's way: the worker's look at it, and what the server believes of
// that.
#include <unistd.h>

#include "archive/archive.h"
#include "archive/bulk.h"
#include "archive/entry.h"
#include "archive/jobs.h"
#include "archive/register.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"
#include "dicom/uid.h"
#include "pixel/frames_pack.h"
#include "worker/worker.h"

#define ANSWER_MAX ((size_t)64 << 20)
#define TABLES_MAX ((size_t)64 << 20)
#define TEXTS_MAX ((size_t)4 << 20)

struct entry *entry_new(uint64_t tag) {
    struct entry *entry = mem_zalloc(sizeof *entry);
    if (entry != NULL) {
        entry->result.tag = tag;
        entry->item.fd = -1;
        entry->kept = -1;
        entry->source = -1;
        entry->out = (struct entry_out){.fd = -1, .item = {.fd = -1}};
        buf_init(&entry->held.texts, TEXTS_MAX);
        buf_init(&entry->answer, ANSWER_MAX);
    }
    return entry;
}

void entry_free(struct entry *entry) {
    if (entry != NULL) {
        cleanup_fd(&entry->source);
        store_item_done(&entry->item);
        cleanup_fd(&entry->kept);
        cleanup_fd(&entry->out.fd);
        store_item_done(&entry->out.item);
        buf_done(&entry->held.texts);
        buf_done(&entry->answer);
        mem_free((void *)(uintptr_t)entry->orders.edits);
        mem_free(entry->path);
        mem_free(entry);
    }
}

void entry_decide(struct entry *entry, enum intake_verdict verdict, const struct err *why) {
    entry->result.verdict = verdict;
    entry->result.why = why == NULL ? (struct err){0} : *why;
    entry->decided = true;
}

static void take_known(struct intake_result *r, const struct register_known *known) {
    memcpy(r->sop_class, known->sop_class, sizeof r->sop_class);
    memcpy(r->sop_instance, known->sop_instance, sizeof r->sop_instance);
    memcpy(r->study, known->study, sizeof r->study);
    memcpy(r->series, known->series, sizeof r->series);
    memcpy(r->sent_instance, known->sop_instance, sizeof r->sent_instance);
}

static int check_known(struct archive *a, struct entry *entry, struct err *e) {
    struct db *db;
    int rc = archive_reader(a, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    struct register_known known;
    rc = register_find_object(db, &entry->hash, &known, e);
    archive_reader_done(a, db);
    if (rc != 1) {
        return rc;
    }
    CLEANUP(cleanup_fd) int fd = -1;
    if (store_object_open(archive_store(a), &known.object, &fd, e) == E_OK) {
        take_known(&entry->result, &known);
        entry->result.object = known.object;
        entry_decide(entry, INTAKE_DUPLICATE, NULL);
    } // else the object was lost: the usual way brings it back
    err_clear(e);
    return E_OK;
}

static int copy_in(struct store_delivery *delivery, struct entry *entry, struct err *e) {
    int rc = store_item_begin(delivery, &entry->item, e);
    rc = rc == E_OK ? store_item_copy(&entry->item, entry->source, e) : rc;
    rc = rc == E_OK ? store_item_seal(&entry->item, e) : rc;
    cleanup_fd(&entry->source);
    return rc;
}

void entry_arrive(struct archive *a, struct store_delivery *delivery, struct entry *entry) {
    struct err e = {0};
    int rc = entry->source >= 0 ? copy_in(delivery, entry, &e) : E_OK;
    if (rc == E_OK) {
        entry->hash = entry->item.hash;
        entry->len = entry->item.len;
        rc = check_known(a, entry, &e);
    }
    if (rc < 0) {
        entry_decide(entry, INTAKE_FAILED, &e);
    }
}

static void copy_text(char *out, size_t size, struct slice text) {
    size_t len = text.len < size - 1 ? text.len : size - 1;
    memcpy(out, text.ptr, len);
    out[len] = '\0';
}

static void copy_uid(char out[65], struct slice uid) {
    copy_text(out, 65, dcm_uid_usable(uid) ? uid : slice_str(""));
}

// Of a refused file as far as they could be read.
static void take_uids(struct intake_result *r, const struct record *record) {
    const struct slice *texts = record->texts;
    copy_uid(r->sop_class, texts[ATTRIBUTE_sop_class]);
    copy_uid(r->sop_instance, texts[ATTRIBUTE_sop_instance]);
    copy_uid(r->study, texts[ATTRIBUTE_study_uid]);
    copy_uid(r->series, texts[ATTRIBUTE_series_uid]);
}

// What offsets of tables count in: the file, or what a deflated one inflates to (not known here).
static uint64_t table_limit(const struct entry *entry) {
    return slice_eq_str(entry->record.syntax, DCM_DEFLATED_UID) ? INT64_MAX : entry->len;
}

static bool within(uint64_t offset, uint64_t len, uint64_t limit) {
    return offset <= limit && len <= limit - offset;
}

static int check_frames(const struct entry *entry, struct arena *a, struct err *e) {
    const struct record *r = &entry->record;
    struct px_frames frames;
    if (r->frame_table.len == 0) {
        return E_OK;
    }
    if (px_frames_unpack(a, r->frame_table, &frames, e) != E_OK) {
        return err_set(e, E_CRASHED, "the worker's frame table makes no sense");
    }
    for (uint32_t i = 0; i < frames.count; i++) {
        if (!within(frames.ranges[i].offset, frames.ranges[i].length, table_limit(entry))) {
            return err_set(e, E_CRASHED, "the worker's frame table points outside the file");
        }
    }
    return E_OK;
}

static int check_bulk(const struct entry *entry, struct err *e) {
    struct slice rest = entry->record.bulk_table;
    struct bulk_entry value;
    int rc;
    while ((rc = bulk_next(&rest, &value, e)) == 1) {
        if (!within(value.offset, value.len, table_limit(entry))) {
            return err_set(e, E_CRASHED, "the worker's bulk table points outside the file");
        }
    }
    return rc == 0 ? E_OK : err_set(e, E_CRASHED, "the worker's bulk table makes no sense");
}

static int check_tables(const struct entry *entry, struct err *e) {
    struct arena a;
    arena_init(&a, TABLES_MAX);
    int rc = entry->record.body_offset <= entry->len
                 ? check_frames(entry, &a, e)
                 : err_set(e, E_CRASHED, "the worker's answer points outside the file");
    arena_done(&a);
    return rc == E_OK ? check_bulk(entry, e) : rc;
}

// One look; E_OK leaves a record.
static int look(struct archive *a, struct entry *entry, struct err *e) {
    buf_clear(&entry->answer);
    int rc = worker_run(archive_workers(a), JOB_INTAKE, slice_str(""), entry->item.fd, -1,
                        &entry->answer, e);
    if (rc < 0) {
        return rc;
    }
    rc = record_read(buf_slice(&entry->answer), &entry->record, e);
    if (rc != E_OK) {
        return rc;
    }
    const struct gate_report *report = &entry->record.report;
    take_uids(&entry->result, &entry->record);
    if (!entry->gated) {
        memcpy(entry->result.sent_instance, entry->result.sop_instance,
               sizeof entry->result.sent_instance);
        entry->result.findings = report->finding_count;
    }
    if (report->verdict != GATE_RELEASED) {
        copy_text(entry->result.reason, sizeof entry->result.reason,
                  slice_str(gate_reason_code(report->reason)));
        *e = report->why;
        return e->code;
    }
    return entry->record.needs_meta ? E_OK : check_tables(entry, e);
}

// A second file in quarantine takes the place of the first: the same data set as a proper Part 10
// file.
static int write_anew(struct archive *a, struct store_delivery *delivery, struct entry *entry,
                      struct err *e) {
    struct store_item made = {.fd = -1};
    struct store_item fresh = {.fd = -1};
    struct buf nothing CLEANUP(cleanup_buf);
    buf_init(&nothing, 4096);
    int rc = store_item_begin(delivery, &made, e);
    rc = rc == E_OK ? worker_run(archive_workers(a), JOB_REWRITE, slice_str(""), entry->item.fd,
                                 made.fd, &nothing, e)
                    : rc;
    rc = rc >= 0 ? store_item_seal(&made, e) : rc; // from here on it is read
    rc = rc == E_OK ? store_item_begin(delivery, &fresh, e) : rc;
    rc = rc == E_OK ? store_item_copy(&fresh, made.fd, e) : rc;
    rc = rc == E_OK ? store_item_seal(&fresh, e) : rc;
    store_item_done(&made);
    if (rc < 0) {
        store_item_done(&fresh);
        return rc;
    }
    store_item_done(&entry->item);
    entry->item = fresh;
    entry->hash = fresh.hash;
    entry->len = fresh.len;
    return E_OK;
}

// Ours: the disk, the database, no free worker. Everything else is the file's.
static bool is_ours(int code) {
    return code == E_BUSY || code == E_FULL || code == E_IO || code == E_DATABASE ||
           code == E_INTERNAL;
}

void entry_examine(struct archive *a, struct store_delivery *delivery, struct entry *entry) {
    struct err e = {0};
    int rc = look(a, entry, &e);
    if (rc >= 0 && entry->record.needs_meta) {
        rc = write_anew(a, delivery, entry, &e);
        rc = rc == E_OK ? look(a, entry, &e) : rc;
        if (rc >= 0 && entry->record.needs_meta) {
            rc = err_set(&e, E_INTERNAL, "the file written anew is not right either");
        }
    }
    if (rc < 0) {
        entry_decide(entry, is_ours(rc) ? INTAKE_FAILED : INTAKE_REFUSED, &e);
    }
}
