// SPDX-License-Identifier: Apache-2.0
// The table of structural checks.
#include "gate/structural.h"

#include "base/arena.h"
#include "dicom/tags.h"
#include "dicom/uid.h"

#define MEDIA_DIRECTORY_UID "1.2.840.10008.1.3.10"

struct check {
    int (*run)(struct arena *a, struct slice bytes, struct gate_structural *s, struct err *e);
    enum gate_reason reason; // unless the error says more
};

static int check_empty(struct arena *a, struct slice bytes, struct gate_structural *s,
                       struct err *e) {
    (void)a;
    (void)s;
    return bytes.len == 0 ? err_set(e, E_NOT_DICOM, "the file is empty") : E_OK;
}

static void take_meta_uid(const struct dcm_dataset *meta, dcm_tag tag, char out[DCM_UID_MAX + 1]) {
    struct slice uid;
    if (meta != NULL && dcm_text(meta, tag, 0, &uid) && dcm_uid_usable(uid)) {
        memcpy(out, uid.ptr, uid.len);
        out[uid.len] = '\0';
    }
}

// The names of the meta information stand until the data set has told its own: of a file that is
// refused before that the sender still learns which it was.
static int check_open(struct arena *a, struct slice bytes, struct gate_structural *s,
                      struct err *e) {
    int rc = dcm_file_open(a, bytes, &s->file, e);
    if (rc == E_OK) {
        take_meta_uid(s->file.meta, DCM_MediaStorageSOPClassUID, s->sop_class);
        take_meta_uid(s->file.meta, DCM_MediaStorageSOPInstanceUID, s->sop_instance);
    }
    return rc;
}

static int check_parse(struct arena *a, struct slice bytes, struct gate_structural *s,
                       struct err *e) {
    (void)bytes;
    int rc = dcm_file_dataset(a, &s->file, 0, &s->dataset, e);
    s->oddities = s->file.oddities;
    return rc;
}

static int check_directory(struct arena *a, struct slice bytes, struct gate_structural *s,
                           struct err *e) {
    (void)a;
    (void)bytes;
    struct slice uid;
    bool named = s->file.meta != NULL &&
                 dcm_text(s->file.meta, DCM_MediaStorageSOPClassUID, 0, &uid) &&
                 slice_eq_str(uid, MEDIA_DIRECTORY_UID);
    if (named || dcm_get(s->dataset, DCM_DirectoryRecordSequence) != NULL) {
        return err_set(e, E_UNSUPPORTED, "%s", gate_reason_words(GATE_REASON_MEDIA_DIRECTORY));
    }
    return E_OK;
}

static int check_syntax(struct arena *a, struct slice bytes, struct gate_structural *s,
                        struct err *e) {
    (void)a;
    (void)bytes;
    struct slice uid = slice_str(s->file.syntax_uid);
    if (uid.len > 0 && dcm_transfer_syntax_find(uid) == NULL) {
        err_set(e, E_UNSUPPORTED, "transfer syntax %s", s->file.syntax_uid);
        return err_in(e, "(0002,0010)");
    }
    return E_OK;
}

static int read_uid(const struct dcm_dataset *d, dcm_tag tag, const char *name,
                    char out[DCM_UID_MAX + 1], struct err *e) {
    char path[DCM_TAG_TEXT_LEN + 1];
    struct slice uid;
    if (!dcm_text(d, tag, 0, &uid)) {
        err_set(e, E_MISSING, "%s", name);
    } else if (!dcm_uid_usable(uid)) {
        err_set(e, E_VALUE, "%s is no UID", name);
    } else {
        memcpy(out, uid.ptr, uid.len);
        out[uid.len] = '\0';
        return E_OK;
    }
    const struct dcm_node *node = dcm_get(d, tag);
    if (node != NULL) {
        err_at(e, node->offset);
    }
    return err_in(e, dcm_tag_text(tag, path));
}

static int check_class(struct arena *a, struct slice bytes, struct gate_structural *s,
                       struct err *e) {
    (void)a;
    (void)bytes;
    int rc = read_uid(s->dataset, DCM_SOPClassUID, "SOP Class UID", s->sop_class, e);
    if (rc != E_OK) {
        return rc;
    }
    struct slice uid = slice_str(s->sop_class);
    const struct dcm_uid_entry *known = dcm_uid_find(uid);
    bool standard = slice_starts(uid, slice_str("1.2.840.10008."));
    if (dcm_uid_is_storage(uid) || (known == NULL && !standard)) {
        return E_OK; // a storage class, or a private one
    }
    err_set(e, E_UNSUPPORTED, "%s is no storage SOP class",
            known == NULL ? s->sop_class : known->name);
    return err_in(e, "(0008,0016)");
}

static int check_uids(struct arena *a, struct slice bytes, struct gate_structural *s,
                      struct err *e) {
    (void)a;
    (void)bytes;
    const struct dcm_dataset *d = s->dataset;
    int rc = read_uid(d, DCM_SOPInstanceUID, "SOP Instance UID", s->sop_instance, e);
    rc = rc == E_OK ? read_uid(d, DCM_StudyInstanceUID, "Study Instance UID", s->study, e) : rc;
    return rc == E_OK ? read_uid(d, DCM_SeriesInstanceUID, "Series Instance UID", s->series, e)
                      : rc;
}

static bool meta_says(const struct dcm_dataset *meta, dcm_tag tag, const char *uid) {
    struct slice text;
    return meta != NULL && dcm_text(meta, tag, 0, &text) && slice_eq_str(text, uid);
}

// PS3.10 7.1: what the meta information says of the data set must be so.
static int check_meta(struct arena *a, struct slice bytes, struct gate_structural *s,
                      struct err *e) {
    (void)a;
    (void)bytes;
    (void)e;
    const struct dcm_file *f = &s->file;
    s->needs_meta = !f->has_preamble || !f->has_meta || f->meta_length_wrong ||
                    f->syntax_uid[0] == '\0' ||
                    !meta_says(f->meta, DCM_MediaStorageSOPClassUID, s->sop_class) ||
                    !meta_says(f->meta, DCM_MediaStorageSOPInstanceUID, s->sop_instance);
    if (s->needs_meta) {
        gate_note(&s->report, GATE_REASON_META_REPAIRED, NULL);
    }
    return E_OK;
}

// A description without pixels is an image whose end is missing, unless they are elsewhere (Pixel
// Data Provider URL, PS3.5 8.2.7). Reports and plans have no description.
static bool is_image(const struct gate_structural *s) {
    int64_t rows;
    int64_t bits;
    const struct dcm_uid_entry *sop_class = dcm_uid_find(slice_str(s->sop_class));
    bool described = dcm_int(s->dataset, DCM_Rows, 0, &rows) && rows > 0 &&
                     dcm_int(s->dataset, DCM_BitsAllocated, 0, &bits) && bits > 0;
    return described || (sop_class != NULL && strstr(sop_class->name, "Image Storage") != NULL);
}

static int check_no_pixels(const struct gate_structural *s, struct err *e) {
    if (!is_image(s) || dcm_get(s->dataset, DCM_PixelDataProviderURL) != NULL) {
        return E_OK;
    }
    err_set(e, E_TRUNCATED, "an image without pixel data");
    return err_in(e, "(7FE0,0010)");
}

static int check_pixels(struct arena *a, struct slice bytes, struct gate_structural *s,
                        struct err *e) {
    (void)bytes;
    int rc = px_image_read(a, s->dataset, s->file.syntax, &s->image, e);
    if (rc == E_NOT_FOUND) {
        err_clear(e);
        return check_no_pixels(s, e);
    }
    s->has_pixels = true;
    if (rc == E_UNSUPPORTED) {
        s->pixels_why = *e;
        gate_note(&s->report, GATE_REASON_PIXELS_UNSHOWN, e);
        err_clear(e);
        return E_OK;
    }
    rc = rc == E_OK ? px_frames_build(a, &s->image, s->dataset, &s->frames, e) : rc;
    s->pixels_known = rc == E_OK;
    return rc;
}

// The reader refuses anything but zeros behind the last element; zeros are padding of a medium.
static int check_trailing(struct arena *a, struct slice bytes, struct gate_structural *s,
                          struct err *e) {
    (void)a;
    (void)bytes;
    (void)e;
    if ((s->oddities & DCM_ODDITY(TRAILING)) != 0) {
        gate_note(&s->report, GATE_REASON_TRAILING, NULL);
    }
    return E_OK;
}

// In this order: each may rely on those before it.
static const struct check checks[] = {
    {check_empty, GATE_REASON_EMPTY},
    {check_open, GATE_REASON_NOT_DICOM},
    {check_parse, GATE_REASON_MALFORMED},
    {check_directory, GATE_REASON_MEDIA_DIRECTORY},
    {check_syntax, GATE_REASON_SYNTAX_UNKNOWN},
    {check_class, GATE_REASON_SOP_CLASS},
    {check_uids, GATE_REASON_UID},
    {check_meta, GATE_REASON_META_REPAIRED},
    {check_pixels, GATE_REASON_PIXELS_WRONG},
    {check_trailing, GATE_REASON_TRAILING},
};

static enum gate_reason precise(enum gate_reason reason, int code) {
    if (reason == GATE_REASON_NOT_DICOM || reason == GATE_REASON_MALFORMED) {
        switch (code) {
        case E_TRUNCATED:
            return GATE_REASON_TRUNCATED;
        case E_NESTING:
            return GATE_REASON_NESTING;
        case E_UNSUPPORTED:
            return GATE_REASON_SYNTAX_UNKNOWN;
        case E_NOT_DICOM:
            return GATE_REASON_NOT_DICOM;
        default:
            return GATE_REASON_MALFORMED;
        }
    }
    return reason == GATE_REASON_PIXELS_WRONG && code == E_TRUNCATED ? GATE_REASON_PIXELS_CUT
                                                                     : reason;
}

static void note_oddities(struct gate_structural *s) {
    for (unsigned bit = 0; bit < DCM_ODDITY_COUNT; bit++) {
        if ((s->oddities >> bit & 1) != 0 && bit != DCM_ODDITY_BIT_TRAILING) {
            struct err what = {0};
            err_set(&what, E_SYNTAX, "%s", dcm_oddity_words((enum dcm_oddity)bit));
            gate_note(&s->report, GATE_REASON_ODDITY, &what);
        }
    }
}

int gate_structural_run(struct arena *a, struct slice bytes, struct gate_structural *ret_result) {
    struct gate_structural *s = ret_result;
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        struct err e = {0};
        int rc = checks[i].run(a, bytes, s, &e);
        if (rc < 0) {
            return gate_decide(&s->report, GATE_REFUSED, precise(checks[i].reason, rc), &e);
        }
    }
    note_oddities(s);
    return E_OK;
}
