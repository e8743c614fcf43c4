// SPDX-License-Identifier: Apache-2.0
#include "node/strangers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void strangers_init(struct strangers *s) {
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
}

void strangers_done(struct strangers *s) { pthread_mutex_destroy(&s->lock); }

// A title comes from anybody: what is not printable ASCII becomes a question mark.
static void copy_title(char out[DIMSE_AET_MAX + 1], const char *title) {
    (void)snprintf(out, DIMSE_AET_MAX + 1, "%s", title);
    for (char *c = out; *c != '\0'; c++) {
        *c = *c < ' ' || *c > '~' ? '?' : *c;
    }
}

static struct stranger *find(struct strangers *s, const struct stranger *like) {
    for (size_t i = 0; i < s->count; i++) {
        struct stranger *row = &s->list[i];
        if (strcmp(row->calling, like->calling) == 0 && strcmp(row->called, like->called) == 0 &&
            strcmp(row->address, like->address) == 0 && strcmp(row->why, like->why) == 0) {
            return row;
        }
    }
    return NULL;
}

static struct stranger *room_for_one(struct strangers *s) {
    if (s->count < STRANGERS_MAX) {
        return &s->list[s->count++];
    }
    struct stranger *oldest = &s->list[0];
    for (size_t i = 1; i < s->count; i++) {
        if (s->list[i].last < oldest->last) {
            oldest = &s->list[i];
        }
    }
    return oldest;
}

void strangers_note(struct strangers *s, const char *calling, const char *called,
                    const char *address, const char *why, usec now) {
    struct stranger row = {.first = now};
    copy_title(row.calling, calling);
    copy_title(row.called, called);
    (void)snprintf(row.address, sizeof row.address, "%s", address);
    (void)snprintf(row.why, sizeof row.why, "%s", why);
    pthread_mutex_lock(&s->lock);
    struct stranger *known = find(s, &row);
    if (known == NULL) {
        known = room_for_one(s);
        *known = row;
    }
    known->last = now;
    known->times++;
    pthread_mutex_unlock(&s->lock);
}

void strangers_forget(struct strangers *s, const char *calling) {
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->count;) {
        if (strcmp(s->list[i].calling, calling) == 0) {
            s->list[i] = s->list[--s->count];
        } else {
            i++;
        }
    }
    pthread_mutex_unlock(&s->lock);
}

static int last_first(const void *a, const void *b) {
    const struct stranger *left = a, *right = b;
    return left->last < right->last ? 1 : left->last > right->last ? -1 : 0;
}

size_t strangers_list(struct strangers *s, struct stranger out[STRANGERS_MAX]) {
    pthread_mutex_lock(&s->lock);
    size_t count = s->count;
    memcpy(out, s->list, count * sizeof *out);
    pthread_mutex_unlock(&s->lock);
    qsort(out, count, sizeof *out, last_first);
    return count;
}
