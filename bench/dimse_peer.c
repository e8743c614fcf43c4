// SPDX-License-Identifier: Apache-2.0
// The other end of the DICOM benchmarks: the same small sender, C-GET client and receiver for every
// server, so that no program's own client decides. It is written after PS3.7 and PS3.8 by itself
// and uses nothing of src/dimse; it speaks just what the benchmarks need. Nagle's algorithm is off,
// files are mapped before the clock starts, what is received is thrown away.
//   dimse_peer send PORT CALLED ASSOCIATIONS LIST     C-STORE of the Part 10 files in LIST
//   dimse_peer get PORT CALLED ASSOCIATIONS STUDY…    C-GET of studies, explicit little endian
//   dimse_peer move PORT CALLED DESTINATION STUDY…    C-MOVE of studies, waits for the end
//   dimse_peer find PORT CALLED LIST                  C-FIND of studies, a key and value a line of
//   LIST,
//       on one association; further numbers: median and 99th percentile in ms of one query
//   dimse_peer sink PORT                              takes C-STORE until it is ended
//   dimse_peer disk FOLDER FILES BYTES                files written and synced one after the other
// Prints one line: images, failures, bytes, seconds, processor seconds.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define BUFFER 262144
#define OUR_PDU 131072
#define CLASSES_MAX 60 // two contexts each
#define ASSOCIATIONS_MAX 64
#define PIECES_MAX 1024
#define CALLING "TESTER"
#define EXPLICIT_LE "1.2.840.10008.1.2.1"
#define IMPLICIT_LE "1.2.840.10008.1.2"
#define STUDY_FIND "1.2.840.10008.5.1.4.1.2.2.1"
#define STUDY_MOVE "1.2.840.10008.5.1.4.1.2.2.2"
#define STUDY_GET "1.2.840.10008.5.1.4.1.2.2.3"
#define CT_IMAGE "1.2.840.10008.5.1.4.1.1.2"

static _Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
static _Noreturn void die(const char *format, ...) {
    va_list list;
    va_start(list, format);
    (void)fputs("dimse_peer: ", stderr);
    (void)vfprintf(stderr, format, list);
    (void)fputc('\n', stderr);
    va_end(list);
    exit(1);
}

static uint64_t number(const char *text) {
    char *end;
    unsigned long long n = strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0') {
        die("%s is no number", text);
    }
    return n;
}

static double seconds(clockid_t which) {
    struct timespec t;
    (void)clock_gettime(which, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// --- bytes

struct out { // a message in the making
    uint8_t bytes[BUFFER];
    size_t len;
};

static void put(struct out *o, const void *bytes, size_t len) {
    if (len > sizeof o->bytes - o->len) {
        die("a message too long");
    }
    memcpy(o->bytes + o->len, bytes, len);
    o->len += len;
}
static void put_be(struct out *o, uint64_t value, size_t size) {
    for (size_t i = size; i-- > 0;) {
        put(o, &(uint8_t){(uint8_t)(value >> (8 * i))}, 1);
    }
}
static void put_le(struct out *o, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++) {
        put(o, &(uint8_t){(uint8_t)(value >> (8 * i))}, 1);
    }
}
static uint32_t be(const uint8_t *p, size_t size) {
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | p[i];
    }
    return value;
}
static uint32_t le(const uint8_t *p, size_t size) {
    uint32_t value = 0;
    for (size_t i = size; i-- > 0;) {
        value = value << 8 | p[i];
    }
    return value;
}
// Implicit VR little endian.
static void element(struct out *o, uint32_t tag, const void *value, size_t len, char pad) {
    put_le(o, tag >> 16, 2);
    put_le(o, tag & 0xFFFF, 2);
    put_le(o, len + (len & 1), 4);
    put(o, value, len);
    put(o, &pad, len & 1);
}
static void uid(struct out *o, uint32_t tag, const char *text) {
    element(o, tag, text, strlen(text), '\0');
}
static void us(struct out *o, uint32_t tag, uint16_t value) {
    element(o, tag, (uint8_t[]){(uint8_t)value, (uint8_t)(value >> 8)}, 2, '\0');
}
static void item(struct out *o, uint8_t type, const void *value, size_t len) {
    put_be(o, (uint64_t)type << 8, 2);
    put_be(o, len, 2);
    put(o, value, len);
}

// --- one association

struct link {
    int fd;
    uint8_t in[BUFFER];
    size_t begin, end;
    uint32_t peer_pdu;
    uint16_t next_id;
    bool accepted[256];
};

static void need(struct link *l, size_t len) {
    if (l->end - l->begin >= len) {
        return;
    }
    memmove(l->in, l->in + l->begin, l->end - l->begin);
    l->end -= l->begin;
    l->begin = 0;
    while (l->end < len) {
        ssize_t got = recv(l->fd, l->in + l->end, sizeof l->in - l->end, 0);
        if (got <= 0) {
            die("the connection broke off");
        }
        l->end += (size_t)got;
    }
}
// The next PDU's type; its body stays until the next call.
static uint8_t read_pdu(struct link *l, const uint8_t **ret_body, size_t *ret_len) {
    need(l, 6);
    uint8_t type = l->in[l->begin];
    size_t len = be(l->in + l->begin + 2, 4);
    if (len > sizeof l->in - 6) {
        die("a PDU of %zu bytes", len);
    }
    need(l, 6 + len);
    *ret_body = l->in + l->begin + 6;
    *ret_len = len;
    l->begin += 6 + len;
    if (type == 7) {
        die("aborted: source %u, reason %u", (*ret_body)[2], (*ret_body)[3]);
    }
    return type;
}
static void write_all(int fd, struct iovec *pieces, size_t count) {
    while (count > 0) {
        ssize_t sent = writev(fd, pieces, (int)count);
        if (sent < 0) {
            die("writing: %s", strerror(errno));
        }
        for (; count > 0 && (size_t)sent >= pieces->iov_len; count--) {
            sent -= (ssize_t)pieces->iov_len;
            pieces++;
        }
        if (count > 0) {
            pieces->iov_base = (uint8_t *)pieces->iov_base + sent;
            pieces->iov_len -= (size_t)sent;
        }
    }
}
static void write_out(int fd, struct out *o) {
    write_all(fd, &(struct iovec){o->bytes, o->len}, 1);
}
static void set_be(uint8_t *p, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++) {
        p[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    }
}
static void pdv_head(uint8_t head[12], size_t len, uint8_t context, uint8_t control) {
    memcpy(head, (uint8_t[]){4, 0}, 2);
    set_be(head + 2, len + 6, 4);
    set_be(head + 6, len + 2, 4);
    head[10] = context;
    head[11] = control;
}

static int connect_to(uint16_t port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        die("port %u: %s", port, strerror(errno));
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

struct want {
    const char *abstract, *syntax;
    bool scp;
};

static void read_accept(struct link *l, const uint8_t *p, size_t len) {
    for (size_t at = 68; at + 4 <= len; at += 4 + be(p + at + 2, 2)) {
        const uint8_t *body = p + at + 4;
        size_t body_len = be(p + at + 2, 2);
        if (p[at] == 0x21) {
            l->accepted[body[0]] = body[2] == 0;
        }
        for (size_t i = 0; p[at] == 0x50 && i + 4 <= body_len; i += 4 + be(body + i + 2, 2)) {
            if (body[i] == 0x51) {
                l->peer_pdu = be(body + i + 4, 4);
            }
        }
    }
}

static void associate(struct link *l, uint16_t port, const char *called, const struct want *wants,
                      size_t count) {
    static _Thread_local struct out o, part, user;
    l->fd = connect_to(port);
    o.len = user.len = 0;
    put(&o, "\1\0\0\0\0\0\0\1\0\0", 10);
    char names[33];
    (void)snprintf(names, sizeof names, "%-16.16s%-16.16s", called, CALLING);
    put(&o, names, 32);
    put(&o, (uint8_t[32]){0}, 32);
    item(&o, 0x10, "1.2.840.10008.3.1.1.1", 21);
    for (size_t i = 0; i < count; i++) {
        part.len = 0;
        put_be(&part, (uint64_t)(2 * i + 1) << 24, 4);
        item(&part, 0x30, wants[i].abstract, strlen(wants[i].abstract));
        item(&part, 0x40, wants[i].syntax, strlen(wants[i].syntax));
        item(&o, 0x20, part.bytes, part.len);
    }
    item(&user, 0x51, (uint8_t[]){0, OUR_PDU >> 16, 0, 0}, 4);
    item(&user, 0x52, "2.25.170105182211823", 20);
    for (size_t i = 0; i < count; i++) {
        if (wants[i].scp) {
            part.len = 0;
            put_be(&part, strlen(wants[i].abstract), 2);
            put(&part, wants[i].abstract, strlen(wants[i].abstract));
            put(&part, "\1\1", 2);
            item(&user, 0x54, part.bytes, part.len);
        }
    }
    item(&o, 0x50, user.bytes, user.len);
    set_be(o.bytes + 2, o.len - 6, 4);
    write_out(l->fd, &o);
    const uint8_t *body;
    size_t len;
    uint8_t type = read_pdu(l, &body, &len);
    if (type != 2) {
        die("not accepted: PDU %u, %u %u %u", type, body[1], body[2], body[3]);
    }
    read_accept(l, body, len);
    l->peer_pdu = l->peer_pdu == 0 || l->peer_pdu > OUR_PDU ? OUR_PDU : l->peer_pdu;
    for (size_t i = 0; i < count; i++) {
        if (!l->accepted[2 * i + 1]) {
            die("%s in %s is not accepted", wants[i].abstract, wants[i].syntax);
        }
    }
}
static void release(struct link *l) {
    const uint8_t *body;
    size_t len;
    write_all(l->fd, &(struct iovec){(uint8_t[]){5, 0, 0, 0, 0, 4, 0, 0, 0, 0}, 10}, 1);
    (void)read_pdu(l, &body, &len);
    (void)close(l->fd);
}

struct command {
    uint16_t field, id, status, failed;
    bool data_set;
    char sop_class[65], sop_instance[65];
};
static void copy_text(char to[65], const uint8_t *from, size_t len) {
    len = len > 64 ? 64 : len;
    memcpy(to, from, len);
    to[len] = '\0';
}
static struct command read_command(const uint8_t *p, size_t len) {
    struct command c = {0};
    for (size_t at = 0; at + 8 <= len; at += 8 + le(p + at + 4, 4)) {
        const uint8_t *value = p + at + 8;
        size_t size = le(p + at + 4, 4);
        switch (le(p + at + 2, 2)) {
        case 0x0002:
            copy_text(c.sop_class, value, size);
            break;
        case 0x0100:
            c.field = (uint16_t)le(value, 2);
            break;
        case 0x0110:
        case 0x0120:
            c.id = (uint16_t)le(value, 2);
            break;
        case 0x0800:
            c.data_set = le(value, 2) != 0x0101;
            break;
        case 0x0900:
            c.status = (uint16_t)le(value, 2);
            break;
        case 0x1000:
            copy_text(c.sop_instance, value, size);
            break;
        case 0x1022:
            c.failed = (uint16_t)le(value, 2);
            break;
        default:
            break;
        }
    }
    return c;
}
// A whole message; the data set is counted and dropped. False: the peer asked for release.
static bool read_message(struct link *l, struct command *ret, uint8_t *ret_context,
                         uint64_t *ret_bytes) {
    static _Thread_local struct out command;
    bool commanded = false;
    command.len = 0;
    *ret_bytes = 0;
    for (;;) {
        const uint8_t *body;
        size_t len;
        uint8_t type = read_pdu(l, &body, &len);
        if (type == 5) {
            write_all(l->fd, &(struct iovec){(uint8_t[]){6, 0, 0, 0, 0, 4, 0, 0, 0, 0}, 10}, 1);
            return false;
        }
        for (size_t at = 0; type == 4 && at + 6 <= len; at += 4 + be(body + at, 4)) {
            size_t size = be(body + at, 4) - 2;
            uint8_t control = body[at + 5];
            *ret_context = body[at + 4];
            if ((control & 1) != 0) {
                put(&command, body + at + 6, size);
            } else {
                *ret_bytes += size;
            }
            if ((control & 2) == 0) {
                continue;
            }
            if ((control & 1) != 0) {
                *ret = read_command(command.bytes, command.len);
                commanded = true;
            }
            if (commanded && ((control & 1) == 0 || !ret->data_set)) {
                return true;
            }
        }
    }
}
static void write_command(struct out *o, uint8_t context, size_t start) {
    uint8_t *head = o->bytes + start;
    size_t len = o->len - start - 12;
    pdv_head(head, len, context, 3);
    uint32_t group = (uint32_t)(len - 12);
    memcpy(head + 12, (uint8_t[]){0, 0, 0, 0, 4, 0, 0, 0}, 8);
    memcpy(head + 20, (uint8_t[]){(uint8_t)group, (uint8_t)(group >> 8), 0, 0}, 4);
}
static void begin_command(struct out *o) {
    static const uint8_t room[24] = {0}; // heads of the PDU and of the group
    put(o, room, sizeof room);
}
static void answer_store(struct link *l, const struct command *c, uint8_t context) {
    static _Thread_local struct out o;
    o.len = 0;
    begin_command(&o);
    uid(&o, 0x0002, c->sop_class);
    us(&o, 0x0100, 0x8001);
    us(&o, 0x0120, c->id);
    us(&o, 0x0800, 0x0101);
    us(&o, 0x0900, 0);
    uid(&o, 0x1000, c->sop_instance);
    write_command(&o, context, 0);
    write_out(l->fd, &o);
}

// --- C-STORE

struct file {
    const uint8_t *bytes; // of the data set
    size_t len;
    char sop_class[65], sop_instance[65], syntax[65];
    uint8_t context;
};
struct work { // one association's
    pthread_t thread;
    uint16_t port;
    const char *called;
    struct file *files;
    size_t count;
    const struct want *wants;
    size_t want_count;
    char *const *studies;
    uint64_t images, failures, bytes;
    pthread_barrier_t *start;
};

static struct file map_file(const char *path) {
    struct file f = {0};
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size < 160) {
        die("%s cannot be read", path);
    }
    size_t len = (size_t)st.st_size;
    const uint8_t *p = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    (void)close(fd);
    if (p == MAP_FAILED || memcmp(p + 128, "DICM\2\0\0\0", 8) != 0) {
        die("%s is no Part 10 file", path);
    }
    size_t stop = 144 + (size_t)le(p + 140, 4), at = 144;
    while (at + 12 <= stop && stop <= len) {
        bool wide = memcmp(p + at + 4, "OB", 2) == 0;
        size_t head = wide ? 12 : 8, size = wide ? le(p + at + 8, 4) : le(p + at + 6, 2);
        uint32_t tag = le(p + at + 2, 2);
        char *to = tag == 2 ? f.sop_class : tag == 3 ? f.sop_instance : f.syntax;
        if (tag == 2 || tag == 3 || tag == 0x10) {
            copy_text(to, p + at + head, size);
        }
        at += head + size;
    }
    f.bytes = p + stop;
    f.len = len - stop;
    return f;
}

static void send_file(struct link *l, const struct file *f) {
    static _Thread_local struct out o;
    static _Thread_local uint8_t heads[PIECES_MAX / 2][12];
    struct iovec pieces[PIECES_MAX];
    size_t step = ((size_t)l->peer_pdu - 6) & ~(size_t)1, count = 1;
    o.len = 0;
    begin_command(&o);
    uid(&o, 0x0002, f->sop_class);
    us(&o, 0x0100, 0x0001);
    us(&o, 0x0110, ++l->next_id);
    us(&o, 0x0700, 0);
    us(&o, 0x0800, 1);
    uid(&o, 0x1000, f->sop_instance);
    write_command(&o, f->context, 0);
    pieces[0] = (struct iovec){o.bytes, o.len};
    for (size_t at = 0; at < f->len; at += step) {
        size_t size = f->len - at < step ? f->len - at : step;
        if (count + 2 > PIECES_MAX) {
            die("a file of too many PDUs");
        }
        uint8_t *head = heads[count / 2];
        pdv_head(head, size, f->context, at + size == f->len ? 2 : 0);
        pieces[count++] = (struct iovec){head, 12};
        pieces[count++] = (struct iovec){(uint8_t *)(uintptr_t)(f->bytes + at), size};
    }
    write_all(l->fd, pieces, count);
}

static void *run_send(void *context) {
    struct work *w = context;
    struct link *l = calloc(1, sizeof *l);
    (void)pthread_barrier_wait(w->start);
    associate(l, w->port, w->called, w->wants, w->want_count);
    for (size_t i = 0; i < w->count; i++) {
        struct command c;
        uint8_t number_;
        uint64_t none;
        send_file(l, &w->files[i]);
        if (!read_message(l, &c, &number_, &none)) {
            die("released in the middle");
        }
        w->images += c.status == 0;
        w->failures += c.status != 0;
        w->bytes += w->files[i].len;
    }
    release(l);
    free(l);
    return NULL;
}

// --- C-GET, C-MOVE

static void ask(struct link *l, uint8_t context, const char *model, uint16_t field,
                const char *destination, const char *study) {
    static _Thread_local struct out o, keys;
    o.len = keys.len = 0;
    begin_command(&o);
    uid(&o, 0x0002, model);
    us(&o, 0x0100, field);
    us(&o, 0x0110, ++l->next_id);
    if (destination != NULL) {
        element(&o, 0x0600, destination, strlen(destination), ' ');
    }
    us(&o, 0x0700, 0);
    us(&o, 0x0800, 1);
    write_command(&o, context, 0);
    element(&keys, 0x00080052, "STUDY ", 6, ' ');
    uid(&keys, 0x0020000D, study);
    uint8_t head[12];
    pdv_head(head, keys.len, context, 2);
    put(&o, head, sizeof head);
    put(&o, keys.bytes, keys.len);
    write_out(l->fd, &o);
}
static void retrieve(struct work *w, struct link *l, uint16_t field) {
    for (;;) {
        struct command c;
        uint8_t context;
        uint64_t bytes;
        if (!read_message(l, &c, &context, &bytes)) {
            die("released in the middle");
        }
        if (c.field == 0x0001) {
            answer_store(l, &c, context);
            w->images++;
            w->bytes += bytes;
        } else if (c.field == (field | 0x8000) && (c.status & 0xFF00) != 0xFF00) {
            w->failures += c.status == 0 ? 0 : c.failed > 0 ? c.failed : 1;
            return;
        }
    }
}
static void *run_get(void *context) {
    struct work *w = context;
    struct link *l = calloc(1, sizeof *l);
    static const struct want wants[] = {{STUDY_GET, IMPLICIT_LE, false},
                                        {CT_IMAGE, EXPLICIT_LE, true}};
    (void)pthread_barrier_wait(w->start);
    associate(l, w->port, w->called, wants, 2);
    for (size_t i = 0; i < w->count; i++) {
        ask(l, 1, STUDY_GET, 0x0010, NULL, w->studies[i]);
        retrieve(w, l, 0x0010);
    }
    release(l);
    free(l);
    return NULL;
}

// --- what is asked

static void report(const struct work *works, size_t count, double wall, double cpu) {
    uint64_t images = 0, failures = 0, bytes = 0;
    for (size_t i = 0; i < count; i++) {
        images += works[i].images;
        failures += works[i].failures;
        bytes += works[i].bytes;
    }
    (void)printf("%llu %llu %llu %.4f %.3f\n", (unsigned long long)images,
                 (unsigned long long)failures, (unsigned long long)bytes, wall, cpu);
}
static void run_all(struct work *works, size_t count, void *(*run)(void *)) {
    pthread_barrier_t start;
    (void)pthread_barrier_init(&start, NULL, (unsigned)count + 1);
    for (size_t i = 0; i < count; i++) {
        works[i].start = &start;
        if (pthread_create(&works[i].thread, NULL, run, &works[i]) != 0) {
            die("no thread");
        }
    }
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    (void)pthread_barrier_wait(&start);
    for (size_t i = 0; i < count; i++) {
        (void)pthread_join(works[i].thread, NULL);
    }
    report(works, count, seconds(CLOCK_MONOTONIC) - wall, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
}

static size_t associations(const char *text) {
    uint64_t n = number(text);
    if (n == 0 || n > ASSOCIATIONS_MAX) {
        die("1 to %d associations", ASSOCIATIONS_MAX);
    }
    return (size_t)n;
}

static uint8_t context_of(struct want *wants, size_t *count, const struct file *f) {
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(wants[i].abstract, f->sop_class) == 0 &&
            strcmp(wants[i].syntax, f->syntax) == 0) {
            return (uint8_t)(2 * i + 1);
        }
    }
    if (*count == CLASSES_MAX) {
        die("too many SOP classes");
    }
    wants[*count] = (struct want){strdup(f->sop_class), strdup(f->syntax), false};
    return (uint8_t)(2 * (*count)++ + 1);
}
static int cmd_send(char **argv) {
    size_t n = associations(argv[4]), files = 0, room = 0, want_count = 0;
    struct file *list = NULL;
    struct want wants[CLASSES_MAX];
    struct work works[ASSOCIATIONS_MAX] = {{0}};
    char line[4096];
    FILE *in = fopen(argv[5], "re");
    while (in != NULL && fgets(line, sizeof line, in) != NULL) {
        if (files == room) {
            room = room == 0 ? 256 : 2 * room;
            list = reallocarray(list, room, sizeof *list);
        }
        line[strcspn(line, "\n")] = '\0';
        list[files] = map_file(line);
        list[files].context = context_of(wants, &want_count, &list[files]);
        files++;
    }
    if (files == 0) {
        die("%s names no file", argv[5]);
    }
    (void)fclose(in);
    for (size_t i = 0, at = 0; i < n; i++) {
        size_t share = files * (i + 1) / n - at;
        works[i] = (struct work){.port = (uint16_t)number(argv[2]),
                                 .called = argv[3],
                                 .files = list + at,
                                 .count = share,
                                 .wants = wants,
                                 .want_count = want_count};
        at += share;
    }
    run_all(works, n, run_send);
    free(list);
    return 0;
}
static int cmd_get(int argc, char **argv) {
    size_t n = associations(argv[4]);
    struct work works[ASSOCIATIONS_MAX] = {{0}};
    for (size_t i = 0; i < n; i++) { // each the whole list
        works[i] = (struct work){.port = (uint16_t)number(argv[2]),
                                 .called = argv[3],
                                 .studies = argv + 5,
                                 .count = (size_t)argc - 5};
    }
    run_all(works, n, run_get);
    return 0;
}
static int cmd_move(int argc, char **argv) {
    static struct link l;
    static const struct want want = {STUDY_MOVE, IMPLICIT_LE, false};
    struct work w = {0};
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    associate(&l, (uint16_t)number(argv[2]), argv[3], &want, 1);
    for (int i = 5; i < argc; i++) {
        ask(&l, 1, STUDY_MOVE, 0x0021, argv[4], argv[i]);
        retrieve(&w, &l, 0x0021);
    }
    release(&l);
    report(&w, 1, seconds(CLOCK_MONOTONIC) - wall, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    return 0;
}

// --- C-FIND

#define QUERIES_MAX 100000

struct query {
    uint32_t tag;
    char value[64];
};

// What OsiriX asks of a study, with one key filled.
static void ask_find(struct link *l, const struct query *q) {
    static const uint32_t keys[] = {0x00080005, 0x00080020, 0x00080030, 0x00080050, 0x00080052,
                                    0x00080061, 0x00080080, 0x00080090, 0x00081030, 0x00081050,
                                    0x00100010, 0x00100020, 0x00100030, 0x0020000D, 0x00200010,
                                    0x00201208, 0x00324000, 0x40080212};
    static _Thread_local struct out o, data;
    o.len = data.len = 0;
    begin_command(&o);
    uid(&o, 0x0002, STUDY_FIND);
    us(&o, 0x0100, 0x0020);
    us(&o, 0x0110, ++l->next_id);
    us(&o, 0x0700, 0);
    us(&o, 0x0800, 1);
    write_command(&o, 1, 0);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *value = keys[i] == 0x00080005   ? "ISO_IR 100"
                            : keys[i] == 0x00080052 ? "STUDY"
                            : keys[i] == q->tag     ? q->value
                                                    : "";
        element(&data, keys[i], value, strlen(value), keys[i] == 0x0020000D ? '\0' : ' ');
    }
    uint8_t head[12];
    pdv_head(head, data.len, 1, 2);
    put(&o, head, sizeof head);
    put(&o, data.bytes, data.len);
    write_out(l->fd, &o);
}
static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}
static int cmd_find(char **argv) {
    static struct link l;
    static struct query queries[QUERIES_MAX];
    static double times[QUERIES_MAX];
    static const struct want want = {STUDY_FIND, IMPLICIT_LE, false};
    struct work w = {0};
    size_t count = 0;
    FILE *in = fopen(argv[4], "re");
    while (in != NULL && count < QUERIES_MAX &&
           fscanf(in, "%8x %63[^\n]\n", &queries[count].tag, queries[count].value) == 2) {
        count++;
    }
    if (count == 0) {
        die("%s names no query", argv[4]);
    }
    (void)fclose(in);
    associate(&l, (uint16_t)number(argv[2]), argv[3], &want, 1);
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < count; i++) {
        struct command c = {0};
        uint8_t context;
        uint64_t bytes;
        double began = seconds(CLOCK_MONOTONIC);
        ask_find(&l, &queries[i]);
        do {
            if (!read_message(&l, &c, &context, &bytes)) {
                die("released in the middle");
            }
            w.images += c.data_set;
            w.bytes += bytes;
        } while ((c.status & 0xFF00) == 0xFF00);
        w.failures += c.status != 0;
        times[i] = seconds(CLOCK_MONOTONIC) - began;
    }
    wall = seconds(CLOCK_MONOTONIC) - wall;
    qsort(times, count, sizeof times[0], by_value);
    (void)printf("%llu %llu %llu %.4f %.3f %.3f %.3f\n", (unsigned long long)w.images,
                 (unsigned long long)w.failures, (unsigned long long)w.bytes, wall,
                 seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu, times[count / 2] * 1e3,
                 times[count * 99 / 100] * 1e3);
    release(&l);
    return 0;
}

// Accepts every context with its first transfer syntax that is explicit little endian, or its
// first.
static void accept_association(struct link *l) {
    static _Thread_local struct out o;
    const uint8_t *p;
    size_t len;
    if (read_pdu(l, &p, &len) != 1 || len < 68) {
        die("no A-ASSOCIATE-RQ");
    }
    o.len = 0;
    put(&o, "\2\0\0\0\0\0", 6);
    put(&o, p, 68);
    item(&o, 0x10, "1.2.840.10008.3.1.1.1", 21);
    for (size_t at = 68; at + 4 <= len; at += 4 + be(p + at + 2, 2)) {
        const uint8_t *body = p + at + 4, *chosen = NULL;
        size_t size = be(p + at + 2, 2);
        for (size_t i = 4; p[at] == 0x20 && i + 4 <= size; i += 4 + be(body + i + 2, 2)) {
            bool best = be(body + i + 2, 2) == 19 && memcmp(body + i + 4, EXPLICIT_LE, 19) == 0;
            chosen = body[i] == 0x40 && (chosen == NULL || best) ? body + i : chosen;
        }
        if (chosen != NULL) {
            size_t syntax = be(chosen + 2, 2);
            put_be(&o, 0x2100, 2);
            put_be(&o, 8 + syntax, 2);
            put(&o, (uint8_t[]){body[0], 0, 0, 0}, 4);
            item(&o, 0x40, chosen + 4, syntax);
        }
    }
    put(&o,
        "\x50\0\0\x20\x51\0\0\4\0\2\0\0\x52\0\0\x14"
        "2.25.170105182211823",
        36);
    set_be(o.bytes + 2, o.len - 6, 4);
    write_out(l->fd, &o);
}
static void *run_sink(void *context) {
    struct link *l = context;
    struct command c;
    uint8_t number_;
    uint64_t bytes;
    accept_association(l);
    while (read_message(l, &c, &number_, &bytes)) {
        if (c.field == 0x0030) {
            die("the sink takes images only");
        }
        answer_store(l, &c, number_);
    }
    (void)close(l->fd);
    free(l);
    return NULL;
}
static int cmd_sink(char **argv) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number(argv[2]))};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(listener, 64) != 0) {
        die("port %s: %s", argv[2], strerror(errno));
    }
    for (;;) {
        pthread_t thread;
        struct link *l = calloc(1, sizeof *l);
        l->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        (void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        if (l->fd < 0 || pthread_create(&thread, NULL, run_sink, l) != 0) {
            die("accepting: %s", strerror(errno));
        }
        (void)pthread_detach(thread);
    }
}

static int cmd_disk(char **argv) {
    uint64_t files = number(argv[3]);
    struct work w = {.images = files, .bytes = files * number(argv[4])};
    size_t len = (size_t)number(argv[4]);
    uint8_t *bytes = malloc(len);
    if (bytes == NULL) {
        die("no memory");
    }
    uint64_t state = 1;
    for (size_t i = 0; i < len; i++) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        bytes[i] = (uint8_t)(state >> 56);
    }
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (uint64_t i = 0; i < files; i++) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%08llu", argv[2], (unsigned long long)i);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, bytes, len) != (ssize_t)len || fsync(fd) != 0 || close(fd) != 0) {
            die("%s: %s", path, strerror(errno));
        }
    }
    report(&w, 1, seconds(CLOCK_MONOTONIC) - wall, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    free(bytes);
    return 0;
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "send") == 0 && argc == 6) {
        return cmd_send(argv);
    }
    if (strcmp(mode, "get") == 0 && argc > 5) {
        return cmd_get(argc, argv);
    }
    if (strcmp(mode, "move") == 0 && argc > 5) {
        return cmd_move(argc, argv);
    }
    if (strcmp(mode, "find") == 0 && argc == 5) {
        return cmd_find(argv);
    }
    if (strcmp(mode, "sink") == 0 && argc == 3) {
        return cmd_sink(argv);
    }
    if (strcmp(mode, "disk") == 0 && argc == 5) {
        return cmd_disk(argv);
    }
    (void)fputs("usage: dimse_peer send|get|move|find|sink|disk …\n", stderr);
    return 2;
}
