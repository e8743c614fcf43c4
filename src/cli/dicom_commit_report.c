// SPDX-License-Identifier: Apache-2.0
#include "cli/dicom_commit_report.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/cli.h"

#define WAIT_S_MAX 86400
#define FILE_BYTES_MAX ((size_t)1 << 30)

void commit_report_init(struct commit_report *r) {
    *r = (struct commit_report){.wait_s = COMMITMENT_WAIT_S_DEFAULT};
}

int commit_report_option(struct commit_report *r, const struct dicom_link *l, int option,
                         const char *value) {
    switch (option) {
    case COMMIT_OPTION_PORT:
        r->listen = true;
        return dicom_link_number(l, "--port", value, 0, UINT16_MAX, &r->port) ? 1 : -1;
    case COMMIT_OPTION_LISTEN:
        r->address = value;
        return 1;
    case COMMIT_OPTION_WAIT:
        return dicom_link_number(l, "--wait", value, 1, WAIT_S_MAX, &r->wait_s) ? 1 : -1;
    case COMMIT_OPTION_REPORT:
        r->file = value;
        return 1;
    default:
        return 0;
    }
}

static const char *verdict_word(const struct commitment_item *c) {
    switch ((enum commitment_verdict)c->verdict) {
    case COMMITMENT_DONE:
        return "committed";
    case COMMITMENT_FAILED:
        return "refused";
    case COMMITMENT_OPEN:
        break;
    }
    return "open";
}

static void put_json(struct buf *out, const struct commitment_item *c) {
    struct json j;
    json_init(&j, out);
    json_begin_object(&j);
    json_member_str(&j, "sop_class", c->sop_class);
    json_member_str(&j, "sop_instance", c->sop_instance);
    json_member_str(&j, "commitment", verdict_word(c));
    if (c->verdict == COMMITMENT_FAILED) {
        json_member_i64(&j, "failure_reason", c->reason);
        json_member_str(&j, "reason", commitment_reason(c->reason));
    }
    json_end_object(&j);
    buf_put_byte(out, '\n');
}

static void print_lines(const struct commit_report *r, const struct commitment_item *items,
                        size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct commitment_item *c = &items[i];
        if (c->verdict == COMMITMENT_FAILED) {
            (void)printf("refused   %s: 0x%04X (%s)\n", c->sop_instance, c->reason,
                         commitment_reason(c->reason));
        } else if (!r->quiet || c->verdict != COMMITMENT_DONE) {
            (void)printf("%-9s %s\n", verdict_word(c), c->sop_instance);
        }
    }
}

static int write_file(const struct commit_report *r, struct slice lines, struct err *e) {
    const char *slash = strrchr(r->file, '/');
    char dir[4096];
    (void)snprintf(dir, sizeof dir, "%.*s", slash == NULL ? 1 : (int)(slash - r->file + 1),
                   slash == NULL ? "." : r->file);
    CLEANUP(cleanup_fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_set(e, E_NOT_FOUND, "no folder %s", dir);
    }
    return file_write_durable(fd, slash == NULL ? r->file : slash + 1, lines, 0644, e);
}

static int tell(const struct commit_report *r, const struct dicom_link *l,
                const struct commitment_item *items, size_t count, struct err *e) {
    CLEANUP(cleanup_buf) struct buf lines;
    size_t sums[3] = {0};
    buf_init(&lines, FILE_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        sums[items[i].verdict]++;
        put_json(&lines, &items[i]);
    }
    int rc = buf_check(&lines, "report", e);
    rc = rc == E_OK && r->file != NULL ? write_file(r, buf_slice(&lines), e) : rc;
    if (rc == E_OK && l->json) {
        (void)fwrite(lines.data, 1, lines.len, stdout);
        (void)printf("{\"committed\":%zu,\"refused\":%zu,\"open\":%zu}\n", sums[COMMITMENT_DONE],
                     sums[COMMITMENT_FAILED], sums[COMMITMENT_OPEN]);
    } else if (rc == E_OK) {
        print_lines(r, items, count);
        (void)printf("%zu committed, %zu refused, %zu open\n", sums[COMMITMENT_DONE],
                     sums[COMMITMENT_FAILED], sums[COMMITMENT_OPEN]);
    }
    (void)fflush(stdout);
    return rc;
}

int commit_report_run(struct commit_report *r, const struct dicom_link *l,
                      struct commitment_item *items, size_t count) {
    struct commitment_options options = {.link = l,
                                         .listen = r->listen,
                                         .address = r->address,
                                         .port = (uint16_t)r->port,
                                         .wait_ms = (uint32_t)r->wait_s * 1000};
    struct err why = {0};
    struct err told = {0};
    int rc = commitment_run(&options, items, count, &why);
    int written = tell(r, l, items, count, &told);
    if (rc != E_OK || written != E_OK) {
        return cli_fail(CLI_NO, rc != E_OK ? &why : &told);
    }
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        all = all && items[i].verdict == COMMITMENT_DONE;
    }
    return all ? CLI_OK : CLI_NO;
}
