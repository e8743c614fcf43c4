// SPDX-License-Identifier: Apache-2.0
#include "store/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"

#define SALT_LEN 16
#define NONCE_LEN 12
#define AAD_LEN 9
static const uint8_t magic[8] = {'M', 'L', 's', 'e', 'a', 'l', '1', '\n'};

// --- keys

struct seal_key *seal_key_new(void) {
    struct seal_key *k = sodium_init() < 0 ? NULL : sodium_malloc(sizeof *k);
    if (k != NULL) {
        randombytes_buf(k->bytes, sizeof k->bytes);
    }
    return k;
}

void seal_key_free(struct seal_key *k) { sodium_free(k); } // wipes

struct hash seal_mac(const struct seal_key *k, const char *purpose, struct slice bytes) {
    crypto_auth_hmacsha256_state state;
    struct hash h;
    uint8_t len[8];
    num_put_le64(len, strlen(purpose));
    (void)crypto_auth_hmacsha256_init(&state, k->bytes, sizeof k->bytes);
    (void)crypto_auth_hmacsha256_update(&state, len, sizeof len);
    (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)purpose, strlen(purpose));
    (void)crypto_auth_hmacsha256_update(&state, bytes.ptr, bytes.len);
    (void)crypto_auth_hmacsha256_final(&state, h.bytes);
    sodium_memzero(&state, sizeof state);
    return h;
}

void seal_key_derive(const struct seal_key *k, const char *purpose, uint8_t out[SEAL_KEY_LEN]) {
    struct hash h = seal_mac(k, purpose, slice_str("derive"));
    memcpy(out, h.bytes, SEAL_KEY_LEN);
    sodium_memzero(&h, sizeof h);
}

#define WRAP_NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
_Static_assert(WRAP_NONCE + SEAL_KEY_LEN + crypto_aead_xchacha20poly1305_ietf_ABYTES ==
                   SEAL_WRAPPED_LEN,
               "a wrapped key");

int seal_wrap(const struct seal_key *by, const struct seal_key *k, const char *delivery,
              uint8_t out[SEAL_WRAPPED_LEN], struct err *e) {
    unsigned long long len = 0;
    randombytes_buf(out, WRAP_NONCE);
    int failed = crypto_aead_xchacha20poly1305_ietf_encrypt(
        out + WRAP_NONCE, &len, k->bytes, sizeof k->bytes, (const uint8_t *)delivery,
        strlen(delivery), NULL, out, by->bytes);
    return failed == 0 ? E_OK : err_set(e, E_INTERNAL, "a delivery's key cannot be wrapped");
}

int seal_unwrap(const struct seal_key *by, struct slice wrapped, const char *delivery,
                struct seal_key **ret_key, struct err *e) {
    struct seal_key *k = seal_key_new();
    unsigned long long len = 0;
    if (k == NULL) {
        return err_set(e, E_MEMORY, "no locked memory for a key");
    }
    if (wrapped.len != SEAL_WRAPPED_LEN ||
        crypto_aead_xchacha20poly1305_ietf_decrypt(
            k->bytes, &len, NULL, wrapped.ptr + WRAP_NONCE, wrapped.len - WRAP_NONCE,
            (const uint8_t *)delivery, strlen(delivery), wrapped.ptr, by->bytes) != 0) {
        seal_key_free(k);
        return err_set(e, E_CORRUPT, "the key of delivery %s cannot be unwrapped", delivery);
    }
    *ret_key = k;
    return E_OK;
}

// --- chunks

struct cipher {
    EVP_CIPHER_CTX *context;
    uint64_t chunk;
};

// The item's key goes into OpenSSL's context, which wipes it when it is freed.
static int cipher_init(struct cipher *c, bool encrypt, const struct seal_key *k,
                       const struct seal_name *name, const uint8_t salt[SALT_LEN], struct err *e) {
    uint8_t bytes[SEAL_DELIVERY_LEN + 8 + SALT_LEN] = {0};
    memcpy(bytes, name->delivery, strnlen(name->delivery, SEAL_DELIVERY_LEN));
    num_put_le64(bytes + SEAL_DELIVERY_LEN, name->number);
    memcpy(bytes + SEAL_DELIVERY_LEN + 8, salt, SALT_LEN);
    struct hash key = seal_mac(k, "item", slice_of(bytes, sizeof bytes));
    c->chunk = 0;
    c->context = EVP_CIPHER_CTX_new();
    bool good = c->context != NULL && EVP_CipherInit_ex(c->context, EVP_aes_256_gcm(), NULL,
                                                        key.bytes, NULL, encrypt ? 1 : 0) == 1;
    sodium_memzero(&key, sizeof key);
    if (!good) {
        EVP_CIPHER_CTX_free(c->context);
        c->context = NULL;
        return err_set(e, E_MEMORY, "encryption of the quarantine");
    }
    return E_OK;
}

// Both directions; `tag` is written or checked. false: it does not fit (or OpenSSL failed).
static bool cipher_chunk(struct cipher *c, bool encrypt, bool last, const uint8_t *in, size_t len,
                         uint8_t *out, uint8_t *tag) {
    uint8_t nonce[NONCE_LEN] = {0}, aad[AAD_LEN];
    int n = 0, rest = 0;
    num_put_le64(nonce, c->chunk);
    num_put_le64(aad, c->chunk++);
    aad[8] = last;
    return EVP_CipherInit_ex(c->context, NULL, NULL, NULL, nonce, -1) == 1 &&
           EVP_CipherUpdate(c->context, NULL, &n, aad, sizeof aad) == 1 &&
           (len == 0 || EVP_CipherUpdate(c->context, out, &n, in, (int)len) == 1) &&
           (encrypt ||
            EVP_CIPHER_CTX_ctrl(c->context, EVP_CTRL_GCM_SET_TAG, SEAL_TAG_LEN, tag) == 1) &&
           EVP_CipherFinal_ex(c->context, out + len, &rest) == 1 &&
           (!encrypt ||
            EVP_CIPHER_CTX_ctrl(c->context, EVP_CTRL_GCM_GET_TAG, SEAL_TAG_LEN, tag) == 1);
}

// --- writing

struct seal_writer {
    struct cipher cipher;
    uint8_t head[SEAL_HEAD_LEN];
    bool head_written;
    size_t filled;
    uint8_t plain[SEAL_CHUNK];
    uint8_t coded[SEAL_CHUNK + SEAL_TAG_LEN];
};

int seal_writer_new(const struct seal_key *k, const struct seal_name *name,
                    struct seal_writer **ret_writer, struct err *e) {
    struct seal_writer *w = mem_alloc(sizeof *w);
    if (w == NULL) {
        return err_set(e, E_MEMORY, "encryption of the quarantine");
    }
    w->head_written = false;
    w->filled = 0;
    memcpy(w->head, magic, sizeof magic);
    randombytes_buf(w->head + sizeof magic, SALT_LEN);
    int rc = cipher_init(&w->cipher, true, k, name, w->head + sizeof magic, e);
    if (rc != E_OK) {
        mem_free(w);
        return rc;
    }
    *ret_writer = w;
    return E_OK;
}

void seal_writer_free(struct seal_writer *w) {
    if (w != NULL) {
        EVP_CIPHER_CTX_free(w->cipher.context);
        sodium_memzero(w->plain, sizeof w->plain);
        mem_free(w);
    }
}

static int put(int fd, const void *bytes, size_t len, struct err *e) {
    return file_write_all(fd, bytes, len) == 0
               ? E_OK
               : err_set_errno(e, errno, "cannot write a file of the quarantine");
}

static int flush(struct seal_writer *w, int fd, const uint8_t *plain, size_t len, bool last,
                 struct err *e) {
    if (!w->head_written && put(fd, w->head, sizeof w->head, e) != E_OK) {
        return e->code;
    }
    w->head_written = true;
    if (!cipher_chunk(&w->cipher, true, last, plain, len, w->coded, w->coded + len)) {
        return err_set(e, E_INTERNAL, "encryption of the quarantine failed");
    }
    return put(fd, w->coded, len + SEAL_TAG_LEN, e);
}

// A full chunk goes when more comes: the last one is to be known as such.
int seal_write(struct seal_writer *w, int fd, const void *bytes, size_t len, struct err *e) {
    const uint8_t *from = bytes;
    while (len > 0) {
        int rc = E_OK;
        if (w->filled == SEAL_CHUNK) {
            rc = flush(w, fd, w->plain, SEAL_CHUNK, false, e);
            w->filled = 0;
        }
        while (rc == E_OK && w->filled == 0 && len > SEAL_CHUNK) { // without a copy
            rc = flush(w, fd, from, SEAL_CHUNK, false, e);
            from += SEAL_CHUNK;
            len -= SEAL_CHUNK;
        }
        if (rc != E_OK) {
            return rc;
        }
        size_t take = len < SEAL_CHUNK - w->filled ? len : SEAL_CHUNK - w->filled;
        memcpy(w->plain + w->filled, from, take);
        w->filled += take;
        from += take;
        len -= take;
    }
    return E_OK;
}

int seal_end(struct seal_writer *w, int fd, struct err *e) {
    return flush(w, fd, w->plain, w->filled, true, e);
}

// --- reading

uint64_t seal_file_len(uint64_t plain) {
    uint64_t chunks = plain == 0 ? 1 : (plain + SEAL_CHUNK - 1) / SEAL_CHUNK;
    return SEAL_HEAD_LEN + plain + chunks * SEAL_TAG_LEN;
}

int seal_plain_len(uint64_t file_len, uint64_t *ret_plain, struct err *e) {
    uint64_t whole = SEAL_CHUNK + SEAL_TAG_LEN;
    uint64_t rest = file_len < SEAL_HEAD_LEN ? 0 : file_len - SEAL_HEAD_LEN;
    uint64_t chunks = (rest + whole - 1) / whole;
    if (chunks == 0 || rest < chunks * SEAL_TAG_LEN ||
        seal_file_len(rest - chunks * SEAL_TAG_LEN) != file_len) {
        return err_set(e, E_CORRUPT, "a file of the quarantine has been cut short");
    }
    *ret_plain = rest - chunks * SEAL_TAG_LEN;
    return E_OK;
}

static int corrupt(struct err *e) {
    return err_set(e, E_CORRUPT, "a file of the quarantine is not as it was written");
}

struct reading {
    struct cipher cipher;
    int from;
    uint64_t at, left; // of the file, of the plain bytes
    uint8_t coded[SEAL_CHUNK + SEAL_TAG_LEN];
    uint8_t plain[SEAL_CHUNK + SEAL_TAG_LEN];
};

static int read_chunk(struct reading *r, size_t *ret_len, struct err *e) {
    size_t len = r->left < SEAL_CHUNK ? (size_t)r->left : SEAL_CHUNK;
    bool last = r->left <= SEAL_CHUNK;
    if (file_pread_all(r->from, r->coded, len + SEAL_TAG_LEN, r->at) != 0) {
        return errno == EIO ? corrupt(e)
                            : err_set_errno(e, errno, "cannot read a file of the quarantine");
    }
    if (!cipher_chunk(&r->cipher, false, last, r->coded, len, r->plain, r->coded + len)) {
        return corrupt(e);
    }
    r->at += len + SEAL_TAG_LEN;
    r->left -= len;
    *ret_len = len;
    return E_OK;
}

static int begin_reading(struct reading *r, const struct seal_key *k, const struct seal_name *name,
                         uint64_t file_len, struct err *e) {
    uint8_t head[SEAL_HEAD_LEN];
    int rc = seal_plain_len(file_len, &r->left, e);
    if (rc == E_OK && file_pread_all(r->from, head, sizeof head, 0) != 0) {
        rc = err_set_errno(e, errno, "cannot read a file of the quarantine");
    }
    if (rc == E_OK && memcmp(head, magic, sizeof magic) != 0) {
        rc = corrupt(e);
    }
    r->at = SEAL_HEAD_LEN;
    return rc == E_OK ? cipher_init(&r->cipher, false, k, name, head + sizeof magic, e) : rc;
}

int seal_read(const struct seal_key *k, const struct seal_name *name, int from, uint64_t file_len,
              int (*put_out)(void *context, struct slice bytes, struct err *e), void *context,
              struct err *e) {
    struct reading *r = mem_alloc(sizeof *r);
    if (r == NULL) {
        return err_set(e, E_MEMORY, "decryption of the quarantine");
    }
    r->from = from;
    r->cipher.context = NULL;
    int rc = begin_reading(r, k, name, file_len, e);
    bool more = rc == E_OK;
    while (more) {
        size_t len = 0;
        rc = read_chunk(r, &len, e);
        rc = rc == E_OK ? put_out(context, slice_of(r->plain, len), e) : rc;
        more = rc == E_OK && r->left > 0;
    }
    EVP_CIPHER_CTX_free(r->cipher.context);
    sodium_memzero(r->plain, sizeof r->plain);
    mem_free(r);
    return rc;
}

static int put_fd(void *context, struct slice bytes, struct err *e) {
    return file_write_all(*(const int *)context, bytes.ptr, bytes.len) == 0
               ? E_OK
               : err_set_errno(e, errno, "no memory for a file of the quarantine");
}

// Another descriptor of the same file: a worker is given none that it could write to.
static int read_only(int fd, int *ret_fd, struct err *e) {
    char path[40];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    *ret_fd = open(path, O_RDONLY | O_CLOEXEC);
    return *ret_fd >= 0 ? E_OK : err_set_errno(e, errno, "cannot open a file in memory");
}

int seal_read_memory(const struct seal_key *k, const struct seal_name *name, int from,
                     uint64_t file_len, int *ret_fd, uint64_t *ret_len, struct err *e) {
    uint64_t len = 0;
    CLEANUP(cleanup_fd) int fd = memfd_create("maclab", MFD_CLOEXEC);
    if (fd < 0) {
        return err_set_errno(e, errno, "no memory for a file of the quarantine");
    }
    int rc = seal_plain_len(file_len, &len, e);
    rc = rc == E_OK ? seal_read(k, name, from, file_len, put_fd, &fd, e) : rc;
    rc = rc == E_OK ? read_only(fd, ret_fd, e) : rc;
    if (rc == E_OK) {
        *ret_len = len;
    }
    return rc;
}
