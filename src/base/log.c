// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"

#define LINE_MAX_BYTES 1024

static struct {
    const char *role;
    enum log_level level;
    const struct clock *clock;
} log_state = {"maclab", LOG_INFO, NULL};

static const char *const level_words[] = {"error", "warning", "info", "debug"};

void log_open(const char *role, enum log_level level, const struct clock *clock) {
    log_state.role = role;
    log_state.level = level;
    log_state.clock = clock;
}

// Control characters would let outside text forge lines.
static void make_printable(char *text) {
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F) {
            *text = ' ';
        }
    }
}

void log_line(enum log_level level, const char *format, ...) {
    if (level > log_state.level) {
        return;
    }
    char line[LINE_MAX_BYTES];
    char when[CLOCK_TEXT_LEN + 1];
    const struct clock *clock = log_state.clock == NULL ? clock_system() : log_state.clock;
    int head = snprintf(line, sizeof line, "%s %s %s: ", clock_text(clock_now(clock), when),
                        log_state.role, level_words[level]);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line + head, sizeof line - (size_t)head - 1, format, args);
    va_end(args);
    make_printable(line);
    size_t len = strlen(line);
    line[len] = '\n';
    (void)file_write_all(STDERR_FILENO, line, len + 1);
}

void log_failure(enum log_level level, const char *id, const char *doing, const struct err *why) {
    char text[ERR_TEXT_MAX + ERR_PATH_MAX + 128];
    log_line(level, "%s: %s: %s", id, doing, err_line(why, text, sizeof text));
}
