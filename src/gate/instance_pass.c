// SPDX-License-Identifier: Apache-2.0
// The order of a passage. A step that fails with an error of ours ends it as held; a refusal ends
// it at once. Nothing is written for what is not going to be released.
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "gate/instance.h"
#include "gate/instance_priv.h"
#include "gate/recognise.h"
#include "gate/structural.h"

struct passage {
    struct arena *arena;
    const struct gate_pass *ask;
    const struct gate_pass_out *out;
    struct slice bytes;
    struct gate_structural *s;
    struct gate_context c;
    struct gate_look look;
    struct buf crops;
    uint32_t last_crop; // behind the last number that was given
    struct gate_passed *p;
};

// --- structure ---------------------------------------------------------------------------------

#define HEADER_MAX 12 // bytes of an element's header: the reader may have given up within one

// Whether the first `len` bytes are a data set with its pixels.
static bool is_whole(struct passage *g, size_t len) {
    struct dcm_file file;
    struct dcm_dataset *d;
    struct err ignored = {0};
    return dcm_file_open(g->arena, slice_first(g->bytes, len), &file, &ignored) == E_OK &&
           !file.deflated && dcm_file_dataset(g->arena, &file, 0, &d, &ignored) == E_OK &&
           dcm_get(d, DCM_PixelData) != NULL;
}

// Bytes behind the pixels that are no element are no reason to refuse the image: it ends there.
// Where the reader stops before the pixels are whole the refusal stands.
static bool cut_behind_pixels(struct passage *g) {
    const struct err *why = &g->s->report.why;
    for (size_t back = 0; why->has_offset && back <= HEADER_MAX && back < why->offset; back++) {
        size_t end = (size_t)why->offset - back;
        if (end < g->bytes.len && is_whole(g, end)) {
            g->bytes = slice_first(g->bytes, end);
            return true;
        }
    }
    return false;
}

static bool is_about_bytes(enum gate_reason reason) {
    return reason == GATE_REASON_MALFORMED || reason == GATE_REASON_TRUNCATED ||
           reason == GATE_REASON_NOT_DICOM || reason == GATE_REASON_NESTING;
}

static int check_structure(struct passage *g) {
    int rc = gate_structural_run(g->arena, g->bytes, g->s);
    if (rc != E_OK && is_about_bytes(g->s->report.reason) && cut_behind_pixels(g)) {
        struct gate_report first = g->s->report;
        rc = gate_structural_run(g->arena, g->bytes, g->s);
        if (rc != E_OK) {
            g->s->report = first;
        } else {
            gate_notes_add(&g->c.notes, GATE_KIND_CONTAINER, GATE_DONE_REMOVED,
                           "behind the pixel data");
        }
    }
    if (rc != E_OK) {
        gate_object(&g->c, GATE_REFUSED, g->s->report.reason);
        g->p->why = g->s->report.why;
    }
    return rc;
}

static bool is_our_meta(dcm_tag tag) {
    static const dcm_tag known[] = {DCM_FileMetaInformationGroupLength,
                                    DCM_FileMetaInformationVersion,
                                    DCM_MediaStorageSOPClassUID,
                                    DCM_MediaStorageSOPInstanceUID,
                                    DCM_TransferSyntaxUID,
                                    DCM_ImplementationClassUID,
                                    DCM_ImplementationVersionName};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i] == tag) {
            return true;
        }
    }
    return false;
}

// What goes because the file is written anew: preamble, foreign meta information, what lies behind.
static void note_container(struct passage *g) {
    const struct dcm_file *f = &g->s->file;
    struct gate_notes *n = &g->c.notes;
    bool told = false;
    for (size_t i = 0; f->has_preamble && i < DCM_PREAMBLE_LEN; i++) {
        told |= g->bytes.ptr[i] != 0;
    }
    if (told) {
        gate_notes_add(n, GATE_KIND_CONTAINER, GATE_DONE_REMOVED, "preamble");
    }
    for (uint32_t i = 0; f->meta != NULL && i < f->meta->count; i++) {
        if (!is_our_meta(f->meta->nodes[i].tag)) {
            char path[DCM_TAG_TEXT_LEN + 1];
            gate_notes_add(n, GATE_KIND_CONTAINER, GATE_DONE_REMOVED, "meta %s",
                           dcm_tag_text(f->meta->nodes[i].tag, path));
        }
    }
    for (uint32_t i = 0; i < g->s->report.finding_count; i++) {
        const struct gate_finding *found = &g->s->report.findings[i];
        if (found->reason == GATE_REASON_TRAILING) {
            gate_notes_add(n, GATE_KIND_CONTAINER, GATE_DONE_REMOVED, "behind the data set");
        } else if (found->reason == GATE_REASON_ODDITY) {
            gate_notes_add(n, GATE_KIND_ENCODING, GATE_DONE_CLEANED, "%s", found->where.text);
        } else if (found->reason == GATE_REASON_META_REPAIRED) {
            gate_notes_add(n, GATE_KIND_ENCODING, GATE_DONE_REBUILT, "meta");
        }
    }
}

// --- whom it speaks of

// Names of files and folders are searched like a value; what they say is never written, but that
// they said something is told.
static void search_name(struct passage *g) {
    struct slice name = g->ask->name;
    struct gate_hit hit;
    if (name.len > 0 &&
        (gate_subject_find(g->c.subject, name, 0, false, &hit) || gate_recognise(name, 0, &hit))) {
        gate_notes_add(&g->c.notes, GATE_KIND_FILE_NAME, GATE_DONE_REPLACED, "file name");
    }
}

static int gather(struct passage *g, struct err *e) {
    struct gate_context *c = &g->c;
    c->subject = gate_subject_new(g->arena);
    if (c->subject == NULL) {
        return err_set(e, E_MEMORY, "terms of the instance");
    }
    int rc = gate_subject_gather(c->subject, g->s->dataset, e);
    if (rc == E_OK) { // told to the others: only what this instance itself says
        struct buf own;
        buf_init(&own, GATE_TERMS_MAX);
        gate_subject_pack(c->subject, &own);
        g->p->terms = own.failed ? slice_of(NULL, 0) : arena_copy(g->arena, buf_slice(&own));
        gate_wire_wipe(&own);
        buf_done(&own);
    }
    if (rc == E_OK && g->ask->terms.len > 0) {
        rc = gate_subject_unpack(c->subject, g->ask->terms, e);
    }
    if (rc == E_OK) {
        search_name(g);
        c->words = (struct gate_words){.subject = c->subject,
                                       .phrases = c->profile->phrases,
                                       .phrase_count = c->profile->phrase_count};
    }
    return rc;
}

static void take_origin(struct passage *g) {
    gate_header_origin(&g->c, g->s->dataset, &g->p->origin);
    g->c.has_day_zero = g->ask->has_day_zero || g->p->origin.has_day;
    g->c.day_zero = g->ask->has_day_zero ? g->ask->day_zero : g->p->origin.study_day;
}

static void take_facts(struct passage *g) {
    const struct gate_structural *s = g->s;
    struct gate_passed *p = g->p;
    struct slice text;
    memcpy(p->sop_class, s->sop_class, sizeof p->sop_class);
    memcpy(p->source_instance, s->sop_instance, sizeof p->source_instance);
    if (s->dataset != NULL && dcm_text(s->dataset, DCM_Modality, 0, &text) &&
        text.len < sizeof p->modality) {
        for (size_t i = 0; i < text.len; i++) {
            bool plain = (text.ptr[i] >= 'A' && text.ptr[i] <= 'Z') ||
                         (text.ptr[i] >= '0' && text.ptr[i] <= '9');
            p->modality[i] = plain ? (char)text.ptr[i] : '_';
        }
    }
    p->has_pixels = s->has_pixels;
    p->frames = s->pixels_known ? s->image.frames : 0;
    p->rows = s->pixels_known ? s->image.rows : 0;
    p->columns = s->pixels_known ? s->image.columns : 0;
}

// --- category, risk, face

// A consent on file lifts what needed consent, nothing else.
static void lift(struct gate_context *c, enum gate_reason reason) {
    uint32_t kept = 0;
    bool lifted = false;
    for (uint32_t i = 0; i < c->reason_count; i++) {
        if (c->reasons[i] == reason) {
            lifted = true;
        } else {
            c->reasons[kept++] = c->reasons[i];
        }
    }
    c->reason_count = kept;
    if (lifted && kept == 0) {
        c->verdict = GATE_RELEASED;
    }
}

static void judge_kind(struct passage *g) {
    g->p->category = gate_category_of(&g->c, g->s->dataset);
    if (g->ask->consent) {
        lift(&g->c, GATE_REASON_CATEGORY);
    }
    gate_risk_score(&g->c, g->s->dataset, &g->p->risk);
}

// --- pixels

static struct slice pack_look(struct passage *g) {
    struct buf b;
    buf_init(&b, GATE_LOOK_MAX);
    gate_look_pack(&g->look, &b);
    struct slice copy = b.failed ? slice_of(NULL, 0) : arena_copy(g->arena, buf_slice(&b));
    buf_done(&b);
    return copy;
}

static int look_at_pixels(struct passage *g, struct err *e) {
    struct slice counted = pass_counted(g->s, g->bytes);
    if (g->ask->look.len > 0) {
        int rc = gate_look_unpack(g->arena, g->ask->look, &g->s->image, &g->s->frames, counted,
                                  &g->look, e);
        g->p->crop_first = rc == E_OK ? g->look.crop_count : 0;
        return rc;
    }
    g->look.crops = &g->crops;
    return gate_pixels_look(&g->c, g->s->dataset, &g->s->image, &g->s->frames, counted, &g->look,
                            e);
}

static int examine(struct passage *g, struct gate_edit **ret_edits, uint32_t *ret_count,
                   struct err *e) {
    const struct gate_pass *ask = g->ask;
    struct gate_passed *p = g->p;
    if (!g->s->has_pixels || !g->c.profile->examine_pixels) {
        return E_OK;
    }
    if (!g->s->pixels_known) {
        gate_object(&g->c, GATE_HELD, GATE_REASON_PIXELS_UNREADABLE);
        return E_OK;
    }
    int rc = look_at_pixels(g, e);
    rc = rc == E_OK
             ? gate_pixels_decide(&g->c, &g->look, ask->readings, ask->reading_count, ask->orders,
                                  ask->order_count, ret_edits, ret_count, &p->need_reading, e)
             : rc;
    if (rc != E_OK) {
        return rc;
    }
    p->examined = g->look.examined;
    memcpy(p->pixel_digest, g->look.pixel_digest, sizeof p->pixel_digest);
    p->edits = *ret_edits;
    p->edit_count = *ret_count;
    g->last_crop = g->look.crop_count;
    p->boxes = g->look.boxes.list;
    p->box_count = g->look.boxes.count;
    p->look = pack_look(g);
    return E_OK;
}

// --- the header, writing, looking again

static void take_uid(const struct dcm_dataset *d, dcm_tag tag, char out[DCM_UID_MAX + 1]) {
    struct slice uid;
    if (dcm_text(d, tag, 0, &uid) && dcm_uid_usable(uid)) {
        memcpy(out, uid.ptr, uid.len);
        out[uid.len] = '\0';
    }
}

static int clean_header(struct passage *g, struct err *e) {
    struct dcm_dataset *d = g->s->dataset;
    int rc = gate_header_clean(&g->c, d, e);
    if (rc == E_OK && g->ask->defaced) {
        g->c.methods |= GATE_METHOD_FEATURES;
    }
    rc = rc == E_OK ? gate_header_mark(&g->c, d, e) : rc;
    take_uid(d, DCM_SOPInstanceUID, g->p->sop_instance);
    take_uid(d, DCM_StudyInstanceUID, g->p->study);
    take_uid(d, DCM_SeriesInstanceUID, g->p->series);
    take_uid(d, DCM_FrameOfReferenceUID, g->p->frame_of_reference);
    bool whole = g->p->sop_instance[0] != '\0' && g->p->study[0] != '\0' &&
                 g->p->series[0] != '\0' && g->p->origin.patient[0] != '\0';
    if (rc == E_OK && !whole) {
        rc = err_set(e, E_INTERNAL, "the cleaned instance has no identity");
    }
    return rc;
}

static int verify_pixels(struct passage *g, struct slice written, const struct gate_edit *edits,
                         uint32_t count, struct err *e) {
    if (!g->s->pixels_known || !g->c.profile->examine_pixels) {
        return E_OK;
    }
    struct gate_look again = {.crops = g->ask->want_crops ? &g->crops : NULL,
                              .crop_count = g->look.crop_count,
                              .first = &g->look,
                              .readings = g->ask->readings,
                              .reading_count = g->ask->reading_count};
    int rc = gate_pixels_verify(&g->c, written, edits, count, &again, e);
    g->p->need_reading |= again.need_reading;
    g->last_crop = again.crop_count;
    gate_boxes_done(&again.boxes);
    return rc;
}

static int verify_header(struct passage *g, struct slice written, struct err *e) {
    enum gate_kind kind;
    char where[GATE_WHERE_MAX];
    int rc = gate_residual_search(g->arena, g->c.subject, written, &kind, where, e);
    if (rc == 1) {
        gate_object(&g->c, GATE_HELD, GATE_REASON_CLEANING_FAILED);
        gate_notes_add(&g->c.notes, kind, GATE_DONE_LEFT, "%s", where);
        rc = E_OK;
    }
    return rc;
}

static int write_and_verify(struct passage *g, const struct gate_edit *edits, uint32_t count,
                            struct err *e) {
    struct gate_pixels_out done = {0};
    struct slice written;
    int rc = gate_pixels_write(
        &g->c, g->s->dataset, &g->s->file, g->s->pixels_known ? &g->s->image : NULL,
        g->s->pixels_known ? &g->s->frames : NULL, edits, count, &g->out->to, &done, e);
    rc = rc == E_OK ? g->out->reread(g->out->context, &written, e) : rc;
    rc = rc == E_OK ? verify_header(g, written, e) : rc;
    rc = rc == E_OK ? verify_pixels(g, written, edits, count, e) : rc;
    g->p->out_len = rc == E_OK ? written.len : 0;
    return rc;
}

// --- all of it

// With need_reading, the readings come first: a passage with them follows.
static bool is_worth_writing(const struct passage *g) {
    if (g->p->need_reading && g->ask->want_crops) {
        return false;
    }
    return g->c.verdict == GATE_RELEASED ||
           (g->c.verdict == GATE_HELD && g->ask->released_by_person);
}

static int judge(struct passage *g, struct err *e) {
    struct gate_edit *edits = NULL;
    uint32_t count = 0;
    int rc = gather(g, e);
    if (rc != E_OK) {
        return rc;
    }
    note_container(g);
    take_origin(g);
    judge_kind(g);
    if (g->c.verdict == GATE_REFUSED) {
        return E_OK;
    }
    rc = pass_face_facts(g->s, g->bytes, g->c.profile->examine_pixels, &g->p->slice, e);
    rc = rc == E_OK ? examine(g, &edits, &count, e) : rc;
    rc = rc == E_OK && g->c.verdict != GATE_REFUSED ? clean_header(g, e) : rc;
    return rc == E_OK && is_worth_writing(g) ? write_and_verify(g, edits, count, e) : rc;
}

// Nobody objected, but a step could not be done: held.
static void fail(struct passage *g, const struct err *why) {
    gate_object(&g->c, GATE_HELD, GATE_REASON_CLEANING_FAILED);
    g->p->why = *why;
    g->p->out_len = 0;
}

static void answer(struct passage *g) {
    struct gate_passed *p = g->p;
    p->verdict = g->c.verdict;
    p->reason_count = g->c.reason_count;
    memcpy(p->reasons, g->c.reasons, sizeof p->reasons);
    p->lines = g->c.notes.lines;
    p->line_count = g->c.notes.count;
    p->lines_dropped = g->c.notes.dropped;
    p->methods = g->c.methods;
    if (g->ask->want_crops && p->need_reading && !g->crops.failed) {
        p->crops = buf_slice(&g->crops);
        p->crop_count = g->last_crop - p->crop_first;
    }
}

// What was not written is not released, whatever nobody objected to: a reading is still to come, or
// something here is wrong.
static void check_written(struct passage *g) {
    if (g->c.verdict != GATE_RELEASED || g->p->out_len > 0) {
        return;
    }
    if (g->p->need_reading) {
        gate_object(&g->c, GATE_HELD, GATE_REASON_TEXT_UNSURE);
        return;
    }
    gate_object(&g->c, GATE_HELD, GATE_REASON_CLEANING_FAILED);
    (void)err_set(&g->p->why, E_INTERNAL, "nothing was written");
}

static void free_boxes(void *boxes) { gate_boxes_done(boxes); }
static void free_crops(void *crops) { buf_done(crops); }

int gate_pass_run(struct arena *a, const struct gate_pass *ask, struct slice bytes,
                  const struct gate_pass_out *out, struct gate_passed *ret_passed, struct err *e) {
    struct gate_profile *profile;
    int rc = gate_profile_unpack(a, ask->profile, &profile, e);
    struct passage *g = arena_new(a, struct passage);
    if (rc != E_OK) {
        return rc;
    }
    // Boxes and crops lie in what is answered: they go with the arena.
    if (g == NULL || !arena_defer(a, free_boxes, &g->look.boxes) ||
        !arena_defer(a, free_crops, &g->crops)) {
        return err_set(e, E_MEMORY, "passage");
    }
    *g = (struct passage){.arena = a, .ask = ask, .out = out, .bytes = bytes, .p = ret_passed};
    memset(ret_passed, 0, sizeof *ret_passed);
    buf_init(&g->crops, GATE_CROPS_MAX);
    g->c = (struct gate_context){.arena = a, .profile = profile, .key = ask->key};
    gate_notes_init(&g->c.notes, a);
    g->s = arena_new(a, struct gate_structural);
    if (g->s == NULL) {
        return err_set(e, E_MEMORY, "passage");
    }
    struct err why = {0};
    rc = check_structure(g);
    take_facts(g);
    rc = rc == E_OK ? judge(g, &why) : E_OK;
    if (rc == E_FULL || rc == E_IO) { // the disk's doing, not the instance's
        *e = why;
        return rc;
    }
    if (rc < 0) {
        fail(g, &why);
    }
    check_written(g);
    answer(g);
    return E_OK;
}
