// SPDX-License-Identifier: Apache-2.0
// What `maclab serve` is told, on its command line and in a configuration file (JSON). The command
// line wins. Errors of the file name its line and the field.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "node/node.h"

struct err;

#define SERVE_NAMES_MAX 64
#define SERVE_CONFIG_MAX ((size_t)1 << 20)

struct serve_names {
    const char *list[SERVE_NAMES_MAX];
    size_t count;
};

struct serve_settings { // NULL, 0, empty: not said
    const char *data, *http, *web;
    struct serve_names hosts, origins;
    uint64_t workers;
    const char *dicom, *aet; // dicom "none": no plain port
    const char *dicom_tls, *certificate, *key, *trust;
    bool no_dicom, network;
    struct serve_names private_classes;
    uint64_t associations, associations_per_address, pdu_bytes, artim_seconds, idle_seconds,
        stall_seconds, data_set_bytes, backlog, matches, quiet_seconds;
    const char *profile; // of de-identification
    struct arena texts;  // of the file
};

void serve_settings_init(struct serve_settings *s);
void serve_settings_done(struct serve_settings *s);

// Fills what the command line has not said. E_SYNTAX, E_VALUE, E_ARGUMENT: "FILE:3: dicom.aet: …".
// Names of files in it are relative to its folder.
int serve_settings_read(struct serve_settings *s, const char *path, struct err *e);

// What can be seen to be wrong before anything is opened.
int serve_settings_check(const struct serve_settings *s, struct err *e);
