// SPDX-License-Identifier: Apache-2.0
#include "web/pictures.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "web/lookup.h"
#include "web/request.h"

#define BUCKETS 256u

struct web_picture {
    struct web_picture *next; // in the bucket
    struct web_picture *newer, *older;
    atomic_uint users; // the table counts as one
    char key[WEB_ETAG_MAX];
    uint8_t *bytes;
    size_t len;
};

struct web_pictures {
    pthread_mutex_t lock;
    struct web_picture *buckets[BUCKETS];
    struct web_picture *newest, *oldest;
    size_t bytes;
};

int web_pictures_new(struct web_pictures **ret_pictures, struct err *e) {
    struct web_pictures *p = mem_zalloc(sizeof *p);
    if (p == NULL) {
        return err_set(e, E_MEMORY, "pictures");
    }
    pthread_mutex_init(&p->lock, NULL);
    *ret_pictures = p;
    return E_OK;
}

void web_picture_done(struct web_picture *picture) {
    if (picture != NULL && atomic_fetch_sub(&picture->users, 1) == 1) {
        mem_free(picture->bytes);
        mem_free(picture);
    }
}

static void give_back(void *picture) { web_picture_done(picture); }

void web_pictures_free(struct web_pictures *p) {
    if (p == NULL) {
        return;
    }
    while (p->newest != NULL) {
        struct web_picture *picture = p->newest;
        p->newest = picture->older;
        web_picture_done(picture);
    }
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

static struct web_picture **bucket_of(struct web_pictures *p, const char *key) {
    uint32_t h = 2166136261u;
    for (const char *c = key; *c != '\0'; c++) {
        h = (h ^ (uint8_t)*c) * 16777619u;
    }
    return &p->buckets[h % BUCKETS];
}

static void unlink_use(struct web_pictures *p, struct web_picture *x) {
    *(x->newer != NULL ? &x->newer->older : &p->newest) = x->older;
    *(x->older != NULL ? &x->older->newer : &p->oldest) = x->newer;
}

static void link_newest(struct web_pictures *p, struct web_picture *x) {
    x->newer = NULL;
    x->older = p->newest;
    *(p->newest != NULL ? &p->newest->newer : &p->oldest) = x;
    p->newest = x;
}

static struct web_picture *find(struct web_pictures *p, const char *key) {
    struct web_picture *x = *bucket_of(p, key);
    while (x != NULL && strcmp(x->key, key) != 0) {
        x = x->next;
    }
    return x;
}

static void drop(struct web_pictures *p, struct web_picture *x) {
    struct web_picture **at = bucket_of(p, x->key);
    while (*at != x) {
        at = &(*at)->next;
    }
    *at = x->next;
    unlink_use(p, x);
    p->bytes -= x->len;
    web_picture_done(x);
}

struct web_picture *web_pictures_find(struct web_pictures *p, const char *key) {
    pthread_mutex_lock(&p->lock);
    struct web_picture *x = find(p, key);
    if (x != NULL) {
        unlink_use(p, x);
        link_newest(p, x);
        atomic_fetch_add(&x->users, 1);
    }
    pthread_mutex_unlock(&p->lock);
    return x;
}

static void insert(struct web_pictures *p, struct web_picture *x) {
    if (x->len > WEB_PICTURES_BYTES_MAX / 8 || find(p, x->key) != NULL) {
        return;
    }
    struct web_picture **bucket = bucket_of(p, x->key);
    x->next = *bucket;
    *bucket = x;
    link_newest(p, x);
    atomic_fetch_add(&x->users, 1);
    p->bytes += x->len;
    while (p->bytes > WEB_PICTURES_BYTES_MAX) {
        drop(p, p->oldest);
    }
}

struct web_picture *web_pictures_keep(struct web_pictures *p, const char *key, struct buf *bytes) {
    struct web_picture *x = mem_zalloc(sizeof *x);
    if (x == NULL) {
        buf_done(bytes);
        return NULL;
    }
    (void)snprintf(x->key, sizeof x->key, "%s", key);
    x->bytes = bytes->data;
    x->len = bytes->len;
    atomic_store(&x->users, 1);
    buf_init(bytes, bytes->max);
    pthread_mutex_lock(&p->lock);
    insert(p, x);
    pthread_mutex_unlock(&p->lock);
    return x;
}

void web_picture_answer(struct web_request *r, struct web_picture *picture, const char *type,
                        const char *etag) {
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        picture->len, picture->bytes, give_back, picture);
    size_t len = picture->len;
    if (response == NULL) {
        web_picture_done(picture);
    }
    web_answer_response(r, MHD_HTTP_OK, type, response, len);
    web_answer_immutable(r, etag);
}
