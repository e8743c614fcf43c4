// SPDX-License-Identifier: Apache-2.0
#include "web/static_files.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "web/accept.h"
#include "web/headers.h"
#include "web/range.h"
#include "web/request.h"

struct static_file {
    char *path; // "/assets/x.js"; owned
    uint64_t len;
    char etag[40];
    struct MHD_Response *response;
    struct MHD_Response *unchanged; // 304
    const struct static_file *gzip; // set when the table is whole
};

struct web_static {
    struct static_file *files; // by path
    size_t count, room;
    size_t root_len; // of the folder's name
    const struct static_file *index;
    struct err *error; // while walking
};

static const struct {
    const char *suffix, *type;
} types[] = {{".html", "text/html; charset=utf-8"},
             {".js", "text/javascript; charset=utf-8"},
             {".mjs", "text/javascript; charset=utf-8"},
             {".css", "text/css; charset=utf-8"},
             {".json", "application/json"},
             {".svg", "image/svg+xml"},
             {".png", "image/png"},
             {".jpg", "image/jpeg"},
             {".webp", "image/webp"},
             {".ico", "image/vnd.microsoft.icon"},
             {".wasm", "application/wasm"},
             {".woff2", "font/woff2"},
             {".txt", "text/plain; charset=utf-8"},
             {".map", "application/json"},
             {".webmanifest", "application/manifest+json"}};

static char nothing[1];

#define TYPE_UNKNOWN "application/octet-stream"

static bool ends_with(struct slice text, const char *suffix) {
    size_t len = strlen(suffix);
    return text.len >= len && memcmp(text.ptr + text.len - len, suffix, len) == 0;
}

static const char *type_of(struct slice path) {
    if (ends_with(path, ".gz")) {
        path.len -= 3;
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (ends_with(path, types[i].suffix)) {
            return types[i].type;
        }
    }
    return TYPE_UNKNOWN;
}

// Vite writes names with a hash of the content under /assets/.
static bool is_hashed(const char *path) { return strncmp(path, "/assets/", 8) == 0; }

static void add_fields(struct MHD_Response *response, const struct static_file *f) {
    struct slice path = slice_str(f->path);
    web_headers_secure(response);
    (void)MHD_add_response_header(response, "ETag", f->etag);
    (void)MHD_add_response_header(response, "Vary", "Accept-Encoding");
    (void)MHD_add_response_header(response, "Cache-Control",
                                  is_hashed(f->path) ? "public, max-age=31536000, immutable"
                                                     : "no-cache");
    (void)MHD_add_response_header(response, "Content-Type", type_of(path));
    if (ends_with(path, ".gz")) {
        (void)MHD_add_response_header(response, "Content-Encoding", "gzip");
    }
}

static void file_done(struct static_file *f) {
    if (f->response != NULL) {
        MHD_destroy_response(f->response);
    }
    if (f->unchanged != NULL) {
        MHD_destroy_response(f->unchanged);
    }
    mem_free(f->path);
}

static int open_file(const char *path, struct static_file *f, struct err *e) {
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct file_map map = {0};
    if (fd < 0) {
        return err_set_errno(e, errno, "open %s", path);
    }
    int rc = file_map_fd(fd, &map, e);
    if (rc != E_OK) {
        return rc;
    }
    char hex[HASH_HEX_LEN + 1];
    struct hash hash = hash_of(map.bytes);
    f->len = map.bytes.len;
    file_unmap(&map);
    (void)snprintf(f->etag, sizeof f->etag, "\"%.32s\"", hash_hex(&hash, hex));
    f->response = MHD_create_response_from_fd64(f->len, fd);
    f->unchanged = MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    if (f->response == NULL || f->unchanged == NULL) {
        return err_set(e, E_MEMORY, "%s", path);
    }
    (void)steal_fd(&fd); // the response closes it
    add_fields(f->response, f);
    add_fields(f->unchanged, f);
    return E_OK;
}

static int grow(struct web_static *s) {
    if (s->count < s->room) {
        return E_OK;
    }
    size_t room = s->room == 0 ? 64 : s->room * 2;
    struct static_file *files = mem_realloc(s->files, room * sizeof *files);
    if (files == NULL) {
        return E_MEMORY;
    }
    s->files = files;
    s->room = room;
    return E_OK;
}

static int visit(const char *path, void *context) {
    struct web_static *s = context;
    struct static_file f = {0};
    if (s->count == WEB_STATIC_FILES_MAX || grow(s) != E_OK) {
        return err_set(s->error, E_LIMIT, "web folder with over %d files", WEB_STATIC_FILES_MAX);
    }
    f.path = mem_strdup(path + s->root_len);
    int rc =
        f.path == NULL ? err_set(s->error, E_MEMORY, "%s", path) : open_file(path, &f, s->error);
    if (rc != E_OK) {
        file_done(&f);
        return rc;
    }
    s->files[s->count++] = f;
    return 0;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct static_file *)a)->path, ((const struct static_file *)b)->path);
}

static const struct static_file *find(const struct web_static *s, const char *path) {
    struct static_file key = {.path = (char *)(uintptr_t)path};
    return s->count == 0 ? NULL : bsearch(&key, s->files, s->count, sizeof key, by_path);
}

static void join_compressed(struct web_static *s) {
    for (size_t i = 0; i < s->count; i++) {
        char name[1024];
        int len = snprintf(name, sizeof name, "%s.gz", s->files[i].path);
        if (len > 0 && (size_t)len < sizeof name) {
            s->files[i].gzip = find(s, name);
        }
    }
    s->index = find(s, "/index.html");
}

int web_static_open(const char *dir, struct web_static **ret_files, struct err *e) {
    struct web_static *s = mem_zalloc(sizeof *s);
    if (s == NULL) {
        return err_set(e, E_MEMORY, "web folder");
    }
    s->error = e;
    s->root_len = strlen(dir);
    while (s->root_len > 1 && dir[s->root_len - 1] == '/') {
        s->root_len--;
    }
    char *root = mem_strdup(dir);
    int rc = root == NULL ? err_set(e, E_MEMORY, "web folder") : E_OK;
    if (rc == E_OK) {
        root[s->root_len] = '\0';
        rc = file_walk(root, &(struct file_walk){.visit = visit, .context = s}, e);
    }
    mem_free(root);
    s->error = NULL;
    if (rc != E_OK) {
        web_static_close(s);
        return rc;
    }
    if (s->count > 0) {
        qsort(s->files, s->count, sizeof *s->files, by_path);
    }
    join_compressed(s);
    *ret_files = s;
    return E_OK;
}

void web_static_close(struct web_static *files) {
    if (files == NULL) {
        return;
    }
    for (size_t i = 0; i < files->count; i++) {
        file_done(&files->files[i]);
    }
    mem_free(files->files);
    mem_free(files);
}

static const struct static_file *choose(const struct web_static *s, struct web_request *r) {
    const char *path = arena_str(&r->arena, r->url.path);
    const struct static_file *f = path == NULL ? NULL : find(s, path);
    // "/read/1.2.840.1" is a page of the application; "/assets/gone.js" is a missing file.
    if (f == NULL && path != NULL && strcmp(type_of(r->url.path), TYPE_UNKNOWN) == 0) {
        f = s->index;
    }
    return f;
}

void web_static_answer(const struct web_static *files, struct web_request *r) {
    const struct static_file *f = files == NULL ? NULL : choose(files, r);
    if (f == NULL) {
        web_answer_failure(
            r, MHD_HTTP_NOT_FOUND, E_NOT_FOUND,
            files == NULL ? "the browser application is not installed here" : "no such page", NULL);
        return;
    }
    if (f->gzip != NULL && web_accepts_coding(web_request_header(r, "Accept-Encoding"), "gzip")) {
        f = f->gzip;
    }
    if (web_etag_listed(web_request_header(r, "If-None-Match"), f->etag)) {
        web_answer_shared(r, MHD_HTTP_NOT_MODIFIED, f->unchanged, 0);
        return;
    }
    web_answer_shared(r, MHD_HTTP_OK, f->response, f->len);
}
