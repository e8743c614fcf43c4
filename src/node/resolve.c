// SPDX-License-Identifier: Apache-2.0
#include "node/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

void resolver_init(struct resolver *r, const struct clock *clock) {
    *r = (struct resolver){.clock = clock};
    (void)pthread_mutex_init(&r->lock, NULL);
}

void resolver_done(struct resolver *r) {
    mem_free(r->names);
    (void)pthread_mutex_destroy(&r->lock);
}

static void map_v4(const void *four, unsigned char out[16]) {
    memset(out, 0, 10);
    out[10] = out[11] = 0xFF;
    memcpy(out + 12, four, 4);
}

// Without a zone ("fe80::1%eth0"): it says which wire, not who.
static bool parse(const char *text, unsigned char out[16]) {
    char bare[64];
    unsigned char four[4];
    size_t len = strcspn(text, "%");
    if (len >= sizeof bare) {
        return false;
    }
    memcpy(bare, text, len);
    bare[len] = '\0';
    if (inet_pton(AF_INET, bare, four) == 1) {
        map_v4(four, out);
        return true;
    }
    return inet_pton(AF_INET6, bare, out) == 1;
}

static bool is_loopback(const unsigned char a[16]) {
    static const unsigned char six[16] = {[15] = 1};
    static const unsigned char four[12] = {[10] = 0xFF, [11] = 0xFF};
    return memcmp(a, six, 16) == 0 || (memcmp(a, four, 12) == 0 && a[12] == 127);
}

static bool same(const unsigned char a[16], const unsigned char b[16]) {
    return memcmp(a, b, 16) == 0 || (is_loopback(a) && is_loopback(b));
}

// --- names

static size_t look_up(const char *host, unsigned char out[RESOLVE_ADDRESSES_MAX][16]) {
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    size_t count = 0;
    if (getaddrinfo(host, NULL, &hints, &list) != 0) {
        return 0;
    }
    for (const struct addrinfo *i = list; i != NULL && count < RESOLVE_ADDRESSES_MAX;
         i = i->ai_next) {
        if (i->ai_family == AF_INET) {
            struct sockaddr_in four;
            memcpy(&four, i->ai_addr, sizeof four);
            map_v4(&four.sin_addr, out[count++]);
        } else if (i->ai_family == AF_INET6) {
            struct sockaddr_in6 six;
            memcpy(&six, i->ai_addr, sizeof six);
            memcpy(out[count++], &six.sin6_addr, 16);
        }
    }
    freeaddrinfo(list);
    return count;
}

// With the lock. The one looked up longest ago makes place when there are too many.
static struct resolved *entry_of(struct resolver *r, const char *host) {
    if (r->names == NULL) {
        r->names = mem_array(RESOLVE_NAMES_MAX, sizeof *r->names);
    }
    if (r->names == NULL) {
        return NULL;
    }
    struct resolved *oldest = NULL;
    for (size_t i = 0; i < r->count; i++) {
        struct resolved *n = &r->names[i];
        if (strcmp(n->host, host) == 0) {
            return n;
        }
        if (!n->looking && (oldest == NULL || n->looked < oldest->looked)) {
            oldest = n;
        }
    }
    struct resolved *n = r->count < RESOLVE_NAMES_MAX ? &r->names[r->count++] : oldest;
    if (n != NULL) {
        memset(n, 0, sizeof *n);
        (void)snprintf(n->host, sizeof n->host, "%s", host);
    }
    return n;
}

static bool is_fresh(const struct resolver *r, const struct resolved *n) {
    usec age = clock_monotonic(r->clock) - n->looked;
    return n->looked != 0 && age < (n->count > 0 ? RESOLVE_GOOD_FOR : RESOLVE_BAD_FOR);
}

// What is known of the host, looked up now unless it is fresh or somebody else is about it.
static size_t addresses_of(struct resolver *r, const char *host,
                           unsigned char out[RESOLVE_ADDRESSES_MAX][16]) {
    (void)pthread_mutex_lock(&r->lock);
    struct resolved *n = entry_of(r, host);
    if (n == NULL || is_fresh(r, n) || (n->looking && n->count > 0)) {
        size_t count = n == NULL ? 0 : n->count;
        memcpy(out, n == NULL ? out : n->addresses, count * sizeof out[0]);
        (void)pthread_mutex_unlock(&r->lock);
        return count;
    }
    n->looking = true;
    (void)pthread_mutex_unlock(&r->lock);
    size_t count = look_up(host, out);
    (void)pthread_mutex_lock(&r->lock);
    n = entry_of(r, host);
    if (n != NULL) {
        n->looking = false;
        n->looked = clock_monotonic(r->clock);
        n->count = count;
        memcpy(n->addresses, out, count * sizeof out[0]);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return count;
}

bool resolver_matches(struct resolver *r, const char *host, const char *address) {
    unsigned char theirs[16], one[16], list[RESOLVE_ADDRESSES_MAX][16];
    if (!parse(address, theirs)) {
        return false;
    }
    if (parse(host, one)) {
        return same(one, theirs);
    }
    size_t count = addresses_of(r, host, list);
    for (size_t i = 0; i < count; i++) {
        if (same(list[i], theirs)) {
            return true;
        }
    }
    return false;
}
