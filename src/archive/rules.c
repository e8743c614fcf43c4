// SPDX-License-Identifier: Apache-2.0
#include "archive/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/archive.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "gate/profile.h"

#define PATH_MAX_HERE 4096
#define PROFILE_MEMORY_MAX ((size_t)64 << 20)
#define PROFILE_TEXT_MAX ((size_t)8 << 20)
#define MARK "as-sent"

static bool is_there(const char *dir, const char *name) {
    char path[PATH_MAX_HERE];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return lstat(path, &st) == 0;
}

static int make_mark(const char *data_dir, struct err *e) {
    char path[PATH_MAX_HERE];
    int rc = file_make_dirs(data_dir, 0700, e);
    if (rc != E_OK) {
        return rc;
    }
    (void)snprintf(path, sizeof path, "%s/" MARK, data_dir);
    CLEANUP(cleanup_fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 && fsync(fd) == 0 ? E_OK : err_set_errno(e, errno, "cannot make %s", path);
}

int archive_rules_mark(const char *data_dir, bool as_sent, bool tables, struct err *e) {
    bool marked = is_there(data_dir, MARK);
    if (marked == as_sent) {
        return E_OK;
    }
    bool made = is_there(data_dir, "catalogue.db") || is_there(data_dir, "objects");
    if (tables && (marked || made)) {
        return E_OK;
    }
    if (marked) {
        return err_set(e, E_CONFLICT,
                       "%s holds instances as they were sent: it was made by the program of the "
                       "tests, and nobody else may serve it",
                       data_dir);
    }
    if (made) {
        return err_set(e, E_CONFLICT, "%s is an archive: what is sent may not enter it as it is",
                       data_dir);
    }
    return make_mark(data_dir, e);
}

static int find_text(const struct archive_options *options, struct buf *out, struct slice *ret_text,
                     struct err *e) {
    char path[PATH_MAX_HERE];
    (void)snprintf(path, sizeof path, "%s/profile.json", options->data_dir);
    const char *from = options->profile != NULL                      ? options->profile
                       : is_there(options->data_dir, "profile.json") ? path
                                                                     : NULL;
    if (from == NULL) {
        *ret_text = gate_profile_builtin();
        return E_OK;
    }
    int rc = file_read(from, out, e);
    *ret_text = buf_slice(out);
    return rc == E_OK ? E_OK : err_context(e, "de-identification profile %s", from);
}

int archive_rules_load(struct archive_rules *r, const struct archive_options *options,
                       struct err *e) {
    CLEANUP(cleanup_buf) struct buf text;
    struct slice profile_text = {0};
    struct gate_profile *profile = NULL;
    buf_init(&text, PROFILE_TEXT_MAX);
    arena_init(&r->memory, PROFILE_MEMORY_MAX);
    int rc = find_text(options, &text, &profile_text, e);
    rc = rc == E_OK ? gate_profile_load(&r->memory, profile_text, &profile, e) : rc;
    if (rc == E_OK && !profile->examine_pixels) {
        rc = err_set(e, E_DENIED,
                     "the de-identification profile %s does not look at pixels: an archive does "
                     "not take headers' word for them (clause N12)",
                     profile->name);
    }
    r->profile = rc == E_OK ? profile : NULL;
    return rc;
}

void archive_rules_done(struct archive_rules *r) { arena_done(&r->memory); }
