// SPDX-License-Identifier: Apache-2.0
// The life of a request: its target is noted when the request line is there, the dispatcher judges
// it when the header fields are, the handler runs here or on another thread while the connection
// sleeps, and the answer is queued by the event thread.
#include "web/server.h"

#include <microhttpd.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "archive/archive.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "web/dispatch.h"
#include "web/objects.h"
#include "web/pictures.h"
#include "web/server_priv.h"
#include "web/static_files.h"
#include "web/stow.h"
#include "web/threads.h"

#define STOP_POLL_US 5000

const struct web_names_allowed *web_server_allowed(const struct web_server *s) {
    return &s->allowed;
}

// --- the life of a request --------------------------------------------------------------------
static void *on_target(void *context, const char *target, struct MHD_Connection *connection) {
    struct web_server *s = context;
    struct web_request *r = mem_zalloc(sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    arena_init(&r->arena, WEB_REQUEST_MEMORY_MAX);
    buf_init(&r->body, WEB_BODY_SMALL_MAX);
    r->server = s;
    r->connection = connection;
    r->target = arena_copy(&r->arena, slice_first(slice_str(target), WEB_URL_MAX + 1));
    r->began = clock_monotonic(s->clock);
    atomic_fetch_add(&s->running, 1);
    return r;
}

static void request_free(struct web_request *r) {
    if (r->response != NULL && !r->response_shared) {
        MHD_destroy_response(r->response);
    }
    web_stow_free(r->stow);
    buf_done(&r->body);
    arena_done(&r->arena);
    mem_free(r);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode why) {
    struct web_server *s = context;
    struct web_request *r = *request;
    (void)connection;
    if (r == NULL) {
        return;
    }
    bool whole = why == MHD_REQUEST_TERMINATED_COMPLETED_OK;
    size_t row = r->route == NULL ? WEB_METRIC_ROUTES_MAX - 1 : (size_t)(r->route - web_routes);
    web_metrics_count(s->metrics, row, whole ? r->status : 499, whole ? r->length : 0,
                      clock_monotonic(s->clock) - r->began);
    if (r->peer != NULL) {
        web_peer_allow(&s->peers, r->peer, WEB_IDLE_S, 0);
    }
    request_free(r);
    *request = NULL;
    atomic_fetch_sub(&s->running, 1);
}

static enum web_method method_of(const char *text, bool *ret_head) {
    *ret_head = strcmp(text, MHD_HTTP_METHOD_HEAD) == 0;
    if (*ret_head || strcmp(text, MHD_HTTP_METHOD_GET) == 0) {
        return WEB_GET;
    }
    static const struct {
        const char *text;
        enum web_method method;
    } methods[] = {{MHD_HTTP_METHOD_POST, WEB_POST},
                   {MHD_HTTP_METHOD_PUT, WEB_PUT},
                   {MHD_HTTP_METHOD_DELETE, WEB_DELETE},
                   {MHD_HTTP_METHOD_OPTIONS, WEB_OPTIONS}};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(text, methods[i].text) == 0) {
            return methods[i].method;
        }
    }
    return WEB_METHOD_OTHER;
}

static enum MHD_Result queue_answer(struct web_request *r) {
    if (r->response == NULL) {
        return MHD_NO;
    }
    r->stage = WEB_STAGE_ANSWERED;
    web_peer_allow(&r->server->peers, r->peer, WEB_IDLE_S, r->length);
    enum MHD_Result result = MHD_queue_response(r->connection, r->status, r->response);
    if (!r->response_shared) {
        MHD_destroy_response(r->response); // the queue holds it now
    }
    r->response = NULL;
    return result;
}

static struct web_threads *threads_for(struct web_server *s, enum web_where where) {
    return where == WEB_RENDER ? s->render : where == WEB_NETWORK ? s->network : s->catalogue;
}

static void answer_busy(struct web_request *r) {
    web_answer_failure(r, MHD_HTTP_SERVICE_UNAVAILABLE, E_BUSY,
                       "too many requests are waiting; try again", NULL);
}

// A handler may find that another kind of thread is needed, and says so with web_request_later.
static void run_elsewhere(struct web_request *r) {
    web_handler handle = r->later != NULL ? r->later : r->route->handle;
    r->later = NULL;
    handle(r);
    if (r->later != NULL) {
        if (web_threads_push(threads_for(r->server, r->later_where), r)) {
            return;
        }
        answer_busy(r);
    }
    web_server_resume(r);
}

void web_request_later(struct web_request *r, enum web_where where, web_handler handle) {
    r->later = handle;
    r->later_where = where;
}

void web_server_suspend(struct web_request *r) {
    web_peer_allow(&r->server->peers, r->peer, 0, 0);
    MHD_suspend_connection(r->connection);
}

void web_server_resume(struct web_request *r) { MHD_resume_connection(r->connection); }

static enum MHD_Result hand_over(struct web_request *r, struct web_threads *threads) {
    r->stage = WEB_STAGE_WAITING;
    web_server_suspend(r);
    if (!web_threads_push(threads, r)) {
        answer_busy(r);
        web_server_resume(r);
    }
    return MHD_YES;
}

bool web_server_make(struct web_request *r, web_handler make) {
    web_request_later(r, WEB_RENDER, make);
    web_server_suspend(r);
    if (web_threads_push(r->server->render, r)) {
        return true;
    }
    web_server_resume(r);
    return false;
}

static enum MHD_Result run(struct web_request *r) {
    enum web_where where = r->route->where;
    if (where == WEB_HERE) {
        r->route->handle(r);
        if (r->later == NULL) {
            return queue_answer(r);
        }
        where = r->later_where;
    }
    return hand_over(r, threads_for(r->server, where));
}

// A piece of a request's body. What is too long is passed over; the handler is not asked then.
static void take_body(struct web_request *r, const char *bytes, size_t len) {
    if (r->route == NULL || r->route->where != WEB_BODY || r->response != NULL) {
        return; // nobody asked for it
    }
    buf_put(&r->body, bytes, len);
    if (r->body.failed) {
        struct err e = {0};
        (void)buf_check(&r->body, "the body", &e);
        buf_done(&r->body);
        web_answer_error(r, &e);
    }
}

// Policy has been asked.
static enum MHD_Result go_on(struct web_request *r, bool allowed) {
    r->stage = WEB_STAGE_BODY;
    r->later = NULL;
    if (allowed && r->route->where == WEB_STREAM) {
        r->stage = WEB_STAGE_STREAM;
        r->route->handle(r);
    }
    bool early = r->response != NULL && r->method != WEB_GET; // before its body
    return early ? queue_answer(r) : MHD_YES;
}

static void ask_elsewhere(struct web_request *r) { (void)web_dispatch_ask(r); }

static enum MHD_Result ask_later(struct web_request *r) {
    web_request_later(r, WEB_CATALOGUE, ask_elsewhere);
    enum MHD_Result result = hand_over(r, r->server->catalogue);
    r->stage = WEB_STAGE_ASKING;
    return result;
}

// The header fields are there.
static enum MHD_Result begin(struct web_request *r, const char *method) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    r->peer = info == NULL ? NULL : info->socket_context;
    if (r->peer == NULL || r->target.ptr == NULL) {
        return MHD_NO;
    }
    r->method = method_of(method, &r->head);
    web_peer_allow(&r->server->peers, r->peer, WEB_IDLE_S, 0);
    bool found = web_dispatch_find(r);
    if (found && web_dispatch_waits(r)) {
        return ask_later(r);
    }
    return go_on(r, found && web_dispatch_ask(r));
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **request) {
    struct web_request *r = *request;
    (void)context;
    (void)connection;
    (void)url;
    (void)version;
    if (r == NULL) {
        return MHD_NO;
    }
    switch (r->stage) {
    case WEB_STAGE_NEW:
        return begin(r, method);
    case WEB_STAGE_ASKING:
        return go_on(r, r->response == NULL);
    case WEB_STAGE_BODY:
        if (*upload_len > 0) {
            take_body(r, upload, *upload_len);
            *upload_len = 0;
            return MHD_YES;
        }
        return r->response != NULL ? queue_answer(r) : run(r);
    case WEB_STAGE_STREAM:
        return web_stow_body(r, upload, upload_len) ? MHD_YES : queue_answer(r);
    case WEB_STAGE_WAITING:
        return queue_answer(r);
    case WEB_STAGE_ANSWERED:
        break;
    }
    return MHD_NO;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **slot,
                          enum MHD_ConnectionNotificationCode what) {
    struct web_server *s = context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        web_peer_free(&s->peers, *slot);
        *slot = NULL;
        return;
    }
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *address =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    *slot = fd == NULL ? NULL
                       : web_peer_new(&s->peers, fd->connect_fd,
                                      address == NULL ? NULL : address->client_addr);
}

// --- start and stop ---------------------------------------------------------------------------
static int start_daemon(struct web_server *s, int listen_fd, struct err *e) {
    s->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, s,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_THREAD_POOL_SIZE, WEB_THREADS,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_CONNECTION_LIMIT,
        WEB_CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT, WEB_CONNECTIONS_PEER_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, WEB_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        WEB_HEADER_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    return s->daemon != NULL ? E_OK : err_set(e, E_INTERNAL, "the HTTP library did not start");
}

static int start_parts(struct web_server *s, const struct web_options *o, struct err *e) {
    int rc = web_peers_start(&s->peers, s->clock, e);
    if (rc == E_OK) {
        rc = web_objects_new(o->archive, &s->objects, e);
    }
    if (rc == E_OK) {
        rc = web_pictures_new(&s->pictures, e);
    }
    if (rc == E_OK && o->web_dir != NULL) {
        rc = web_static_open(o->web_dir, &s->files, e);
    }
    if (rc == E_OK) {
        rc = web_threads_start(WEB_CATALOGUE_THREADS, WEB_QUEUE_MAX, run_elsewhere, &s->catalogue,
                               e);
    }
    if (rc == E_OK) {
        rc = web_threads_start(WEB_RENDER_THREADS, WEB_QUEUE_MAX, run_elsewhere, &s->render, e);
    }
    if (rc == E_OK) {
        rc = web_threads_start(WEB_NETWORK_THREADS, WEB_NETWORK_QUEUE_MAX, run_elsewhere,
                               &s->network, e);
    }
    return rc;
}

int web_server_start(const struct web_options *options, struct web_server **ret_server,
                     struct err *e) {
    int listen_fd = options->listen_fd;
    struct web_server *s = mem_zalloc(sizeof *s);
    if (s == NULL) {
        (void)close(listen_fd);
        return err_set(e, E_MEMORY, "web server");
    }
    s->archive = options->archive;
    s->dicom = options->dicom;
    s->allowed = options->allowed;
    s->version = options->version;
    s->revision = options->revision;
    s->clock = clock_system();
    s->metrics = mem_zalloc(sizeof *s->metrics);
    int rc = s->metrics == NULL ? err_set(e, E_MEMORY, "counters") : start_parts(s, options, e);
    if (rc == E_OK) {
        rc = start_daemon(s, listen_fd, e);
    }
    if (rc != E_OK) {
        (void)close(listen_fd);
        web_server_stop(s);
        return rc;
    }
    *ret_server = s;
    return E_OK;
}

// Waits until nothing runs, or for WEB_STOP_S.
static void let_finish(struct web_server *s) {
    usec until = clock_monotonic(s->clock) + (usec)WEB_STOP_S * CLOCK_SECOND;
    while (atomic_load(&s->running) > 0 && clock_monotonic(s->clock) < until) {
        (void)usleep(STOP_POLL_US);
    }
}

void web_server_stop(struct web_server *s) {
    if (s == NULL) {
        return;
    }
    if (s->daemon != NULL) {
        int listening = MHD_quiesce_daemon(s->daemon);
        if (listening >= 0) {
            (void)close(listening);
        }
        let_finish(s);
        atomic_store(&s->stopping, true); // uploads still on their way are given up
    }
    web_threads_join(s->catalogue);
    web_threads_join(s->render);
    web_threads_join(s->network);
    while (atomic_load(&s->streams) > 0) {
        (void)usleep(STOP_POLL_US); // they have been told
    }
    if (s->daemon != NULL) {
        MHD_stop_daemon(s->daemon);
    }
    web_threads_stop(s->catalogue); // nobody is left who could push
    web_threads_stop(s->render);
    web_threads_stop(s->network);
    web_static_close(s->files);
    web_pictures_free(s->pictures);
    web_objects_free(s->objects);
    web_peers_stop(&s->peers);
    mem_free(s->metrics);
    mem_free(s);
}
