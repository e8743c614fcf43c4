// SPDX-License-Identifier: Apache-2.0
#include "dicom/uid.h"

#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "dicom/uid_table.h"

const struct dcm_uid_entry *dcm_uid_find(struct slice uid) {
    size_t low = 0;
    size_t high = sizeof uid_entries / sizeof uid_entries[0];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_cmp(slice_str(uid_entries[middle].uid), uid);
        if (order == 0) {
            return &uid_entries[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

static bool all_digits(struct slice part) {
    for (size_t i = 0; i < part.len; i++) {
        if (part.ptr[i] < '0' || part.ptr[i] > '9') {
            return false;
        }
    }
    return part.len > 0;
}

static bool is_uid(struct slice uid, bool leading_zeros_allowed) {
    if (uid.len == 0 || uid.len > DCM_UID_MAX) {
        return false;
    }
    struct slice part;
    while (slice_split(&uid, '.', &part)) {
        bool leading_zero = part.len > 1 && part.ptr[0] == '0';
        if (!all_digits(part) || (leading_zero && !leading_zeros_allowed)) {
            return false;
        }
    }
    return true;
}

bool dcm_uid_valid(struct slice uid) { return is_uid(uid, false); }

bool dcm_uid_usable(struct slice uid) { return is_uid(uid, true); }

bool dcm_uid_is_storage(struct slice sop_class) {
    const struct dcm_uid_entry *entry = dcm_uid_find(sop_class);
    if (entry == NULL || entry->kind != DCM_UID_SOP_CLASS) {
        return false;
    }
    struct slice name = slice_str(entry->name);
    bool commitment = strstr(entry->name, "Commitment") != NULL;
    bool media = slice_starts(name, slice_str("Media Storage Directory"));
    return !commitment && !media && strstr(entry->name, "Storage") != NULL;
}

// The 128-bit number in decimal, by dividing four 32-bit digits by ten until nothing is left.
char *dcm_uid_from_bytes(const uint8_t bytes[16], char out[DCM_UID_MAX + 1]) {
    uint32_t digits[4];
    for (size_t i = 0; i < 4; i++) {
        digits[i] = (uint32_t)bytes[4 * i] << 24 | (uint32_t)bytes[4 * i + 1] << 16 |
                    (uint32_t)bytes[4 * i + 2] << 8 | bytes[4 * i + 3];
    }
    char reversed[40];
    size_t len = 0;
    do {
        uint64_t rest = 0;
        for (size_t i = 0; i < 4; i++) {
            uint64_t value = rest << 32 | digits[i];
            digits[i] = (uint32_t)(value / 10);
            rest = value % 10;
        }
        reversed[len++] = (char)('0' + rest);
    } while ((digits[0] | digits[1] | digits[2] | digits[3]) != 0);
    char *p = out;
    memcpy(p, "2.25.", 5);
    p += 5;
    while (len > 0) {
        *p++ = reversed[--len];
    }
    *p = '\0';
    return out;
}

char *dcm_uid_new(struct rng *rng, char out[DCM_UID_MAX + 1]) {
    uint8_t bytes[16];
    rng_bytes(rng, bytes, sizeof bytes);
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40); // version 4
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80);
    return dcm_uid_from_bytes(bytes, out);
}

// What the registry's names do not say about a transfer syntax: how it is laid out.
enum {
    IMPLICIT = 1,
    BIG = 2,
    DEFLATED = 4,
    ENCAPSULATED = 8,
    LOSSY = 16,
    VIDEO = 32,
    RETIRED = 64
};

static const struct {
    const char *suffix; // behind 1.2.840.10008.1.2
    int flags;
} syntax_flags[] = {
    {"", IMPLICIT},
    {".1", 0},
    {".1.98", ENCAPSULATED},
    {".1.99", DEFLATED},
    {".2", BIG | RETIRED},
    {".8.1", ENCAPSULATED},
    {".5", ENCAPSULATED},
    {".4.50", ENCAPSULATED | LOSSY},
    {".4.51", ENCAPSULATED | LOSSY},
    {".4.57", ENCAPSULATED},
    {".4.58", ENCAPSULATED | RETIRED},
    {".4.65", ENCAPSULATED | RETIRED},
    {".4.66", ENCAPSULATED | RETIRED},
    {".4.70", ENCAPSULATED},
    {".4.80", ENCAPSULATED},
    {".4.81", ENCAPSULATED | LOSSY},
    {".4.90", ENCAPSULATED},
    {".4.91", ENCAPSULATED | LOSSY},
    {".4.92", ENCAPSULATED},
    {".4.93", ENCAPSULATED | LOSSY},
    {".4.94", LOSSY},
    {".4.95", DEFLATED | LOSSY},
    {".4.100", ENCAPSULATED | LOSSY | VIDEO},
    {".4.100.1", ENCAPSULATED | LOSSY | VIDEO},
    {".4.101", ENCAPSULATED | LOSSY | VIDEO},
    {".4.101.1", ENCAPSULATED | LOSSY | VIDEO},
    {".4.102", ENCAPSULATED | LOSSY | VIDEO},
    {".4.102.1", ENCAPSULATED | LOSSY | VIDEO},
    {".4.103", ENCAPSULATED | LOSSY | VIDEO},
    {".4.103.1", ENCAPSULATED | LOSSY | VIDEO},
    {".4.104", ENCAPSULATED | LOSSY | VIDEO},
    {".4.104.1", ENCAPSULATED | LOSSY | VIDEO},
    {".4.105", ENCAPSULATED | LOSSY | VIDEO},
    {".4.105.1", ENCAPSULATED | LOSSY | VIDEO},
    {".4.106", ENCAPSULATED | LOSSY | VIDEO},
    {".4.106.1", ENCAPSULATED | LOSSY | VIDEO},
    {".4.107", ENCAPSULATED | LOSSY | VIDEO},
    {".4.108", ENCAPSULATED | LOSSY | VIDEO},
    {".4.110", ENCAPSULATED},
    {".4.111", ENCAPSULATED},
    {".4.201", ENCAPSULATED},
    {".4.202", ENCAPSULATED},
    {".4.203", ENCAPSULATED | LOSSY},
    {".4.204", LOSSY},
    {".4.205", DEFLATED | LOSSY},
};
#define SYNTAX_FLAGS_COUNT (sizeof syntax_flags / sizeof syntax_flags[0])

static struct dcm_transfer_syntax syntaxes[96];
static size_t syntax_count;

// Retired JPEG processes 52 to 64 share one layout and have no row of their own above.
static int flags_of(const struct dcm_uid_entry *entry) {
    static const char root[] = DCM_IMPLICIT_LE_UID;
    const char *suffix = entry->uid + sizeof root - 1;
    for (size_t i = 0; i < SYNTAX_FLAGS_COUNT; i++) {
        if (strcmp(suffix, syntax_flags[i].suffix) == 0) {
            return syntax_flags[i].flags;
        }
    }
    return strncmp(suffix, ".4.", 3) == 0 ? ENCAPSULATED | LOSSY : -1;
}

__attribute__((constructor)) static void fill_syntaxes(void) {
    for (size_t i = 0; i < sizeof uid_entries / sizeof uid_entries[0]; i++) {
        const struct dcm_uid_entry *entry = &uid_entries[i];
        bool dicom = strncmp(entry->uid, DCM_IMPLICIT_LE_UID, sizeof DCM_IMPLICIT_LE_UID - 1) == 0;
        int flags = entry->kind == DCM_UID_TRANSFER_SYNTAX && dicom ? flags_of(entry) : -1;
        if (flags < 0 || syntax_count == sizeof syntaxes / sizeof syntaxes[0]) {
            continue;
        }
        syntaxes[syntax_count++] = (struct dcm_transfer_syntax){
            .uid = entry->uid,
            .name = entry->name,
            .implicit = (flags & IMPLICIT) != 0,
            .big_endian = (flags & BIG) != 0,
            .deflated = (flags & DEFLATED) != 0,
            .encapsulated = (flags & ENCAPSULATED) != 0,
            .lossy = (flags & LOSSY) != 0,
            .video = (flags & VIDEO) != 0,
            .retired = entry->retired || (flags & RETIRED) != 0,
        };
    }
}

const struct dcm_transfer_syntax *dcm_transfer_syntax_find(struct slice uid) {
    for (size_t i = 0; i < syntax_count; i++) {
        if (slice_eq_str(uid, syntaxes[i].uid)) {
            return &syntaxes[i];
        }
    }
    return NULL;
}
