// SPDX-License-Identifier: Apache-2.0
// maclab find: C-FIND (PS3.4 C, K) as SCU: patients, studies, series, instances, worklist.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/dicom_link.h"
#include "cli/dicom_query.h"
#include "cli/dicom_retrieve.h"
#include "cli/dicom_table.h"
#include "dicom/dataset.h"
#include "dicom/json_write.h"
#include "dicom/tags.h"
#include "dimse/command.h"

#define QUERY_MEMORY_MAX ((size_t)32 << 20)
#define LINE_MAX_BYTES ((size_t)64 << 20)
#define KEYS_MAX 256

static const char help[] =
    "Usage: maclab find [OPTION]... PEER [KEY[=VALUE]]...\n"
    "Ask a DICOM node what it has (C-FIND). A KEY is a keyword of the data dictionary or a\n"
    "tag (PatientName=SMITH*, 0008,0050=A1, StudyDate=20260101-); in sequences with dots\n"
    "(ScheduledProcedureStepSequence.Modality=CT). Without a value it is only shown.\n\n"
    "      --patient           patients (Patient Root)\n"
    "      --study             studies (default)\n"
    "      --series            series\n"
    "      --image             instances\n"
    "      --worklist          Modality Worklist\n"
    "      --patient-root      the Patient Root model for studies, series, instances\n"
    "  -k, --key KEY[=VALUE]   the same as a KEY behind PEER\n"
    "      --relational        negotiate relational queries (upper keys may be missing)\n"
    "      --fuzzy             negotiate fuzzy matching of names\n"
    "      --charset TERM      character set of request and answers (default: ISO_IR\n"
    "                          192, UTF-8); none: not said\n"
    "  -n, --limit N           cancel after N answers\n"
    "  -o, --only-keys         ask for the KEYs alone, without the usual ones\n"
    "  -w, --wide              do not shorten long values\n"
    "  -j, --json              an array of DICOM JSON objects (PS3.18 F)\n"
    "  -l, --lines             DICOM JSON, one object a line, as they come\n" LINK_HELP
    "\nExit status: 0 there are answers, 1 there are none, or the query failed, 2 misuse.\n";

enum find_option {
    OPTION_PATIENT = LINK_OPTION_OWN,
    OPTION_STUDY,
    OPTION_SERIES,
    OPTION_IMAGE,
    OPTION_WORKLIST,
    OPTION_PATIENT_ROOT,
    OPTION_RELATIONAL,
    OPTION_FUZZY,
    OPTION_CHARSET
};

struct find {
    struct dicom_link link;
    struct query query;
    struct arena arena;
    enum query_level level;
    bool patient_root, relational, fuzzy, only_keys, wide, lines;
    const char *charset;
    uint64_t limit, answers;
    const char *keys[KEYS_MAX];
    size_t key_count;
    struct table table;
    struct buf json;
    struct err e;
};

// --- answers

static int write_json(struct find *run, const struct dcm_dataset *d) {
    struct json j;
    buf_clear(&run->json);
    buf_put_str(&run->json, run->lines ? "" : run->answers == 0 ? "[\n" : ",\n");
    json_init(&j, &run->json);
    int rc = dcm_json_write_dataset(d, NULL, &j, &run->e);
    buf_put_str(&run->json, run->lines ? "\n" : "");
    rc = rc == E_OK ? buf_check(&run->json, "answer", &run->e) : rc;
    if (rc == E_OK && fwrite(run->json.data, 1, run->json.len, stdout) != run->json.len) {
        rc = err_set_errno(&run->e, errno, "standard output");
    }
    return rc;
}

static int on_answer(void *context, struct dcm_dataset *d) {
    struct find *run = context;
    int rc = run->link.json || run->lines ? write_json(run, d) : table_add(&run->table, d, &run->e);
    run->answers += rc == E_OK;
    return rc != E_OK || retrieve_interrupted();
}

static void close_output(struct find *run) {
    if (run->lines) {
        return;
    }
    if (run->link.json) {
        (void)fputs(run->answers == 0 ? "[]\n" : "\n]\n", stdout);
        return;
    }
    table_print(&run->table, stdout);
}

// --- the query

static int make_query(struct find *run) {
    int rc =
        query_init(&run->query, &run->arena, run->level, run->patient_root, run->charset, &run->e);
    run->query.relational = run->relational;
    run->query.fuzzy = run->fuzzy;
    for (size_t i = 0; rc == E_OK && i < run->key_count; i++) {
        rc = query_add(&run->query, run->keys[i], &run->e);
    }
    return rc == E_OK && !run->only_keys ? query_add_defaults(&run->query, &run->e) : rc;
}

// The usual columns, then whatever else was asked for by a key.
static void make_columns(struct find *run) {
    for (const dcm_tag *tag = query_columns(run->level); !run->only_keys && *tag != 0; tag++) {
        table_column(&run->table, *tag, false);
    }
    const struct dcm_dataset *step =
        dcm_first_item(run->query.keys, DCM_ScheduledProcedureStepSequence);
    for (uint32_t i = 0; step != NULL && i < step->count; i++) {
        table_column(&run->table, step->nodes[i].tag, true);
    }
    for (size_t i = 0; i < run->key_count; i++) {
        struct slice word = slice_str(run->keys[i]);
        dcm_tag tag;
        if (dcm_tag_parse(slice_first(word, slice_find(word, '=')), &tag)) {
            table_column(&run->table, tag, false);
        }
    }
}

static bool final_is_good(const struct find *run, const struct dimse_command *response) {
    enum dimse_status_kind kind = dimse_status_kind(response->status);
    bool limited = kind == DIMSE_IS_CANCEL && run->limit > 0 && run->answers >= run->limit;
    if (kind == DIMSE_IS_SUCCESS || limited) {
        return true;
    }
    char words[DIMSE_STATUS_TEXT_MAX];
    char comment[DIMSE_COMMENT_MAX + 1];
    cli_complain("find: %s ends the query with %s%s%s", run->link.peer_text,
                 dimse_status_text(response->status, words), *response->comment != '\0' ? ": " : "",
                 dicom_link_clean(response->comment, comment, sizeof comment));
    return false;
}

static int ask(struct find *run) {
    struct dimse_association *a;
    struct dimse_command response;
    struct err e = {0};
    int rc = query_open(&run->link, &run->query, &a, &e);
    if (rc != E_OK) {
        return cli_fail(CLI_NO, &e);
    }
    rc = query_find(a, &run->query, (uint32_t)run->limit, on_answer, run, &response, &e);
    if (rc != E_OK) {
        dimse_association_close(a);
    } else {
        (void)dimse_release(a, &(struct err){0});
    }
    close_output(run);
    if (rc != E_OK || run->e.code != E_OK) {
        return cli_fail(CLI_NO, rc != E_OK ? &e : &run->e);
    }
    return final_is_good(run, &response) && run->answers > 0 ? CLI_OK : CLI_NO;
}

// --- words

static int own_option(struct find *run, int option, const char *value) {
    switch (option) {
    case OPTION_PATIENT:
    case OPTION_STUDY:
    case OPTION_SERIES:
    case OPTION_IMAGE:
    case OPTION_WORKLIST:
        run->level = (enum query_level)(option - OPTION_PATIENT);
        break;
    case OPTION_PATIENT_ROOT:
        run->patient_root = true;
        break;
    case OPTION_RELATIONAL:
        run->relational = true;
        break;
    case OPTION_FUZZY:
        run->fuzzy = true;
        break;
    case OPTION_CHARSET:
        run->charset = value;
        break;
    case 'n':
        return dicom_link_number(&run->link, "--limit", value, 1, UINT32_MAX, &run->limit) ? 1 : -1;
    case 'o':
        run->only_keys = true;
        break;
    case 'w':
        run->wide = true;
        break;
    case 'l':
        run->lines = true;
        break;
    default:
        return 0;
    }
    return 1;
}

static int take_key(struct find *run, const char *word) {
    if (run->key_count == KEYS_MAX) {
        cli_complain("find: more than %d keys", KEYS_MAX);
        return -1;
    }
    run->keys[run->key_count++] = word;
    return 1;
}

static int read_options(int argc, char **argv, struct find *run) {
    static const struct option options[] = {
        LINK_LONG,
        {"patient", no_argument, NULL, OPTION_PATIENT},
        {"study", no_argument, NULL, OPTION_STUDY},
        {"series", no_argument, NULL, OPTION_SERIES},
        {"image", no_argument, NULL, OPTION_IMAGE},
        {"worklist", no_argument, NULL, OPTION_WORKLIST},
        {"patient-root", no_argument, NULL, OPTION_PATIENT_ROOT},
        {"relational", no_argument, NULL, OPTION_RELATIONAL},
        {"fuzzy", no_argument, NULL, OPTION_FUZZY},
        {"charset", required_argument, NULL, OPTION_CHARSET},
        {"key", required_argument, NULL, 'k'},
        {"limit", required_argument, NULL, 'n'},
        {"only-keys", no_argument, NULL, 'o'},
        {"wide", no_argument, NULL, 'w'},
        {"lines", no_argument, NULL, 'l'},
        {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, LINK_SHORT "k:n:owl", options, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(help, stdout);
            return -1;
        }
        int taken = dicom_link_option(&run->link, option, optarg);
        taken = taken == 0 ? own_option(run, option, optarg) : taken;
        taken = taken == 0 && option == 'k' ? take_key(run, optarg) : taken;
        if (taken <= 0) {
            return taken < 0 ? CLI_MISUSE : dicom_link_unknown(&run->link, argv[optind - 1]);
        }
    }
    if (optind == argc) {
        cli_complain("find: no PEER; `maclab find --help` tells more");
        return CLI_MISUSE;
    }
    for (int i = optind + 1; i < argc; i++) {
        if (take_key(run, argv[i]) < 0) {
            return CLI_MISUSE;
        }
    }
    return CLI_OK;
}

int cmd_find(int argc, char **argv) {
    struct find *run = mem_zalloc(sizeof *run);
    if (run == NULL) {
        cli_complain("find: no memory");
        return CLI_MISUSE;
    }
    run->level = QUERY_STUDY;
    dicom_link_init(&run->link, "find");
    const char *data_dir = dicom_link_data_dir(argc, argv);
    int rc = read_options(argc, argv, run);
    arena_init(&run->arena, QUERY_MEMORY_MAX);
    table_init(&run->table, run->wide);
    buf_init(&run->json, LINE_MAX_BYTES);
    rc = rc == CLI_OK ? dicom_link_ready(&run->link, argv[optind], data_dir) : rc;
    if (rc == CLI_OK && make_query(run) != E_OK) {
        (void)err_context(&run->e, "find");
        rc = cli_fail(CLI_MISUSE, &run->e);
    }
    if (rc == CLI_OK) {
        make_columns(run);
        retrieve_catch_interrupt();
        rc = ask(run);
    }
    buf_done(&run->json);
    table_done(&run->table);
    arena_done(&run->arena);
    dicom_link_done(&run->link);
    mem_free(run);
    return rc < 0 ? CLI_OK : rc;
}
