// SPDX-License-Identifier: Apache-2.0
// Reading a DICOMDIR: items to records, offsets to links, file IDs to paths.
#include "dicom/dicomdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/tags.h"

#define NONE DCM_DICOMDIR_NO_RECORD
#define FINDINGS_PER_RECORD 4 // at most: reading stops counting beyond
#define SHIFT_HITS_PERCENT 90
#define PATH_BYTES_MAX 512

struct reader {
    struct arena *arena;
    struct dcm_dicomdir *dir;
    uint32_t findings_max;
    int64_t shift; // added to every offset read
};

const char *dcm_dicomdir_finding_words(enum dcm_dicomdir_finding_kind kind) {
    static const char *const words[] = {
#define X(name, text) text,
        DCM_DICOMDIR_FINDING_LIST(X)
#undef X
    };
    return (unsigned)kind < DCM_DICOMDIR_FINDING_COUNT ? words[kind] : "";
}

static void find(struct reader *r, enum dcm_dicomdir_finding_kind kind, uint32_t record,
                 uint64_t offset) {
    struct dcm_dicomdir *dir = r->dir;
    if (dir->finding_count < r->findings_max) {
        dir->findings[dir->finding_count++] = (struct dcm_dicomdir_finding){kind, record, offset};
    }
}

static void find_record(struct reader *r, enum dcm_dicomdir_finding_kind kind, uint32_t record) {
    find(r, kind, record, r->dir->records[record].offset);
}

// --- file IDs (PS3.10 8.2, 8.6)

static bool part_is_safe(struct slice part) {
    if (part.len == 0 || slice_eq_str(part, ".") || slice_eq_str(part, "..")) {
        return false;
    }
    for (size_t i = 0; i < part.len; i++) {
        if (part.ptr[i] < 0x20 || part.ptr[i] == '/' || part.ptr[i] == '\\' ||
            part.ptr[i] == 0x7F) {
            return false;
        }
    }
    return true;
}

static bool part_is_standard(struct slice part) {
    for (size_t i = 0; i < part.len; i++) {
        uint8_t c = part.ptr[i];
        if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_') {
            return false;
        }
    }
    return part.len > 0 && part.len <= DCM_FILE_ID_CHARS_MAX;
}

static int set_path(struct reader *r, uint32_t index, struct err *e) {
    struct dcm_record *record = &r->dir->records[index];
    const struct dcm_node *n = dcm_get(record->keys, DCM_ReferencedFileID);
    uint32_t parts = n == NULL ? 0 : dcm_value_count(n);
    char path[PATH_BYTES_MAX];
    size_t used = 0;
    bool standard = parts <= DCM_FILE_ID_PARTS_MAX;
    for (uint32_t i = 0; i < parts; i++) {
        struct slice part = {NULL, 0};
        (void)dcm_node_text(n, i, &part);
        if (!part_is_safe(part) || part.len + 2 > sizeof path - used) {
            find_record(r, DCM_DICOMDIR_FINDING_FILE_ID_UNSAFE, index);
            return E_OK;
        }
        standard = standard && part_is_standard(part);
        used += (size_t)snprintf(path + used, sizeof path - used, "%s%.*s", i == 0 ? "" : "/",
                                 (int)part.len, (const char *)part.ptr);
    }
    if (parts == 0) {
        return E_OK;
    }
    if (!standard) {
        find_record(r, DCM_DICOMDIR_FINDING_FILE_ID_FORM, index);
    }
    record->path = arena_str(r->arena, slice_of(path, used));
    return record->path == NULL ? err_set(e, E_MEMORY, "no memory for the directory") : E_OK;
}

// --- records

static bool get_offset(const struct dcm_dataset *d, dcm_tag tag, uint64_t *ret_offset) {
    int64_t value;
    if (!dcm_int(d, tag, 0, &value) || value < 0) {
        return false;
    }
    *ret_offset = (uint64_t)value;
    return true;
}

static int make_record(struct reader *r, uint32_t index, const struct dcm_dataset *item,
                       uint64_t offset, struct err *e) {
    int64_t in_use;
    struct dcm_record *record = &r->dir->records[index];
    *record = (struct dcm_record){.keys = item,
                                  .offset = offset,
                                  .parent = NONE,
                                  .first_child = NONE,
                                  .next = NONE,
                                  .in_use = true};
    if (!dcm_text(item, DCM_DirectoryRecordType, 0, &record->type)) {
        find_record(r, DCM_DICOMDIR_FINDING_NO_TYPE, index);
    }
    if (dcm_int(item, DCM_RecordInUseFlag, 0, &in_use) && in_use == 0) {
        record->in_use = false;
        find_record(r, DCM_DICOMDIR_FINDING_INACTIVE, index);
    }
    return set_path(r, index, e);
}

// The record whose item begins at `offset`, or NONE. Items lie in the order of the file.
static uint32_t record_at(const struct dcm_dicomdir *dir, uint64_t offset) {
    uint32_t low = 0;
    uint32_t high = dir->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (dir->records[middle].offset < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < dir->count && dir->records[low].offset == offset ? low : NONE;
}

// How many of all offsets that are not 0 lead to a record when `shift` is added.
static void count_hits(const struct dcm_dicomdir *dir, int64_t shift, uint32_t *ret_hits,
                       uint32_t *ret_all) {
    static const dcm_tag tags[] = {DCM_OffsetOfTheNextDirectoryRecord,
                                   DCM_OffsetOfReferencedLowerLevelDirectoryEntity};
    *ret_hits = 0;
    *ret_all = 0;
    for (uint32_t i = 0; i < dir->count; i++) {
        for (size_t t = 0; t < 2; t++) {
            uint64_t offset;
            if (get_offset(dir->records[i].keys, tags[t], &offset) && offset != 0) {
                ++*ret_all;
                *ret_hits += record_at(dir, offset + (uint64_t)shift) != NONE;
            }
        }
    }
}

// Some writers count from another place than the start of the file, all the way through.
static void find_shift(struct reader *r, uint64_t root) {
    uint32_t hits;
    uint32_t all;
    count_hits(r->dir, 0, &hits, &all);
    if (hits > 0 || root == 0 || r->dir->count == 0 || all == 0) {
        return;
    }
    int64_t shift = (int64_t)r->dir->records[0].offset - (int64_t)root;
    count_hits(r->dir, shift, &hits, &all);
    if (hits * 100 >= all * SHIFT_HITS_PERCENT) {
        r->shift = shift;
        find(r, DCM_DICOMDIR_FINDING_SHIFTED, NONE, root);
    }
}

// Follows one offset: NONE for 0 and, with a finding, for one that leads nowhere.
static uint32_t follow(struct reader *r, uint64_t offset, uint32_t from,
                       enum dcm_dicomdir_finding_kind wrong) {
    if (offset == 0) {
        return NONE;
    }
    uint32_t to = record_at(r->dir, offset + (uint64_t)r->shift);
    if (to == NONE) {
        find(r, wrong, from, offset);
    }
    return to;
}

struct links {
    uint32_t next;
    uint32_t lower;
};

static struct links links_of(struct reader *r, uint32_t index) {
    const struct dcm_dataset *keys = r->dir->records[index].keys;
    uint64_t next = 0;
    uint64_t lower = 0;
    bool both = get_offset(keys, DCM_OffsetOfTheNextDirectoryRecord, &next);
    both = get_offset(keys, DCM_OffsetOfReferencedLowerLevelDirectoryEntity, &lower) && both;
    if (!both) {
        find_record(r, DCM_DICOMDIR_FINDING_NO_OFFSET, index);
    }
    return (struct links){follow(r, next, index, DCM_DICOMDIR_FINDING_NEXT_WRONG),
                          follow(r, lower, index, DCM_DICOMDIR_FINDING_LOWER_WRONG)};
}

// --- the tree

// 0 for PATIENT and the types that stand at the root, 3 for those below a series.
static unsigned level_of(struct slice type) {
    static const char *const roots[] = {"PATIENT", "HANGING PROTOCOL", "PALETTE",
                                        "IMPLANT", "IMPLANT ASSY",     "IMPLANT GROUP"};
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        if (slice_eq_str(type, roots[i])) {
            return 0;
        }
    }
    return slice_eq_str(type, "STUDY") ? 1 : slice_eq_str(type, "SERIES") ? 2 : 3;
}

static void hang(struct reader *r, uint32_t index, uint32_t parent, uint32_t before) {
    struct dcm_record *record = &r->dir->records[index];
    record->reached = true;
    record->parent = parent;
    record->depth = parent == NONE ? 0 : (uint16_t)(r->dir->records[parent].depth + 1);
    if (before != NONE) {
        r->dir->records[before].next = index;
    } else if (parent != NONE) {
        r->dir->records[parent].first_child = index;
    } else {
        r->dir->first = index;
    }
    bool below = parent != NONE &&
                 level_of(record->type) <= level_of(r->dir->records[parent].type) &&
                 level_of(record->type) < 3;
    if (below) {
        find_record(r, DCM_DICOMDIR_FINDING_WRONG_LEVEL, index);
    }
}

// One level being walked: the record to hang next, and the one hung before it.
struct step {
    uint32_t at;
    uint32_t parent;
    uint32_t before;
};

// Hangs `first` and all that it leads to behind the root record `before` (or NONE).
static void walk(struct reader *r, uint32_t first, uint32_t before) {
    struct step stack[DCM_DICOMDIR_DEPTH_MAX];
    unsigned depth = 0;
    stack[0] = (struct step){first, NONE, before};
    for (;;) {
        struct step *s = &stack[depth];
        bool again = s->at != NONE && r->dir->records[s->at].reached;
        if (again) {
            find_record(r, DCM_DICOMDIR_FINDING_CYCLE, s->at);
        }
        if (s->at == NONE || again) {
            if (depth == 0) {
                return;
            }
            depth--;
            continue;
        }
        uint32_t here = s->at;
        struct links links = links_of(r, here);
        hang(r, here, s->parent, s->before);
        s->before = here;
        s->at = links.next;
        if (links.lower != NONE && depth + 1 < DCM_DICOMDIR_DEPTH_MAX) {
            stack[++depth] = (struct step){links.lower, here, NONE};
        } else if (links.lower != NONE) {
            find_record(r, DCM_DICOMDIR_FINDING_TOO_DEEP, here);
        }
    }
}

static uint32_t last_root(const struct dcm_dicomdir *dir) {
    uint32_t last = dir->first;
    while (last != NONE && dir->records[last].next != NONE) {
        last = dir->records[last].next;
    }
    return last;
}

// Which records some other record leads to.
static void mark_claimed(const struct reader *r, bool *claimed) {
    static const dcm_tag tags[] = {DCM_OffsetOfTheNextDirectoryRecord,
                                   DCM_OffsetOfReferencedLowerLevelDirectoryEntity};
    for (uint32_t i = 0; i < r->dir->count; i++) {
        for (size_t t = 0; t < 2; t++) {
            uint64_t offset = 0;
            (void)get_offset(r->dir->records[i].keys, tags[t], &offset);
            uint32_t to = offset == 0 ? NONE : record_at(r->dir, offset + (uint64_t)r->shift);
            if (to != NONE) {
                claimed[to] = true;
            }
        }
    }
}

// What the root does not lead to: first the records that nothing leads to, with all below them;
// then what is left, which are rings.
static void hang_orphans(struct reader *r, const bool *claimed) {
    uint32_t last = last_root(r->dir);
    for (int rings = 0; rings < 2; rings++) {
        for (uint32_t i = 0; i < r->dir->count; i++) {
            if (r->dir->records[i].reached || (claimed[i] && rings == 0)) {
                continue;
            }
            find_record(r, DCM_DICOMDIR_FINDING_ORPHAN, i);
            r->dir->records[i].orphan = true;
            walk(r, i, last);
            last = i;
            while (r->dir->records[last].next != NONE) {
                last = r->dir->records[last].next;
            }
        }
    }
}

// Without offsets: each record goes below the last one before it of a higher level.
static int rebuild(struct reader *r, struct err *e) {
    uint32_t open[4] = {NONE, NONE, NONE, NONE}; // last record of each level
    uint32_t count = r->dir->count;
    uint32_t *last_child = arena_array(r->arena, (size_t)count + 1, sizeof *last_child);
    if (last_child == NULL) {
        return err_set(e, E_MEMORY, "no memory for the directory");
    }
    find(r, DCM_DICOMDIR_FINDING_REBUILT, NONE, 0);
    memset(last_child, 0xFF, ((size_t)count + 1) * sizeof *last_child); // NONE; [count]: the root
    for (uint32_t i = 0; i < count; i++) {
        unsigned level = level_of(r->dir->records[i].type);
        uint32_t parent = NONE;
        for (unsigned l = 0; l < level; l++) {
            parent = open[l] != NONE ? open[l] : parent;
        }
        uint32_t *before = &last_child[parent == NONE ? count : parent];
        hang(r, i, parent, *before);
        *before = i;
        open[level] = i;
        for (unsigned l = level + 1; l < 4; l++) {
            open[l] = NONE;
        }
    }
    return E_OK;
}

static void check_last(struct reader *r, const struct dcm_dataset *d) {
    uint64_t said;
    uint32_t last = last_root(r->dir);
    bool has = get_offset(d, DCM_OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity, &said);
    uint64_t there = last == NONE ? 0 : r->dir->records[last].offset;
    if (!has || (said == 0 ? there != 0 : said + (uint64_t)r->shift != there)) {
        find(r, DCM_DICOMDIR_FINDING_LAST_WRONG, NONE, has ? said : 0);
    }
}

static int build_tree(struct reader *r, const struct dcm_dataset *d, struct err *e) {
    uint64_t root = 0;
    uint32_t hits = 0;
    uint32_t all = 0;
    bool *claimed = arena_array(r->arena, (size_t)r->dir->count + 1, sizeof *claimed);
    if (claimed == NULL) {
        return err_set(e, E_MEMORY, "no memory for the directory");
    }
    (void)get_offset(d, DCM_OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity, &root);
    find_shift(r, root);
    count_hits(r->dir, r->shift, &hits, &all);
    if (r->dir->count > 1 && hits == 0) {
        return rebuild(r, e);
    }
    uint32_t first = follow(r, root, NONE, DCM_DICOMDIR_FINDING_ROOT_WRONG);
    mark_claimed(r, claimed);
    bool elsewhere = first != NONE && claimed[first] && level_of(r->dir->records[first].type) > 0;
    if (elsewhere) { // it belongs below or behind another record
        find(r, DCM_DICOMDIR_FINDING_ROOT_WRONG, NONE, root);
        first = NONE;
    }
    if (first != NONE) {
        walk(r, first, NONE);
        check_last(r, d);
    }
    hang_orphans(r, claimed);
    return E_OK;
}

// --- the file

static int make_records(struct reader *r, const struct dcm_file *file, const struct dcm_node *n,
                        struct err *e) {
    r->dir->records = arena_array(r->arena, (size_t)n->item_count + 1, sizeof *r->dir->records);
    r->findings_max = n->item_count * FINDINGS_PER_RECORD + 16;
    r->dir->findings = arena_array(r->arena, r->findings_max, sizeof *r->dir->findings);
    if (r->dir->records == NULL || r->dir->findings == NULL) {
        return err_set(e, E_MEMORY, "no memory for the directory");
    }
    r->dir->count = n->item_count;
    for (uint32_t i = 0; i < n->item_count; i++) {
        const struct dcm_dataset *item = n->items[i];
        uint64_t content = item->raw.ptr == NULL ? 0 : (uint64_t)(item->raw.ptr - file->body.ptr);
        uint64_t offset = file->body_offset + content - (item->raw.ptr == NULL ? 0 : 8);
        int rc = make_record(r, i, item, offset, e);
        if (rc != E_OK) {
            return rc;
        }
    }
    return E_OK;
}

static void check_file(struct reader *r, const struct dcm_file *file) {
    struct slice sop_class;
    bool named = file->meta != NULL &&
                 dcm_text(file->meta, DCM_MediaStorageSOPClassUID, 0, &sop_class) &&
                 slice_eq_str(sop_class, DCM_DICOMDIR_UID);
    if (!named) {
        find(r, DCM_DICOMDIR_FINDING_NOT_A_DIRECTORY, NONE, 0);
    }
    if (file->encoding != DCM_EXPLICIT_LE || file->deflated) {
        find(r, DCM_DICOMDIR_FINDING_SYNTAX, NONE, 0);
    }
}

int dcm_dicomdir_read(struct arena *a, struct slice bytes, struct dcm_dicomdir *ret_dir,
                      struct err *e) {
    struct dcm_file file;
    struct dcm_dataset *d;
    struct dcm_dicomdir dir = {.first = NONE};
    struct reader r = {.arena = a, .dir = &dir};
    int rc = dcm_file_open(a, bytes, &file, e);
    if (rc == E_OK) {
        rc = dcm_file_dataset(a, &file, 0, &d, e);
    }
    if (rc != E_OK) {
        return rc;
    }
    const struct dcm_node *n = dcm_get(d, DCM_DirectoryRecordSequence);
    if (n == NULL || n->vr != DCM_VR_SQ) {
        (void)err_set(e, E_MISMATCH, "no Directory Record Sequence: not a DICOMDIR");
        return err_in(e, "(0004,1220)");
    }
    (void)dcm_text(d, DCM_FileSetID, 0, &dir.file_set_id);
    rc = make_records(&r, &file, n, e);
    if (rc != E_OK) {
        return rc;
    }
    check_file(&r, &file);
    rc = build_tree(&r, d, e);
    if (rc != E_OK) {
        return rc;
    }
    *ret_dir = dir;
    return E_OK;
}

// --- opening what a record names

static int open_variants(int dir_fd, const char *part, bool last) {
    int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | (last ? O_NONBLOCK : O_DIRECTORY);
    char other[PATH_BYTES_MAX + 3];
    int fd = openat(dir_fd, part, flags);
    size_t len = strlen(part);
    if (fd >= 0 || errno != ENOENT || len + 3 > sizeof other) {
        return fd;
    }
    for (size_t i = 0; i <= len; i++) {
        other[i] = part[i] >= 'A' && part[i] <= 'Z' ? (char)(part[i] + 32) : part[i];
    }
    fd = openat(dir_fd, other, flags);
    if (fd < 0 && errno == ENOENT && last) {
        (void)snprintf(other, sizeof other, "%s;1", part);
        fd = openat(dir_fd, other, flags);
    }
    return fd;
}

int dcm_dicomdir_open_file(int medium_fd, const char *path, int *ret_fd, struct err *e) {
    struct slice rest = slice_str(path);
    struct slice part;
    int dir CLEANUP(cleanup_fd) = -1;
    while (slice_split(&rest, '/', &part)) {
        char name[PATH_BYTES_MAX];
        if (!part_is_safe(part) || part.len >= sizeof name) {
            return err_set(e, E_ARGUMENT, "not a path below the medium");
        }
        (void)snprintf(name, sizeof name, "%.*s", (int)part.len, (const char *)part.ptr);
        int fd = open_variants(dir < 0 ? medium_fd : dir, name, rest.ptr == NULL);
        if (fd < 0) {
            return err_set_errno(e, errno, "%s", path);
        }
        cleanup_fd(&dir);
        dir = fd;
    }
    *ret_fd = steal_fd(&dir);
    return E_OK;
}
