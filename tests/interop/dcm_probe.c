// SPDX-License-Identifier: Apache-2.0
// Prints what the reader makes of DICOM files, element by element and byte by byte, for
// differential.py to compare with other software. Reads paths from standard input, one a line. A
// file is
//   F <path>
//   E <error line>                              when it is refused
//   O <oddity words>                            for each
//   <tag path>\t<VR>\t<length>\t<offset of the value>\t<value>
//   .
// with length "u" when undefined, and value as hexadecimal digits, or "sha256:" and a hash when
// long. A sequence's value is its number of items, that of encapsulated pixel data its number of
// fragments.
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "dicom/part10.h"

#define ARENA_BYTES ((size_t)2 << 30)
#define SHOWN_BYTES_MAX 2048
#define PATH_BYTES 1024

struct place {
    const struct dcm_dataset *d;
    uint32_t node;
    uint32_t item;
    size_t path_len;
};

static void print_value(struct slice value) {
    if (value.len > SHOWN_BYTES_MAX) {
        struct hash h = hash_of(value);
        char hex[HASH_HEX_LEN + 1];
        printf("sha256:%s\n", hash_hex(&h, hex));
        return;
    }
    for (size_t i = 0; i < value.len; i++) {
        printf("%02x", value.ptr[i]);
    }
    putchar('\n');
}

static void print_fragments(const struct dcm_node *n, const char *path) {
    for (uint32_t i = 0; i < n->fragment_count; i++) {
        const struct dcm_fragment *f = &n->fragments[i];
        printf("%s[%u]\tpi\t%zu\t%llu\t", path, i, f->bytes.len, (unsigned long long)f->offset + 8);
        print_value(f->bytes);
    }
}

static void print_node(const struct dcm_node *n, const char *path) {
    const char *vr = dcm_vr_info(n->vr)->name;
    if (n->vr == DCM_VR_SQ || n->fragments != NULL) {
        uint32_t count = n->fragments != NULL ? n->fragment_count : n->item_count;
        printf("%s\t%s\t%s\t0\t%u\n", path, vr, n->undefined ? "u" : "d", count);
        print_fragments(n, path);
        return;
    }
    uint64_t value_at = n->offset + (n->raw.len - n->value.len);
    printf("%s\t%s\t%zu\t%llu\t", path, vr, n->value.len, (unsigned long long)value_at);
    print_value(n->value);
}

static void print_tree(const struct dcm_dataset *top) {
    struct place stack[DCM_NESTING_MAX + 1] = {{.d = top}};
    char path[PATH_BYTES] = "";
    int depth = 0;
    while (depth >= 0) {
        struct place *p = &stack[depth];
        path[p->path_len] = '\0';
        if (p->node == p->d->count) {
            depth--;
            continue;
        }
        const struct dcm_node *n = &p->d->nodes[p->node];
        int len = snprintf(path + p->path_len, 9, "%08X", n->tag);
        if (p->item == 0) {
            print_node(n, path);
        }
        if (p->item < n->item_count) {
            size_t used = p->path_len + (size_t)len;
            used += (size_t)snprintf(path + used, 16, "[%u].", p->item);
            stack[++depth] = (struct place){.d = n->items[p->item++], .path_len = used};
            continue;
        }
        p->item = 0;
        p->node++;
    }
}

static void print_oddities(uint32_t oddities) {
    for (int i = 0; i < DCM_ODDITY_COUNT; i++) {
        if ((oddities >> i & 1) != 0) {
            printf("O %s\n", dcm_oddity_words((enum dcm_oddity)i));
        }
    }
}

static void probe(const char *path) {
    CLEANUP(cleanup_file_map) struct file_map map = {0};
    CLEANUP(arena_done) struct arena a;
    struct err e = {0};
    struct dcm_file file;
    struct dcm_dataset *d;
    arena_init(&a, ARENA_BYTES);
    printf("F %s\n", path);
    int rc = file_map_path(path, &map, &e);
    if (rc == E_OK) {
        rc = dcm_file_open(&a, map.bytes, &file, &e);
    }
    if (rc == E_OK) {
        rc = dcm_file_dataset(&a, &file, 0, &d, &e);
    }
    if (rc != E_OK) {
        char line[ERR_TEXT_MAX + ERR_PATH_MAX + 64];
        printf("E %s\n.\n", err_line(&e, line, sizeof line));
        return;
    }
    print_oddities(file.oddities);
    if (file.meta != NULL) {
        print_tree(file.meta);
    }
    print_tree(d);
    printf(".\n");
}

static int convert_file(const char *uid, const char *path, const char *out_path, struct err *e) {
    CLEANUP(cleanup_file_map) struct file_map map = {0};
    CLEANUP(arena_done) struct arena a;
    CLEANUP(cleanup_buf) struct buf out;
    CLEANUP(cleanup_file) FILE *f = NULL;
    struct dcm_file file;
    struct dcm_dataset *d;
    struct dcm_write_options options = {.syntax_uid = uid};
    arena_init(&a, ARENA_BYTES);
    buf_init(&out, ARENA_BYTES);
    int rc = file_map_path(path, &map, e);
    if (rc == E_OK) {
        rc = dcm_file_open(&a, map.bytes, &file, e);
    }
    if (rc == E_OK) {
        rc = dcm_file_dataset(&a, &file, 0, &d, e);
    }
    if (rc == E_OK) {
        rc = dcm_file_write(d, &options, dcm_sink_buf(&out), e);
    }
    if (rc != E_OK) {
        return rc;
    }
    f = fopen(out_path, "wb");
    bool written = f != NULL && fwrite(out.data, 1, out.len, f) == out.len && fflush(f) == 0;
    return written ? E_OK : err_set(e, E_IO, "cannot write %s", out_path);
}

static void convert(char *line) {
    char *path = strchr(line, '\t');
    char *out_path = path == NULL ? NULL : strchr(path + 1, '\t');
    struct err e = {0};
    if (out_path == NULL) {
        printf("E a line without two tabs\n");
        return;
    }
    *path++ = '\0';
    *out_path++ = '\0';
    if (convert_file(line, path, out_path, &e) == E_OK) {
        printf("W %s\n", out_path);
    } else {
        char text[ERR_TEXT_MAX + ERR_PATH_MAX + 64];
        printf("E %s\n", err_line(&e, text, sizeof text));
    }
}

int main(int argc, char **argv) {
    char line[8192];
    bool converting = argc > 1 && strcmp(argv[1], "convert") == 0;
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (converting) {
            convert(line);
        } else {
            probe(line);
        }
    }
    return 0;
}
