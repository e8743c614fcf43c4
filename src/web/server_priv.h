// SPDX-License-Identifier: Apache-2.0
// The server's insides, for the rooms of this folder that need them.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "web/metrics.h"
#include "web/peers.h"
#include "web/request.h"
#include "web/server.h"

struct MHD_Daemon;
struct web_objects;
struct web_pictures;
struct web_static;
struct web_threads;

struct web_server {
    struct archive *archive;
    struct web_dicom dicom;
    struct MHD_Daemon *daemon;
    const struct clock *clock;
    struct web_names_allowed allowed;
    const char *version, *revision;
    struct web_static *files;
    struct web_threads *catalogue, *render, *network;
    struct web_objects *objects;
    struct web_pictures *pictures;
    struct web_peers peers;
    struct web_metrics *metrics;
    atomic_uint running; // requests begun and not answered
    atomic_uint streams;
    atomic_bool stopping;
};

const struct web_names_allowed *web_server_allowed(const struct web_server *s);

// From the thread that worked on a suspended request: the answer is made, let it go out.
void web_server_resume(struct web_request *r);

// From a handler of WEB_STREAM: stop calling back until web_server_resume.
void web_server_suspend(struct web_request *r);

// From the reader of an answer's body, on the event thread: `make` runs on a thread that may wait,
// the connection sleeps meanwhile; the reader answers 0 and is called again behind it. false:
// nobody is free.
bool web_server_make(struct web_request *r, web_handler make);
