// SPDX-License-Identifier: Apache-2.0
#include "cli/deid_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "gate/identity.h"

#define PATH_LEN 4096
#define JOURNAL_MAX ((size_t)4 << 30)
#define KEY_NAME "key"
#define JOURNAL_NAME "journal"
#define SIGNING_NAME "signing.key"
#define SALT_LEN 32
#define NAME_LEN 16 // bytes of a digest that name a folder
#define MAC_LEN 32
#define MAGIC "maclab deid 1\n"
#define MAGIC_LEN (sizeof MAGIC - 1)

struct line {
    uint8_t mac[MAC_LEN];
    struct slice text;
};

struct deid_state {
    int dir;
    uint8_t salt[SALT_LEN];
    struct buf journal; // as it was read: magic, salt, lines
    struct buf fresh;   // lines of this run
    struct line *lines; // of journal, sorted by mac
    uint64_t count;
};

// --- where it lies -----------------------------------------------------------------------------

static int state_root(char out[PATH_LEN], struct err *e) {
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int n;
    if (state != NULL && state[0] == '/') {
        n = snprintf(out, PATH_LEN, "%s/maclab", state);
    } else if (home != NULL && home[0] == '/') {
        n = snprintf(out, PATH_LEN, "%s/.local/state/maclab", home);
    } else {
        return err_set(e, E_NOT_FOUND, "neither XDG_STATE_HOME nor HOME says where to keep state");
    }
    if (n >= PATH_LEN) {
        return err_set(e, E_LIMIT, "the state folder's path is too long");
    }
    return file_make_dirs(out, 0700, e);
}

static int open_root(int *ret_dir, struct err *e) {
    char root[PATH_LEN];
    int rc = state_root(root, e);
    if (rc != E_OK) {
        return rc;
    }
    *ret_dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_dir >= 0 ? E_OK : err_set_errno(e, errno, "the state folder");
}

// A secret of `len` bytes in a file of its own; made when it is not there.
static int load_secret(int dir, const char *name, uint8_t *out, size_t len, bool *ret_made,
                       struct err *e) {
    CLEANUP(cleanup_fd) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    *ret_made = fd < 0 && errno == ENOENT;
    if (fd >= 0) {
        return file_pread_all(fd, out, len, 0) == 0 ? E_OK : err_set_errno(e, errno, "%s", name);
    }
    if (!*ret_made) {
        return err_set_errno(e, errno, "%s in the state folder", name);
    }
    randombytes_buf(out, len);
    return file_write_durable(dir, name, slice_of(out, len), 0600, e);
}

static void mac_of(const uint8_t salt[SALT_LEN], struct slice a, struct slice b,
                   uint8_t out[MAC_LEN]) {
    crypto_generichash_state h;
    uint64_t len = a.len;
    (void)crypto_generichash_init(&h, salt, SALT_LEN, MAC_LEN);
    (void)crypto_generichash_update(&h, (const unsigned char *)&len, sizeof len);
    (void)crypto_generichash_update(&h, a.ptr, a.len);
    (void)crypto_generichash_update(&h, b.ptr, b.len);
    (void)crypto_generichash_final(&h, out, MAC_LEN);
}

// --- the journal: magic, salt, then of each line mac, length, text

static int compare_lines(const void *a, const void *b) { return memcmp(a, b, MAC_LEN); }

static int index_lines(struct deid_state *s, struct err *e) {
    struct slice rest = slice_from(buf_slice(&s->journal), MAGIC_LEN + SALT_LEN);
    uint64_t count = 0;
    for (int pass = 0; pass < 2; pass++) {
        struct slice at = rest;
        count = 0;
        while (at.len >= MAC_LEN + sizeof(uint32_t)) {
            uint32_t len = num_le32(at.ptr + MAC_LEN);
            size_t whole = MAC_LEN + sizeof len + len;
            if (whole > at.len) {
                break;
            }
            if (pass == 1) {
                memcpy(s->lines[count].mac, at.ptr, MAC_LEN);
                s->lines[count].text = slice_of(at.ptr + MAC_LEN + sizeof len, len);
            }
            at = slice_from(at, whole);
            count++;
        }
        if (pass == 0 && count > 0) {
            s->lines = mem_array(count, sizeof *s->lines);
            if (s->lines == NULL) {
                return err_set(e, E_MEMORY, "journal");
            }
        }
    }
    s->count = count;
    if (count > 0) {
        qsort(s->lines, count, sizeof *s->lines, compare_lines);
    }
    return E_OK;
}

static int read_journal(struct deid_state *s, struct err *e) {
    char path[64];
    CLEANUP(cleanup_fd) int fd = openat(s->dir, JOURNAL_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno != ENOENT) {
        return err_set_errno(e, errno, "the journal");
    }
    if (fd >= 0) {
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (file_read(path, &s->journal, e) != E_OK) {
            return e->code;
        }
    }
    bool ours =
        s->journal.len >= MAGIC_LEN + SALT_LEN && memcmp(s->journal.data, MAGIC, MAGIC_LEN) == 0;
    if (!ours) {
        buf_clear(&s->journal);
        randombytes_buf(s->salt, sizeof s->salt);
        return E_OK;
    }
    memcpy(s->salt, s->journal.data + MAGIC_LEN, sizeof s->salt);
    return index_lines(s, e);
}

static int take_lock(struct deid_state *s, struct err *e) {
    if (flock(s->dir, LOCK_EX | LOCK_NB) == 0) {
        return E_OK;
    }
    return errno == EWOULDBLOCK ? err_set(e, E_LOCKED, "another maclab deid is at work on this OUT")
                                : err_set_errno(e, errno, "locking the state folder");
}

// A folder an OUT, named by a salted digest of its path.
static int open_dir(struct deid_state *s, const char *out_path, struct err *e) {
    CLEANUP(cleanup_fd) int root = -1;
    uint8_t salt[SALT_LEN];
    uint8_t mac[MAC_LEN];
    char name[2 * NAME_LEN + 1];
    bool made;
    int rc = open_root(&root, e);
    rc = rc == E_OK ? load_secret(root, "salt", salt, sizeof salt, &made, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    mac_of(salt, slice_str("out"), slice_str(out_path), mac);
    (void)sodium_bin2hex(name, sizeof name, mac, NAME_LEN);
    if (mkdirat(root, name, 0700) != 0 && errno != EEXIST) {
        return err_set_errno(e, errno, "the state folder");
    }
    s->dir = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return s->dir >= 0 ? E_OK : err_set_errno(e, errno, "the state folder");
}

int deid_state_open(const char *out_path, struct deid_state **ret_state, struct err *e) {
    struct deid_state *s = mem_zalloc(sizeof *s);
    if (s == NULL) {
        return err_set(e, E_MEMORY, "state");
    }
    s->dir = -1;
    buf_init(&s->journal, JOURNAL_MAX);
    buf_init(&s->fresh, JOURNAL_MAX);
    int rc = open_dir(s, out_path, e);
    rc = rc == E_OK ? take_lock(s, e) : rc;
    rc = rc == E_OK ? read_journal(s, e) : rc;
    if (rc != E_OK) {
        deid_state_close(s);
        return rc;
    }
    *ret_state = s;
    return E_OK;
}

void deid_state_close(struct deid_state *s) {
    if (s != NULL) {
        cleanup_fd(&s->dir);
        buf_done(&s->journal);
        buf_done(&s->fresh);
        mem_free(s->lines);
        mem_free(s);
    }
}

// --- keys

int deid_state_key(struct deid_state *s, struct gate_key **ret_key, bool *ret_resumed,
                   struct err *e) {
    bool made = false;
    struct gate_key *key = gate_key_new();
    int rc = key == NULL ? err_set(e, E_MEMORY, "no locked memory for the key")
                         : load_secret(s->dir, KEY_NAME, key->bytes, sizeof key->bytes, &made, e);
    if (rc != E_OK) {
        gate_key_destroy(key);
        return rc;
    }
    *ret_key = key;
    *ret_resumed = !made;
    return E_OK;
}

int deid_signing_key(uint8_t ret_secret[64], struct err *e) {
    CLEANUP(cleanup_fd) int root = -1;
    uint8_t seed[32];
    uint8_t public_key[32];
    bool made;
    int rc = open_root(&root, e);
    rc = rc == E_OK ? load_secret(root, SIGNING_NAME, seed, sizeof seed, &made, e) : rc;
    if (rc == E_OK) {
        (void)crypto_sign_seed_keypair(public_key, ret_secret, seed);
    }
    sodium_memzero(seed, sizeof seed);
    return rc;
}

static int make_key_file(const char *path, struct gate_key *key, struct err *e) {
    char hex[2 * GATE_KEY_LEN + 2];
    (void)sodium_bin2hex(hex, sizeof hex - 1, key->bytes, sizeof key->bytes);
    hex[2 * GATE_KEY_LEN] = '\n';
    CLEANUP(cleanup_fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool fine = fd >= 0 && file_write_all(fd, hex, sizeof hex - 1) == 0 && fsync(fd) == 0;
    int why = errno;
    sodium_memzero(hex, sizeof hex);
    return fine ? E_OK : err_set_errno(e, why, "the key file cannot be made");
}

static int read_key_file(int fd, struct gate_key *key, struct err *e) {
    char hex[2 * GATE_KEY_LEN + 2] = {0};
    struct stat st;
    size_t len = 0;
    const char *end = NULL;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return err_set(e, E_ARGUMENT, "the key file is no regular file");
    }
    if ((st.st_mode & 077) != 0) {
        return err_set(e, E_DENIED,
                       "others may read or change the key file: chmod 600 it, and think of whether "
                       "it is a secret still");
    }
    ssize_t n = read(fd, hex, sizeof hex - 1);
    bool fine = n >= 2 * GATE_KEY_LEN &&
                sodium_hex2bin(key->bytes, sizeof key->bytes, hex, 2 * GATE_KEY_LEN, NULL, &len,
                               &end) == 0 &&
                len == GATE_KEY_LEN;
    sodium_memzero(hex, sizeof hex);
    return fine ? E_OK
                : err_set(e, E_SYNTAX, "the key file does not hold %d hexadecimal digits",
                          2 * GATE_KEY_LEN);
}

int deid_key_file(const char *path, struct gate_key **ret_key, bool *ret_made, struct err *e) {
    struct gate_key *key = gate_key_new();
    if (key == NULL) {
        return err_set(e, E_MEMORY, "no locked memory for the key");
    }
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    *ret_made = fd < 0 && errno == ENOENT;
    int rc = fd >= 0     ? read_key_file(fd, key, e)
             : *ret_made ? make_key_file(path, key, e)
                         : err_set_errno(e, errno, "the key file");
    if (rc != E_OK) {
        gate_key_destroy(key);
        return rc;
    }
    *ret_key = key;
    return E_OK;
}

// --- lines

static void mac_input(const struct deid_state *s, const char *input, const struct stat *st,
                      uint8_t out[MAC_LEN]) {
    int64_t facts[] = {(int64_t)st->st_size, (int64_t)st->st_mtim.tv_sec,
                       (int64_t)st->st_mtim.tv_nsec};
    mac_of(s->salt, slice_str(input), slice_of(facts, sizeof facts), out);
}

bool deid_state_find(const struct deid_state *s, const char *input, const struct stat *st,
                     struct slice *ret_line) {
    struct line key;
    mac_input(s, input, st, key.mac);
    const struct line *found =
        s->count == 0 ? NULL : bsearch(&key, s->lines, s->count, sizeof key, compare_lines);
    if (found != NULL) {
        *ret_line = found->text;
    }
    return found != NULL;
}

uint64_t deid_state_count(const struct deid_state *s) { return s->count; }

void deid_state_forget(struct deid_state *s) {
    s->count = 0;
    buf_clear(&s->journal);
}

int deid_state_put(struct deid_state *s, const char *input, const struct stat *st,
                   struct slice line, struct err *e) {
    uint8_t mac[MAC_LEN];
    uint8_t len[4];
    mac_input(s, input, st, mac);
    num_put_le32(len, (uint32_t)line.len);
    buf_put(&s->fresh, mac, sizeof mac);
    buf_put(&s->fresh, len, sizeof len);
    buf_put_slice(&s->fresh, line);
    return buf_check(&s->fresh, "journal", e);
}

int deid_state_finish(struct deid_state *s, struct err *e) {
    if (s->journal.len == 0) {
        buf_put_str(&s->journal, MAGIC);
        buf_put(&s->journal, s->salt, sizeof s->salt);
    }
    buf_put_slice(&s->journal, buf_slice(&s->fresh));
    int rc = buf_check(&s->journal, "journal", e);
    rc =
        rc == E_OK ? file_write_durable(s->dir, JOURNAL_NAME, buf_slice(&s->journal), 0600, e) : rc;
    if (rc == E_OK && unlinkat(s->dir, KEY_NAME, 0) != 0 && errno != ENOENT) {
        rc = err_set_errno(e, errno, "destroying the key");
    }
    return rc == E_OK ? file_sync_dir(s->dir, e) : rc;
}
