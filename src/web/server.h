// SPDX-License-Identifier: Apache-2.0
// The HTTP server of one archive: libmicrohttpd's event threads, a few threads for what has to
// wait, a watch that ends slow clients. Every limit is named here.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "web/headers.h"

struct archive;
struct err;
struct node;
struct route;
struct web_server;

#define WEB_THREADS 2u // event loops
#define WEB_CATALOGUE_THREADS 2u
#define WEB_RENDER_THREADS 4u
#define WEB_NETWORK_THREADS 4u // questions to peers, which may take their time
#define WEB_NETWORK_QUEUE_MAX 32u
#define WEB_STREAMS_MAX 8u // STOW requests at once; more are told to come back
#define WEB_QUEUE_MAX 512u // requests waiting for a thread
#define WEB_CONNECTIONS_MAX 1024u
#define WEB_CONNECTIONS_PEER_MAX 512u          // by address; a whole room behind one proxy fits
#define WEB_HEADER_MEMORY ((size_t)128 * 1024) // of a connection: header fields and read buffer
#define WEB_IDLE_S 30u                         // between requests, and for header fields to arrive
#define WEB_SLOWEST_BYTES_S                                                                        \
    16384u             // a body or an answer that moves slower than this (after WEB_IDLE_S) ends
#define WEB_STOP_S 10u // what runs may finish for so long

// The DICOM node of the same archive, for its pages; it outlives the server.
struct web_dicom {
    struct node *node;                 // NULL: none is running
    struct route *route;               // NULL: none
    const char *address, *tls_address; // where it listens; NULL: it does not
};

struct web_options {
    struct archive *archive;
    struct web_dicom dicom;
    int listen_fd;       // bound and listening; taken over
    const char *web_dir; // the browser application; NULL: none
    struct web_names_allowed allowed;
    const char *version, *revision;
};

int web_server_start(const struct web_options *options, struct web_server **ret_server,
                     struct err *e);

// No new connection; what runs may finish (WEB_STOP_S). NULL allowed.
void web_server_stop(struct web_server *s);
