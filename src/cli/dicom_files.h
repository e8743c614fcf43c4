// SPDX-License-Identifier: Apache-2.0
// The files that `maclab store` and `maclab commit` are given: found below PATHs, looked at for
// their identity and whether they are whole. The look is that of dicom/part10.h and dicom/reader.h,
// in this process: they take no byte on trust and are fuzzed. Pixels are decoded in workers only
// (dicom_send.h).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

struct err;

enum send_state { SEND_WAITING, SEND_UNDER_WAY, SEND_STORED, SEND_FAILED, SEND_SKIPPED };

// Texts are in the arena of the list.
struct send_file {
    const char *path;
    const char *sop_class, *sop_instance; // of the data set
    const char *syntax;                   // transfer syntax UID
    const char *study, *series;           // "" when absent
    uint64_t size;
    int64_t changed_ns; // modification time
    uint64_t body_offset;
    uint32_t next;  // in a queue of dicom_send.c
    uint8_t state;  // enum send_state
    uint8_t breaks; // associations that broke while it was under way alone
};

struct send_list {
    struct arena arena;
    struct send_file *files;
    size_t count, room;
    uint64_t bytes;
    uint64_t passed_over; // no DICOM, DICOMDIR, unreadable
    // Why a file is no candidate; `bad`: it is broken, or was named itself.
    void (*note)(void *context, const char *path, const struct err *why, bool bad);
    void *context;
};

#define SEND_FILES_MAX ((size_t)16 << 20)

void send_list_init(struct send_list *l,
                    void (*note)(void *context, const char *path, const struct err *why, bool bad),
                    void *context);
void send_list_done(struct send_list *l);
// The file, or what is below the folder. E_NOT_FOUND, E_IO of PATH itself; E_MEMORY, E_LIMIT.
int send_list_add(struct send_list *l, const char *path, struct err *e);

// The UIDs at the beginning of one file.
struct send_identity {
    char sop_class[65], sop_instance[65], syntax[65], study[65], series[65];
    uint64_t body_offset;
};
// `bytes`: the whole file. E_NOT_DICOM, E_MISSING (an UID), E_VALUE (one that is none) and what the
// readers say of a data set that is damaged or ends too early.
int send_identify(struct slice bytes, struct send_identity *ret_identity, struct err *e);
