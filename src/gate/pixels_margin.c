// SPDX-License-Identifier: Apache-2.0
#include "gate/pixels_margin.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "gate/pixels_light.h"

#define CELL 4u        // pixels of a side of the cells that are joined
#define REACH 3        // cells between strokes of one island
#define RING_PART 128u // the border is so much of the shorter side
#define EXACT_PERCENT 60u
#define CLEAR_PERCENT 70u
#define SMALLEST 6u      // pixels: nothing smaller can be read
#define FIELD_PERCENT 2u // of all cells: what is larger is no label
#define LONGEST_PERCENT 45u

enum { GROUND, OFF, BORDER, TAKEN }; // of a cell

struct margin {
    const struct px_frame *f;
    uint32_t across, down; // cells
    uint8_t *cells;        // owned
    uint32_t *stack;       // owned: of cells
    uint16_t *row;         // owned
    uint32_t *histogram;   // owned: of 65536 levels
    uint16_t level, spread;
};

static void cleanup_margin(struct margin *m) {
    mem_free(m->cells);
    mem_free(m->stack);
    mem_free(m->row);
    mem_free(m->histogram);
}

static bool make(struct margin *m, const struct px_frame *f) {
    m->f = f;
    m->across = (f->columns + CELL - 1u) / CELL;
    m->down = (f->rows + CELL - 1u) / CELL;
    size_t count = (size_t)m->across * m->down;
    m->cells = mem_zalloc(count);
    m->stack = mem_array(count, sizeof *m->stack);
    m->row = mem_array(f->columns, sizeof *m->row);
    m->histogram = mem_array(65536, sizeof *m->histogram);
    return m->cells != NULL && m->stack != NULL && m->row != NULL && m->histogram != NULL;
}

// --- the ground's level ---

static uint32_t count_ring(struct margin *m) {
    const struct px_frame *f = m->f;
    uint32_t side = f->rows < f->columns ? f->rows : f->columns;
    uint32_t ring = side / RING_PART + 2;
    uint32_t count = 0;
    for (uint32_t y = 0; y < f->rows; y++) {
        bool whole = y < ring || y + ring >= f->rows;
        gate_light_row(f, y, m->row);
        for (uint32_t x = 0; x < f->columns; x++) {
            if (!whole && x == ring && f->columns > 2 * ring) {
                x = f->columns - ring;
            }
            m->histogram[m->row[x]]++;
            count++;
        }
    }
    return count;
}

static uint16_t commonest(const struct margin *m) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < 65536; i++) {
        best = m->histogram[i] > m->histogram[best] ? i : best;
    }
    return (uint16_t)best;
}

// The level below which `share` of 1000 of the ring lie.
static uint16_t quantile(const struct margin *m, uint32_t count, uint32_t share) {
    uint64_t wanted = (uint64_t)count * share / 1000;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < 65536; i++) {
        seen += m->histogram[i];
        if (seen > wanted) {
            return (uint16_t)i;
        }
    }
    return UINT16_MAX;
}

static uint64_t within(const struct margin *m, uint32_t level, uint32_t spread) {
    uint64_t count = 0;
    uint32_t from = level > spread ? level - spread : 0;
    for (uint32_t i = from; i < 65536 && i <= level + spread; i++) {
        count += m->histogram[i];
    }
    return count;
}

// False: the border is of no clear level.
static bool find_ground(struct margin *m, uint16_t ripple) {
    uint32_t count = count_ring(m);
    m->level = commonest(m);
    m->spread = ripple;
    if (within(m, m->level, ripple) * 100 >= (uint64_t)count * EXACT_PERCENT) {
        return true;
    }
    uint16_t low = quantile(m, count, 250);
    uint16_t high = quantile(m, count, 750);
    uint32_t range = m->f->bits_stored < 16 ? 1u << m->f->bits_stored : 65536u;
    m->level = quantile(m, count, 500);
    uint32_t spread = 4u * (uint32_t)(high - low) + range / 200;
    if (spread > range / 12) {
        return false;
    }
    m->spread = (uint16_t)spread;
    return within(m, m->level, spread) * 100 >= (uint64_t)count * CLEAR_PERCENT;
}

// --- cells ---

// One pixel off is noise where the ground is not exactly of one value.
static void mark_cells(struct margin *m) {
    const struct px_frame *f = m->f;
    bool exact = m->spread == 0;
    for (uint32_t y = 0; y < f->rows; y++) {
        gate_light_row(f, y, m->row);
        uint8_t *cells = m->cells + (size_t)(y / CELL) * m->across;
        for (uint32_t x = 0; x < f->columns; x++) {
            bool off = abs((int)m->row[x] - m->level) > m->spread;
            cells[x / CELL] = (uint8_t)(cells[x / CELL] + off);
        }
    }
    for (size_t i = 0; i < (size_t)m->across * m->down; i++) {
        m->cells[i] = m->cells[i] > (exact ? 0 : 2) ? OFF : GROUND;
    }
}

static void flood_from(struct margin *m, uint32_t start) {
    uint32_t depth = 0;
    if (m->cells[start] != GROUND) {
        return;
    }
    m->cells[start] = BORDER;
    m->stack[depth++] = start;
    while (depth > 0) {
        uint32_t at = m->stack[--depth];
        uint32_t x = at % m->across;
        uint32_t y = at / m->across;
        const uint32_t next[4] = {x > 0 ? at - 1 : at, x + 1 < m->across ? at + 1 : at,
                                  y > 0 ? at - m->across : at,
                                  y + 1 < m->down ? at + m->across : at};
        for (unsigned i = 0; i < 4; i++) {
            if (m->cells[next[i]] == GROUND) {
                m->cells[next[i]] = BORDER;
                m->stack[depth++] = next[i];
            }
        }
    }
}

static void flood(struct margin *m) {
    for (uint32_t x = 0; x < m->across; x++) {
        flood_from(m, x);
        flood_from(m, (m->down - 1) * m->across + x);
    }
    for (uint32_t y = 0; y < m->down; y++) {
        flood_from(m, y * m->across);
        flood_from(m, y * m->across + m->across - 1);
    }
}

// --- islands ---

struct island {
    uint32_t left, top, right, bottom; // cells, the last two inside
    uint32_t count;
};

static void take_cell(struct margin *m, uint32_t x, uint32_t y, struct island *is) {
    is->left = x < is->left ? x : is->left;
    is->right = x > is->right ? x : is->right;
    is->top = y < is->top ? y : is->top;
    is->bottom = y > is->bottom ? y : is->bottom;
    is->count++;
    m->cells[y * m->across + x] = TAKEN;
}

// Everything within REACH cells that is not ground connected with the border.
static struct island gather(struct margin *m, uint32_t start) {
    struct island is = {UINT32_MAX, UINT32_MAX, 0, 0, 0};
    uint32_t depth = 0;
    take_cell(m, start % m->across, start / m->across, &is);
    m->stack[depth++] = start;
    while (depth > 0) {
        uint32_t at = m->stack[--depth];
        int x = (int)(at % m->across);
        int y = (int)(at / m->across);
        for (int dy = -REACH; dy <= REACH; dy++) {
            for (int dx = -REACH; dx <= REACH; dx++) {
                int nx = x + dx;
                int ny = y + dy;
                if (nx < 0 || ny < 0 || nx >= (int)m->across || ny >= (int)m->down) {
                    continue;
                }
                uint32_t next = (uint32_t)ny * m->across + (uint32_t)nx;
                if (m->cells[next] == OFF || m->cells[next] == GROUND) {
                    take_cell(m, (uint32_t)nx, (uint32_t)ny, &is);
                    m->stack[depth++] = next;
                }
            }
        }
    }
    return is;
}

static bool is_label(const struct margin *m, const struct island *is) {
    uint32_t width = (is->right - is->left + 1) * CELL;
    uint32_t height = (is->bottom - is->top + 1) * CELL;
    uint64_t cells = (uint64_t)m->across * m->down;
    return (width > SMALLEST || height > SMALLEST) && is->count > 2 &&
           (uint64_t)is->count * 100 < cells * FIELD_PERCENT &&
           width * 100 < m->f->columns * LONGEST_PERCENT &&
           height * 100 < m->f->rows * LONGEST_PERCENT;
}

static struct gate_box box_of(const struct margin *m, const struct island *is, uint32_t number) {
    uint32_t x = is->left * CELL;
    uint32_t y = is->top * CELL;
    uint32_t right = (is->right + 1) * CELL;
    uint32_t bottom = (is->bottom + 1) * CELL;
    right = right < m->f->columns ? right : m->f->columns;
    bottom = bottom < m->f->rows ? bottom : m->f->rows;
    return (struct gate_box){.x = (uint16_t)x,
                             .y = (uint16_t)y,
                             .width = (uint16_t)(right - x),
                             .height = (uint16_t)(bottom - y),
                             .frame = number,
                             .shape = GATE_SHAPE_STROKES,
                             .sure = GATE_LIKELY,
                             .turn = 255,
                             .dark = m->level > 32768u >>
                                     (16 - (m->f->bits_stored < 16 ? m->f->bits_stored : 16)),
                             .crop = UINT32_MAX};
}

bool gate_boxes_add(struct gate_boxes *b, const struct gate_box *box) {
    if (b->count == b->cap) {
        uint32_t cap = b->cap == 0 ? 64 : b->cap * 2;
        struct gate_box *list = mem_realloc(b->list, cap * sizeof *list);
        if (list == NULL) {
            return false;
        }
        b->list = list;
        b->cap = cap;
    }
    b->list[b->count++] = *box;
    return true;
}

static int give(struct margin *m, uint32_t number, struct gate_boxes *out, struct err *e) {
    struct gate_box found[GATE_ISLANDS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < m->across * m->down; i++) {
        if (m->cells[i] != OFF) {
            continue;
        }
        struct island is = gather(m, i);
        if (!is_label(m, &is)) {
            continue;
        }
        if (count == GATE_ISLANDS_MAX) {
            return E_OK;
        }
        found[count++] = box_of(m, &is, number);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!gate_boxes_add(out, &found[i])) {
            return err_set(e, E_MEMORY, "boxes of frame %u", number + 1);
        }
    }
    return E_OK;
}

int gate_margin_find(const struct px_image *im, const struct px_frame *f, uint32_t number,
                     struct gate_boxes *out, struct err *e) {
    CLEANUP(cleanup_margin) struct margin m = {0};
    if (f->samples != 1 || f->kind != PX_PIXEL_INTEGER || f->bits_stored < 8 || f->rows < 64 ||
        f->columns < 64) {
        return E_OK; // no film
    }
    if (!make(&m, f)) {
        return err_set(e, E_MEMORY, "the margins of frame %u", number + 1);
    }
    if (!find_ground(&m, gate_light_ripple(im, f))) {
        return E_OK;
    }
    mark_cells(&m);
    flood(&m);
    return give(&m, number, out, e);
}
