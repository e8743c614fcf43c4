// SPDX-License-Identifier: Apache-2.0
// maclab dump: data sets as text for people or as DICOM JSON (PS3.18 F) for machines.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/cli.h"
#include "dicom/dump.h"
#include "dicom/json_write.h"
#include "dicom/part10.h"

#define MEMORY_MAX ((size_t)2 << 30)
#define STDIN_MAX ((size_t)2 << 30)

struct request {
    bool json;
    bool no_bulk;
    bool many;
    struct dcm_dump_options text;
};

static const char help[] =
    "Usage: maclab dump [OPTION]... FILE...\n"
    "Show the data set of each DICOM FILE; - is standard input.\n\n"
    "  -j, --json      DICOM JSON model (PS3.18 F), one object a line\n"
    "  -n, --no-bulk   with --json: leave the values of bulk data out\n"
    "  -o, --offset    put before each element where it begins in the file\n"
    "  -f, --full      do not shorten values, list every fragment\n"
    "  -h, --help      this text\n\n"
    "Exit status: 0 all shown, 1 a FILE could not be read to its end, 2 misuse.\n";

static int put_stdout(void *context, struct slice bytes, struct err *e) {
    (void)context;
    if (bytes.len > 0 && fwrite(bytes.ptr, 1, bytes.len, stdout) != bytes.len) {
        return err_set(e, E_IO, "standard output");
    }
    return E_OK;
}

static enum dcm_bulk leave_out(void *context, const struct dcm_bulk_element *element,
                               struct buf *uri) {
    (void)context;
    (void)element;
    (void)uri;
    return DCM_BULK_OMIT;
}

static int show_json(const struct request *request, const struct dcm_file *file, struct err *e) {
    struct buf out CLEANUP(cleanup_buf);
    struct json j;
    struct dcm_reader reader;
    struct dcm_json_options options = {.bulk = request->no_bulk ? leave_out : NULL,
                                       .sink = {.put = put_stdout}};
    buf_init(&out, MEMORY_MAX);
    json_init(&j, &out);
    dcm_file_reader(file, &reader);
    int rc = dcm_json_write(&reader, &options, &j, e);
    buf_put_byte(&out, '\n');
    struct err second = {0};
    int written = put_stdout(NULL, buf_slice(&out), rc == E_OK ? e : &second);
    return rc != E_OK ? rc : written;
}

static int show_bytes(const struct request *request, const char *name, struct slice bytes,
                      struct err *e) {
    struct arena arena;
    struct dcm_file file;
    arena_init(&arena, MEMORY_MAX);
    int rc = dcm_file_open(&arena, bytes, &file, e);
    if (rc == E_OK && request->json) {
        rc = show_json(request, &file, e);
    } else if (rc == E_OK) {
        (void)(request->many && printf("# %s\n", name));
        rc = dcm_dump(&file, &request->text, (struct dcm_sink){.put = put_stdout}, e);
        (void)(request->many && putchar('\n'));
    }
    arena_done(&arena);
    return rc;
}

static int show_file(const struct request *request, const char *path, struct err *e) {
    if (strcmp(path, "-") == 0) {
        struct buf input CLEANUP(cleanup_buf);
        buf_init(&input, STDIN_MAX);
        int rc = file_read("/dev/stdin", &input, e);
        return rc != E_OK ? rc : show_bytes(request, path, buf_slice(&input), e);
    }
    struct file_map map CLEANUP(cleanup_file_map) = {0};
    int rc = file_map_path(path, &map, e);
    return rc != E_OK ? rc : show_bytes(request, path, map.bytes, e);
}

// Reads the options into *ret_request; CLI_OK, CLI_MISUSE, or -1 when help was shown.
static int read_options(int argc, char **argv, struct request *ret_request) {
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},   {"no-bulk", no_argument, NULL, 'n'},
        {"offset", no_argument, NULL, 'o'}, {"full", no_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},   {NULL, 0, NULL, 0}};
    struct request request = {0};
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "jnofh", options, NULL)) != -1) {
        switch (option) {
        case 'j':
            request.json = true;
            break;
        case 'n':
            request.no_bulk = true;
            break;
        case 'o':
            request.text.offsets = true;
            break;
        case 'f':
            request.text.full = true;
            break;
        case 'h':
            (void)fputs(help, stdout);
            return -1;
        default:
            cli_complain("dump: no option '%s'; `maclab dump --help` lists them", argv[optind - 1]);
            return CLI_MISUSE;
        }
    }
    *ret_request = request;
    return CLI_OK;
}

int cmd_dump(int argc, char **argv) {
    struct request request;
    int rc = read_options(argc, argv, &request);
    if (rc != CLI_OK) {
        return rc < 0 ? CLI_OK : rc;
    }
    if (optind == argc) {
        cli_complain("dump: no FILE; `maclab dump --help` tells more");
        return CLI_MISUSE;
    }
    int status = CLI_OK;
    request.many = argc - optind > 1;
    for (int i = optind; i < argc; i++) {
        struct err why = {0};
        if (show_file(&request, argv[i], &why) != E_OK) {
            (void)fflush(stdout);
            (void)err_context(&why, "%s", argv[i]);
            status = cli_fail(CLI_NO, &why);
        }
    }
    if (fflush(stdout) != 0) {
        cli_complain("dump: standard output: %s", strerror(errno));
        return CLI_NO;
    }
    return status;
}
