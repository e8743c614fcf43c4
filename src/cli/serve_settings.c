// SPDX-License-Identifier: Apache-2.0
// The configuration file: a table of fields. docs/operations.md describes them.
#include "cli/serve_settings.h"

#include <stdio.h>
#include <string.h>

#include "archive/search.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json_in.h"
#include "dicom/uid.h"
#include "dimse/association.h"

#define TEXTS_MAX ((size_t)4 << 20)
#define PATH_LEN 128
#define DEPTH_MAX 4

enum kind { TEXT, FILE_NAME, FLAG, NUMBER, NAMES };

struct field {
    const char *path;
    enum kind kind;
    size_t offset; // in serve_settings
    uint64_t min, max;
};

#define AT(member) offsetof(struct serve_settings, member)
static const struct field fields[] = {
    {"http", TEXT, AT(http), 0, 0},
    {"web", FILE_NAME, AT(web), 0, 0},
    {"hosts", NAMES, AT(hosts), 0, 0},
    {"origins", NAMES, AT(origins), 0, 0},
    {"workers", NUMBER, AT(workers), 1, 64},
    {"gate.profile", FILE_NAME, AT(profile), 0, 0},
    {"gate.quiet_seconds", NUMBER, AT(quiet_seconds), 1, 86400},
    {"dicom.listen", TEXT, AT(dicom), 0, 0},
    {"dicom.aet", TEXT, AT(aet), 0, 0},
    {"dicom.off", FLAG, AT(no_dicom), 0, 0},
    {"dicom.network", FLAG, AT(network), 0, 0},
    {"dicom.tls.listen", TEXT, AT(dicom_tls), 0, 0},
    {"dicom.tls.certificate", FILE_NAME, AT(certificate), 0, 0},
    {"dicom.tls.key", FILE_NAME, AT(key), 0, 0},
    {"dicom.tls.trust", FILE_NAME, AT(trust), 0, 0},
    {"dicom.private_classes", NAMES, AT(private_classes), 0, 0},
    {"dicom.limits.associations", NUMBER, AT(associations), 1, 1024},
    {"dicom.limits.associations_per_address", NUMBER, AT(associations_per_address), 1, 1024},
    {"dicom.limits.pdu_bytes", NUMBER, AT(pdu_bytes), DIMSE_PDU_MIN, DIMSE_PDU_MAX},
    {"dicom.limits.artim_seconds", NUMBER, AT(artim_seconds), 1, 3600},
    {"dicom.limits.idle_seconds", NUMBER, AT(idle_seconds), 1, 86400},
    {"dicom.limits.stall_seconds", NUMBER, AT(stall_seconds), 1, 3600},
    {"dicom.limits.data_set_bytes", NUMBER, AT(data_set_bytes), 1 << 20, DIMSE_DATA_SET_MAX},
    {"dicom.limits.backlog", NUMBER, AT(backlog), 1, 1000000},
    {"dicom.limits.matches", NUMBER, AT(matches), 1, SEARCH_ROWS_MAX},
};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])

void serve_settings_init(struct serve_settings *s) {
    *s = (struct serve_settings){0};
    arena_init(&s->texts, TEXTS_MAX);
}

void serve_settings_done(struct serve_settings *s) { arena_done(&s->texts); }

struct reading {
    struct serve_settings *s;
    const struct serve_settings said; // by the command line
    const char *file;
    struct slice text;
    struct json_in in;
    char path[PATH_LEN]; // of the member in hand
};

// --- errors

static unsigned line_of(const struct reading *r, uint64_t offset) {
    unsigned line = 1;
    for (uint64_t i = 0; i < offset && i < r->text.len; i++) {
        line += r->text.ptr[i] == '\n';
    }
    return line;
}

static int wrong(const struct reading *r, const struct json_token *t, int code, const char *words,
                 struct err *e) {
    return err_set(e, code, "%s:%u: %s: %s", r->file, line_of(r, t->offset), r->path, words);
}

static int next(struct reading *r, struct json_token *t, struct err *e) {
    int rc = json_in_next(&r->in, t, e);
    if (rc < 0) {
        char words[ERR_TEXT_MAX];
        (void)snprintf(words, sizeof words, "%s", e->text);
        uint64_t at = e->has_offset ? e->offset : r->in.at;
        err_clear(e);
        return err_set(e, E_SYNTAX, "%s:%u: %.200s", r->file, line_of(r, at), words);
    }
    return rc;
}

// --- values

static int take_text(struct reading *r, const struct json_token *t, const char **ret_text,
                     struct err *e) {
    CLEANUP(cleanup_buf) struct buf out;
    buf_init(&out, SERVE_CONFIG_MAX);
    if (t->kind != JSON_STRING) {
        return wrong(r, t, E_VALUE, "a text is expected", e);
    }
    if (json_in_text(t, &out, e) < 0) {
        return wrong(r, t, E_SYNTAX, "not a text", e);
    }
    if (slice_find(buf_slice(&out), 0) < out.len) {
        return wrong(r, t, E_VALUE, "a NUL in a text", e);
    }
    *ret_text = arena_str(&r->s->texts, buf_slice(&out));
    return out.failed || *ret_text == NULL ? err_set(e, E_MEMORY, "configuration") : E_OK;
}

static int take_file(struct reading *r, const struct json_token *t, const char **ret_text,
                     struct err *e) {
    const char *slash = strrchr(r->file, '/');
    int rc = take_text(r, t, ret_text, e);
    if (rc != E_OK || (*ret_text)[0] == '/' || slash == NULL) {
        return rc;
    }
    *ret_text = arena_printf(&r->s->texts, "%.*s/%s", (int)(slash - r->file), r->file, *ret_text);
    return *ret_text == NULL ? err_set(e, E_MEMORY, "configuration") : E_OK;
}

static int take_number(struct reading *r, const struct field *f, const struct json_token *t,
                       uint64_t *ret_number, struct err *e) {
    char words[96];
    if (t->kind == JSON_NUMBER && json_in_u64(t, ret_number) && *ret_number >= f->min &&
        *ret_number <= f->max) {
        return E_OK;
    }
    (void)snprintf(words, sizeof words, "a whole number from %llu to %llu is expected",
                   (unsigned long long)f->min, (unsigned long long)f->max);
    return wrong(r, t, E_VALUE, words, e);
}

static int take_names(struct reading *r, const struct json_token *t, struct serve_names *names,
                      bool keep, struct err *e) {
    struct json_token one;
    int rc;
    if (t->kind != JSON_ARRAY_BEGIN) {
        return wrong(r, t, E_VALUE, "a list of texts is expected", e);
    }
    while ((rc = next(r, &one, e)) >= 0 && one.kind != JSON_ARRAY_END) {
        const char *text;
        if (take_text(r, &one, &text, e) != E_OK) {
            return e->code;
        }
        if (names->count == SERVE_NAMES_MAX) {
            return wrong(r, &one, E_LIMIT, "too many names", e);
        }
        if (keep) {
            names->list[names->count++] = text;
        }
    }
    return rc < 0 ? rc : E_OK;
}

static void *place(struct serve_settings *s, const struct field *f) {
    return (char *)s + f->offset;
}

static int take_value(struct reading *r, const struct field *f, const struct json_token *t,
                      struct err *e) {
    struct serve_settings said = r->said;
    const char *text = NULL;
    uint64_t number = 0;
    int rc;
    switch (f->kind) {
    case TEXT:
    case FILE_NAME:
        rc = f->kind == TEXT ? take_text(r, t, &text, e) : take_file(r, t, &text, e);
        if (rc == E_OK && *(const char **)place(&said, f) == NULL) {
            *(const char **)place(r->s, f) = text;
        }
        return rc;
    case FLAG:
        if (t->kind != JSON_TRUE && t->kind != JSON_FALSE) {
            return wrong(r, t, E_VALUE, "true or false is expected", e);
        }
        *(bool *)place(r->s, f) = *(bool *)place(&said, f) || t->kind == JSON_TRUE;
        return E_OK;
    case NUMBER:
        rc = take_number(r, f, t, &number, e);
        if (rc == E_OK && *(uint64_t *)place(&said, f) == 0) {
            *(uint64_t *)place(r->s, f) = number;
        }
        return rc;
    case NAMES:
        break;
    }
    const struct serve_names *before = place(&said, f);
    return take_names(r, t, place(r->s, f), before->count == 0, e);
}

// --- structure

static const struct field *field_of(const char *path) {
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (strcmp(fields[i].path, path) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

static bool is_group(const char *path) {
    size_t len = strlen(path);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (strncmp(fields[i].path, path, len) == 0 && fields[i].path[len] == '.') {
            return true;
        }
    }
    return false;
}

static bool name_member(struct reading *r, size_t at, const struct json_token *name) {
    int len = snprintf(r->path + at, sizeof r->path - at, "%s%.*s", at > 0 ? "." : "",
                       (int)(name->raw.len < 64 ? name->raw.len : 64), (const char *)name->raw.ptr);
    return len > 0 && (size_t)len < sizeof r->path - at;
}

// Members of the object that has just begun, and of those in it: the depth is that of the table.
static int take_members(struct reading *r, struct err *e) {
    size_t ends[DEPTH_MAX] = {0}; // of the path of each group that is open
    size_t depth = 0;
    struct json_token t;
    int rc;
    while ((rc = next(r, &t, e)) >= 0) {
        if (t.kind == JSON_OBJECT_END) {
            if (depth == 0) {
                return E_OK;
            }
            depth--;
            continue;
        }
        if (!name_member(r, ends[depth], &t)) {
            return wrong(r, &t, E_VALUE, "not a field of this file", e);
        }
        struct json_token value;
        const struct field *f = field_of(r->path);
        bool group = is_group(r->path);
        if (f == NULL && !group) {
            return wrong(r, &t, E_VALUE, "not a field of this file", e);
        }
        if ((rc = next(r, &value, e)) < 0) {
            return rc;
        }
        if (group && value.kind != JSON_OBJECT_BEGIN) {
            return wrong(r, &value, E_VALUE, "an object is expected", e);
        }
        if (group) {
            ends[++depth] = strlen(r->path);
        } else if (take_value(r, f, &value, e) != E_OK) {
            return e->code;
        }
    }
    return rc;
}

int serve_settings_read(struct serve_settings *s, const char *path, struct err *e) {
    CLEANUP(cleanup_buf) struct buf text;
    buf_init(&text, SERVE_CONFIG_MAX);
    int rc = file_read(path, &text, e);
    if (rc != E_OK) {
        return rc;
    }
    struct reading r = {.s = s, .said = *s, .file = path, .text = buf_slice(&text)};
    struct json_token t;
    json_in_init(&r.in, r.text, DEPTH_MAX);
    rc = next(&r, &t, e);
    if (rc >= 0 && t.kind != JSON_OBJECT_BEGIN) {
        rc = err_set(e, E_SYNTAX, "%s:1: an object is expected", path);
    }
    rc = rc >= 0 ? take_members(&r, e) : rc;
    rc = rc >= 0 ? next(&r, &t, e) : rc; // the end
    return rc < 0 ? rc : E_OK;
}

// --- sense

int serve_settings_check(const struct serve_settings *s, struct err *e) {
    bool tls = s->certificate != NULL || s->key != NULL;
    if (tls && (s->certificate == NULL || s->key == NULL)) {
        return err_set(e, E_ARGUMENT,
                       "a certificate needs its key, and a key its certificate "
                       "(--tls-certificate, --tls-key)");
    }
    if (!tls && (s->dicom_tls != NULL || s->trust != NULL)) {
        return err_set(e, E_ARGUMENT, "DICOM over TLS needs --tls-certificate and --tls-key");
    }
    for (size_t i = 0; i < s->private_classes.count; i++) {
        struct slice uid = slice_str(s->private_classes.list[i]);
        if (!dcm_uid_valid(uid) || slice_starts(uid, slice_str("1.2.840.10008."))) {
            return err_set(e, E_ARGUMENT, "dicom.private_classes: '%s' is no private UID",
                           s->private_classes.list[i]);
        }
    }
    return E_OK;
}
