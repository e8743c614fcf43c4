// SPDX-License-Identifier: Apache-2.0
#include "cli/dicom_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "dicom/part10.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "dicom/value.h"

#define LIST_MEMORY_MAX ((size_t)8 << 30)
#define LOOK_MEMORY_MAX ((size_t)2 << 30)
#define DIRECTORY_UID "1.2.840.10008.1.3.10"

void send_list_init(struct send_list *l,
                    void (*note)(void *context, const char *path, const struct err *why, bool bad),
                    void *context) {
    *l = (struct send_list){.note = note, .context = context};
    arena_init(&l->arena, LIST_MEMORY_MAX);
}

void send_list_done(struct send_list *l) {
    mem_free(l->files);
    arena_done(&l->arena);
}

// --- one file

static void take_uid(struct slice value, char out[65]) {
    struct slice uid = dcm_value_trim(DCM_VR_UI, value);
    size_t len = uid.len > 64 ? 64 : uid.len;
    memcpy(out, uid.ptr, uid.len > 0 ? len : 0);
    out[len] = '\0';
}

// To the end of the data set: a peer that is sent one that ends too early may wait for the rest of
// it until its patience ends, and everything behind it waits, too.
static int read_whole(const struct dcm_file *file, struct send_identity *id, struct err *e) {
    struct dcm_reader r;
    struct dcm_element el;
    int event;
    dcm_file_reader(file, &r);
    while ((event = dcm_reader_next(&r, &el, e)) > 0) {
        if (event == DCM_EVENT_SEQUENCE_BEGIN || event == DCM_EVENT_FRAGMENTS_BEGIN) {
            event = dcm_reader_skip(&r, &el, e);
            if (event < 0) {
                return event;
            }
        } else if (event == DCM_EVENT_ELEMENT && el.depth == 0) {
            char *out = el.tag == DCM_SOPClassUID         ? id->sop_class
                        : el.tag == DCM_SOPInstanceUID    ? id->sop_instance
                        : el.tag == DCM_StudyInstanceUID  ? id->study
                        : el.tag == DCM_SeriesInstanceUID ? id->series
                                                          : NULL;
            if (out != NULL) {
                take_uid(el.value, out);
            }
        }
    }
    return event;
}

static void from_meta(const struct dcm_file *file, dcm_tag tag, char out[65]) {
    struct slice uid;
    if (*out == '\0' && file->meta != NULL && dcm_text(file->meta, tag, 0, &uid)) {
        take_uid(uid, out);
    }
}

static int check_uid(const char *uid, const char *what, struct err *e) {
    if (*uid == '\0') {
        return err_set(e, E_MISSING, "no %s", what);
    }
    return dcm_uid_usable(slice_str(uid)) ? E_OK
                                          : err_set(e, E_VALUE, "%s '%s' is no UID", what, uid);
}

int send_identify(struct slice bytes, struct send_identity *ret_identity, struct err *e) {
    struct arena arena;
    struct dcm_file file;
    struct send_identity id = {.sop_class = ""};
    arena_init(&arena, LOOK_MEMORY_MAX);
    int rc = dcm_file_open(&arena, bytes, &file, e);
    rc = rc == E_OK ? read_whole(&file, &id, e) : rc;
    if (rc == E_OK) {
        from_meta(&file, DCM_MediaStorageSOPClassUID, id.sop_class);
        from_meta(&file, DCM_MediaStorageSOPInstanceUID, id.sop_instance);
        (void)snprintf(id.syntax, sizeof id.syntax, "%s",
                       file.has_meta && *file.syntax_uid != '\0' ? file.syntax_uid
                                                                 : file.syntax->uid);
        id.body_offset = file.deflated ? (uint64_t)(file.stored.ptr - bytes.ptr) : file.body_offset;
        rc = check_uid(id.sop_class, "SOP Class UID", e);
    }
    rc = rc == E_OK ? check_uid(id.sop_instance, "SOP Instance UID", e) : rc;
    rc = rc == E_OK ? check_uid(id.syntax, "Transfer Syntax UID", e) : rc;
    arena_done(&arena);
    if (rc == E_OK) {
        *ret_identity = id;
    }
    return rc;
}

// --- the list

static bool grow(struct send_list *l) {
    if (l->count < l->room) {
        return true;
    }
    size_t room = l->room == 0 ? 1024 : l->room * 2;
    struct send_file *files =
        room > SEND_FILES_MAX ? NULL : mem_realloc(l->files, room * sizeof *files);
    if (files == NULL) {
        return false;
    }
    l->files = files;
    l->room = room;
    return true;
}

// Most files share class, syntax, study and series with the one before.
static const char *keep(struct send_list *l, const char *before, const char *text) {
    return before != NULL && strcmp(before, text) == 0 ? before
                                                       : arena_str(&l->arena, slice_str(text));
}

static int append(struct send_list *l, const char *path, const struct send_identity *id,
                  const struct stat *st, struct err *e) {
    if (!grow(l)) {
        return err_set(e, E_MEMORY, "no memory for more than %zu files", l->count);
    }
    static const struct send_file none = {.path = NULL};
    const struct send_file *before = l->count > 0 ? &l->files[l->count - 1] : &none;
    struct send_file f = {.path = arena_str(&l->arena, slice_str(path)),
                          .sop_class = keep(l, before->sop_class, id->sop_class),
                          .sop_instance = keep(l, NULL, id->sop_instance),
                          .syntax = keep(l, before->syntax, id->syntax),
                          .study = keep(l, before->study, id->study),
                          .series = keep(l, before->series, id->series),
                          .size = (uint64_t)st->st_size,
                          .changed_ns =
                              (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
                          .body_offset = id->body_offset};
    if (f.path == NULL || f.sop_class == NULL || f.sop_instance == NULL || f.syntax == NULL ||
        f.study == NULL || f.series == NULL) {
        return err_set(e, E_MEMORY, "no memory for more than %zu files", l->count);
    }
    l->files[l->count++] = f;
    l->bytes += f.size;
    return E_OK;
}

static int identify_path(const char *path, struct send_identity *ret_id, struct stat *ret_st,
                         struct err *e) {
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct file_map map CLEANUP(cleanup_file_map) = {0};
    if (fd < 0 || fstat(fd, ret_st) != 0) {
        return err_set_errno(e, errno, "cannot be read");
    }
    if (ret_st->st_size == 0) {
        return err_set(e, E_NOT_DICOM, "empty");
    }
    int rc = file_map_fd(fd, &map, e);
    rc = rc == E_OK ? send_identify(map.bytes, ret_id, e) : rc;
    if (rc == E_OK && strcmp(ret_id->sop_class, DIRECTORY_UID) == 0) {
        rc = err_set(e, E_UNSUPPORTED, "a DICOMDIR is not sent");
    }
    return rc;
}

struct adding {
    struct send_list *list;
    bool named; // the path of the command line itself
    struct err *e;
};

static bool is_directory_file(struct err *why, const char *path) {
    const char *name = strrchr(path, '/');
    return why->code != E_UNSUPPORTED &&
           strcasecmp(name != NULL ? name + 1 : path, "DICOMDIR") == 0;
}

static int on_file(const char *path, void *context) {
    struct adding *add = context;
    struct send_list *l = add->list;
    struct send_identity id;
    struct stat st;
    struct err why = {0};
    int rc = identify_path(path, &id, &st, &why);
    if (rc == E_OK) {
        return append(l, path, &id, &st, add->e);
    }
    if (is_directory_file(&why, path)) { // it has no SOP class in its data set
        (void)err_set(&why, E_UNSUPPORTED, "a DICOMDIR is not sent");
    }
    l->passed_over++;
    l->note(l->context, path, &why,
            add->named || (why.code != E_NOT_DICOM && why.code != E_UNSUPPORTED));
    return E_OK;
}

static void on_unreadable(const char *path, const struct err *why, void *context) {
    struct adding *add = context;
    add->list->passed_over++;
    add->list->note(add->list->context, path, why, true);
}

int send_list_add(struct send_list *l, const char *path, struct err *e) {
    struct stat st;
    struct adding add = {.list = l, .e = e};
    add.named = stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
    struct file_walk walk = {.visit = on_file, .unreadable = on_unreadable, .context = &add};
    return file_walk(path, &walk, e);
}
