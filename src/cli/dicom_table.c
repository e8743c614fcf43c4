// SPDX-License-Identifier: Apache-2.0
#include "cli/dicom_table.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "dicom/dataset.h"
#include "dicom/dict.h"
#include "dicom/tags.h"
#include "dicom/value.h"

#define CELL_BYTES_MAX ((size_t)65536)
#define NUMBERS_SHOWN_MAX 8

struct table_row {
    struct table_row *next;
    const char *cells[]; // column_count of them
};

void table_init(struct table *t, bool wide) {
    *t = (struct table){.wide = wide};
    arena_init(&t->arena, TABLE_MEMORY_MAX);
}

void table_done(struct table *t) { arena_done(&t->arena); }

static const char *heading(dcm_tag tag, char text[DCM_TAG_TEXT_LEN + 1]) {
    const struct dcm_dict_entry *entry = dcm_dict_find(tag);
    return entry != NULL ? entry->keyword : dcm_tag_text(tag, text);
}

void table_column(struct table *t, dcm_tag tag, bool in_step) {
    for (size_t i = 0; i < t->column_count; i++) {
        if (t->columns[i] == tag && t->in_step[i] == in_step) {
            return;
        }
    }
    if (t->column_count < TABLE_COLUMNS_MAX) {
        char text[DCM_TAG_TEXT_LEN + 1];
        t->columns[t->column_count] = tag;
        t->in_step[t->column_count] = in_step;
        t->widths[t->column_count++] = strlen(heading(tag, text));
    }
}

// Appends `text` without what a terminal could obey, at most `width` characters (0: all). The
// characters that it takes.
static size_t put_harmless(struct buf *out, struct slice text, size_t width) {
    size_t count = 0;
    while (text.len > 0) {
        uint32_t c;
        size_t len = utf8_decode(text, &c);
        bool bad = len == 0 || c < ' ' || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) ||
                   (c >= 0x2066 && c <= 0x2069);
        if (width > 0 && count + 1 == width && text.len > (len == 0 ? 1 : len)) {
            buf_put_str(out, "…");
            return count + 1;
        }
        buf_put(out, bad ? (const uint8_t *)"?" : text.ptr, bad ? 1 : len);
        text = slice_from(text, len == 0 ? 1 : len);
        count++;
    }
    return count;
}

static void put_numbers(struct buf *out, const struct dcm_node *n) {
    double value;
    for (uint32_t i = 0; i < NUMBERS_SHOWN_MAX && dcm_node_double(n, i, &value); i++) {
        buf_printf(out, "%s%.10g", i > 0 ? "\\" : "", value);
    }
}

static size_t put_cell(struct buf *out, const struct dcm_node *n, size_t width) {
    if (n == NULL) {
        return 0;
    }
    if (n->vr == DCM_VR_SQ) {
        buf_printf(out, "(%u items)", n->item_count);
        return out->len;
    }
    if (dcm_vr_info(n->vr)->class == DCM_VR_CLASS_TEXT || n->vr == DCM_VR_UN) {
        // UIDs are there to be copied.
        return put_harmless(out, dcm_value_trim(n->vr, n->value), n->vr == DCM_VR_UI ? 0 : width);
    }
    put_numbers(out, n);
    return out->len;
}

int table_add(struct table *t, const struct dcm_dataset *d, struct err *e) {
    struct table_row *row =
        arena_alloc(&t->arena, sizeof *row + t->column_count * sizeof row->cells[0]);
    const struct dcm_dataset *step = dcm_first_item(d, DCM_ScheduledProcedureStepSequence);
    struct buf cell;
    buf_init(&cell, CELL_BYTES_MAX);
    bool good = row != NULL;
    for (size_t i = 0; good && i < t->column_count; i++) {
        const struct dcm_dataset *from = t->in_step[i] ? step : d;
        const struct dcm_node *n = from != NULL ? dcm_get(from, t->columns[i]) : NULL;
        buf_clear(&cell);
        size_t width = put_cell(&cell, n, t->wide ? 0 : TABLE_CELL_WIDTH);
        t->widths[i] = width > t->widths[i] ? width : t->widths[i];
        row->cells[i] = arena_str(&t->arena, buf_slice(&cell));
        good = row->cells[i] != NULL;
    }
    buf_done(&cell);
    if (!good) {
        return err_set(e, E_MEMORY, "no memory for more answers; --limit or --json want less");
    }
    row->next = NULL;
    t->first = t->first == NULL ? row : t->first;
    if (t->last != NULL) {
        t->last->next = row;
    }
    t->last = row;
    t->rows++;
    return E_OK;
}

static size_t characters(const char *text) {
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return count;
}

static void print_cell(const struct table *t, size_t column, const char *text, FILE *out) {
    (void)fputs(text, out);
    if (column + 1 < t->column_count) {
        (void)fprintf(out, "%*s", (int)(t->widths[column] - characters(text) + 2), "");
    } else {
        (void)fputc('\n', out);
    }
}

void table_print(const struct table *t, FILE *out) {
    char text[DCM_TAG_TEXT_LEN + 1];
    for (size_t i = 0; t->rows > 0 && i < t->column_count; i++) {
        print_cell(t, i, heading(t->columns[i], text), out);
    }
    for (const struct table_row *row = t->first; row != NULL; row = row->next) {
        for (size_t i = 0; i < t->column_count; i++) {
            print_cell(t, i, row->cells[i], out);
        }
    }
}
