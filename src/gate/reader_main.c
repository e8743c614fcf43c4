// SPDX-License-Identifier: Apache-2.0
// maclab-reader: Tesseract in a sandbox (worker.h). The only program that links Tesseract. It loads
// engine and language model before the doors close and reads once, so that whatever the library
// makes at its first use is there; it never makes a thread. What libraries would print may be what
// they read: its standard error leads nowhere.
#include <dlfcn.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include <tesseract/capi.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "gate/reading_wire.h"
#include "worker/worker.h"

#define LANGUAGE "eng"
#define DPI 300
#define SIDE_MIN 8U
#define SURE 60        // below: another way to look at the crop is tried
#define TURNED_SURE 70 // what another way must reach, because nonsense reads well now and then,
#define TURNED_GAIN 25 // and by how much it must beat the way that the crop was given
#define LOOK_MS 1000
#define TURNED_BYTES_MAX ((size_t)128 << 10) // a larger crop is no line: only upright
#define WARM_WIDTH 120
#define WARM_HEIGHT 52

// Of this process, which does one thing: made by prepare(), used by the job.
static TessBaseAPI *engine;
static ETEXT_DESC *monitor;

// A picture as the engine takes it.
struct look {
    const uint8_t *grey;
    uint32_t width, height;
    TessPageSegMode mode;
};

// OpenMP would start threads, which the sandbox forbids and which make lines of this size four
// times slower. The library asks for a number of threads at each parallel region, so a wished
// number does not hold it: no level of parallelism does. It may have been built without OpenMP.
static void single_thread(void) {
    void *symbol = dlsym(RTLD_DEFAULT, "omp_set_max_active_levels");
    if (symbol != NULL) {
        void (*set)(int);
        memcpy(&set, &symbol, sizeof set);
        set(0);
    }
}

static void silence(void) {
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0) {
        (void)dup2(null, STDERR_FILENO);
        (void)close(null);
    }
}

// Appends a word, a space before it if it is not the first; cut at a character that does not fit.
static void add_word(struct gate_reading *r, const char *word) {
    size_t len = strlen(r->text);
    struct slice rest = slice_trim(slice_str(word), " \n\t\r");
    if (len > 0 && len + 1 < sizeof r->text) {
        r->text[len++] = ' ';
    }
    uint32_t code_point;
    size_t n;
    while ((n = utf8_decode(rest, &code_point)) > 0 && len + n < sizeof r->text) {
        if (code_point >= 0x20 && code_point != 0x7F) {
            memcpy(r->text + len, rest.ptr, n);
            len += n;
        }
        rest = slice_from(rest, n);
    }
    r->text[len] = '\0';
}

static void take_words(TessResultIterator *it, struct gate_reading *r) {
    float least = 100;
    do {
        char *word = TessResultIteratorGetUTF8Text(it, RIL_WORD);
        if (word != NULL && word[strspn(word, " \n\t")] != '\0') {
            add_word(r, word);
            float sure = TessResultIteratorConfidence(it, RIL_WORD);
            least = isfinite(sure) && sure < least ? sure : least;
        }
        TessDeleteText(word);
    } while (TessResultIteratorNext(it, RIL_WORD));
    bool any = r->text[0] != '\0';
    r->confidence = (uint8_t)(any && least > 0 ? lrintf(least) : 0);
}

static struct gate_reading read_once(const struct look *l) {
    struct gate_reading r = {.text = ""};
    TessBaseAPISetPageSegMode(engine, l->mode);
    TessBaseAPISetImage(engine, l->grey, (int)l->width, (int)l->height, 1, (int)l->width);
    TessBaseAPISetSourceResolution(engine, DPI);
    TessMonitorSetDeadlineMSecs(monitor, LOOK_MS);
    if (TessBaseAPIRecognize(engine, monitor) == 0) {
        TessResultIterator *it = TessBaseAPIGetIterator(engine);
        if (it != NULL) {
            take_words(it, &r);
            TessResultIteratorDelete(it);
        }
    }
    TessBaseAPIClear(engine);
    return r;
}

// --- other ways to hold a picture

enum hold { HOLD_QUARTER, HOLD_HALF, HOLD_THREE_QUARTERS, HOLD_MIRRORED };

static uint8_t held_sample(const struct gate_crop *c, enum hold hold, uint32_t x, uint32_t y) {
    uint32_t w = c->width, h = c->height;
    switch (hold) {
    case HOLD_QUARTER:
        return c->grey[(size_t)(h - 1 - x) * w + y];
    case HOLD_HALF:
        return c->grey[(size_t)(h - 1 - y) * w + (w - 1 - x)];
    case HOLD_THREE_QUARTERS:
        return c->grey[(size_t)x * w + (w - 1 - y)];
    default:
        return c->grey[(size_t)y * w + (w - 1 - x)];
    }
}

// Reads the crop held otherwise, and keeps what it read when that is surer than *best.
static void read_held(const struct gate_crop *c, enum hold hold, uint8_t *room,
                      struct gate_reading *best) {
    bool lying = hold == HOLD_QUARTER || hold == HOLD_THREE_QUARTERS;
    struct look l = {room, lying ? c->height : c->width, lying ? c->width : c->height,
                     PSM_SINGLE_LINE};
    for (uint32_t y = 0; y < l.height; y++) {
        for (uint32_t x = 0; x < l.width; x++) {
            room[(size_t)y * l.width + x] = held_sample(c, hold, x, y);
        }
    }
    struct gate_reading r = read_once(&l);
    if (r.confidence >= TURNED_SURE && r.confidence >= best->confidence + TURNED_GAIN) {
        *best = r;
    }
}

// A line as it stands; then as scattered words; then turned and mirrored, because not every glyph
// tells which way is up.
static int read_crop(const struct gate_crop *c, struct gate_reading *ret, struct err *e) {
    *ret = (struct gate_reading){.text = ""};
    if (c->width < SIDE_MIN || c->height < SIDE_MIN) {
        return E_OK;
    }
    struct look l = {c->grey, c->width, c->height, PSM_SINGLE_LINE};
    struct gate_reading best = read_once(&l);
    if (best.confidence < SURE) {
        l.mode = PSM_SPARSE_TEXT;
        struct gate_reading r = read_once(&l);
        best = r.confidence > best.confidence ? r : best;
    }
    if (best.confidence < SURE && c->whole.len <= TURNED_BYTES_MAX) {
        uint8_t *room = mem_alloc((size_t)c->width * c->height);
        if (room == NULL) {
            return err_set(e, E_MEMORY, "a crop turned");
        }
        bool wide = c->width > 2 * c->height, tall = c->height > 2 * c->width;
        for (int hold = HOLD_QUARTER; hold <= HOLD_MIRRORED && best.confidence < SURE; hold++) {
            bool lying = hold == HOLD_QUARTER || hold == HOLD_THREE_QUARTERS;
            if (lying ? !wide : !tall) {
                read_held(c, (enum hold)hold, room, &best);
            }
        }
        mem_free(room);
    }
    *ret = best;
    return E_OK;
}

// --- the jobs

static int no_engine(struct err *e) {
    return err_set(e, E_UNSUPPORTED, "Tesseract's language data (%s) are not installed", LANGUAGE);
}

static int job_read(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)in;
    (void)out;
    if (engine == NULL) {
        return no_engine(e);
    }
    while (request.len > 0) {
        struct gate_crop c;
        struct gate_reading r;
        if (gate_crop_next(&request, &c, e) != E_OK || read_crop(&c, &r, e) != E_OK) {
            return e->code;
        }
        gate_reading_pack(&r, answer);
    }
    return E_OK;
}

static int job_about(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)request;
    (void)in;
    (void)out;
    if (engine == NULL) {
        return no_engine(e);
    }
    buf_printf(answer, "Tesseract %s (%s)", TessVersion(), LANGUAGE);
    return E_OK;
}

// A letter of bars, so that every step of reading has run once.
static void warm_up(void) {
    uint8_t grey[WARM_WIDTH * WARM_HEIGHT];
    memset(grey, 255, sizeof grey);
    for (size_t y = 10; y < 42; y++) {
        memset(grey + y * WARM_WIDTH + 20, 0, 5);
        memset(grey + y * WARM_WIDTH + 40, 0, 5);
        memset(grey + y * WARM_WIDTH + 70, 0, 5);
        if (y >= 24 && y < 28) {
            memset(grey + y * WARM_WIDTH + 20, 0, 25);
        }
    }
    struct look l = {grey, WARM_WIDTH, WARM_HEIGHT, PSM_SINGLE_LINE};
    (void)read_once(&l);
    l.mode = PSM_SPARSE_TEXT;
    (void)read_once(&l);
}

static void prepare(void) {
    single_thread();
    silence();
    engine = TessBaseAPICreate();
    monitor = TessMonitorCreate();
    if (engine == NULL || monitor == NULL) {
        engine = NULL;
    } else if (TessBaseAPIInit2(engine, NULL, LANGUAGE, OEM_LSTM_ONLY) != 0) {
        TessBaseAPIDelete(engine);
        engine = NULL;
    } else {
        warm_up();
    }
}

int main(int argc, char **argv) {
    static const struct worker_job jobs[GATE_READING_JOB_COUNT] = {
        [GATE_READING_READ] = {.name = "read",
                               .run = job_read,
                               .prepare = prepare,
                               .timeout_ms = GATE_READING_TIMEOUT_MS,
                               .memory_bytes = GATE_READING_MEMORY},
        [GATE_READING_ABOUT] = {
            .name = "about", .run = job_about, .memory_bytes = GATE_READING_MEMORY}};
    if (argc != 2 || strcmp(argv[1], "worker") != 0) {
        static const char words[] = "maclab-reader: is started by maclab, not by hand\n";
        (void)!write(STDERR_FILENO, words, sizeof words - 1);
        return 2;
    }
    return worker_main(jobs, GATE_READING_JOB_COUNT);
}
