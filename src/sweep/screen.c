/* SPDX-License-Identifier: MIT */
#include "sweep/screen.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void screen_init(struct screen *s, struct log *log, enum verbosity verbosity)
{
    const char *term = getenv("TERM");
    *s = (struct screen){.log = log};
    s->has_terminal =
        verbosity != LOG_QUIET && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

void screen_clear(struct screen *s)
{
    if (s->drawn)
        fprintf(stderr, "\r\033[%dA\033[J", s->drawn);
    fflush(stderr);
    s->drawn = 0;
}

void screen_say(struct screen *s, const char *format, ...)
{
    char *text;
    va_list ap;
    va_start(ap, format);
    int length = vasprintf(&text, format, ap);
    va_end(ap);
    if (length < 0)
        return;
    screen_clear(s);
    log_say(s->log, "%s", text);
    free(text);
}

struct figure screen_time(double seconds)
{
    struct figure f = {"-"};
    if (!(seconds >= 0 && seconds < 1e9))
        return f;
    long s = (long)(seconds + 0.5);
    if (s < 3600)
        snprintf(f.text, sizeof f.text, "%ld:%02ld", s / 60, s % 60);
    else
        snprintf(f.text, sizeof f.text, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    return f;
}

struct figure screen_bytes(double bytes)
{
    struct figure f = {"-"};
    if (bytes >= 0x1p30)
        snprintf(f.text, sizeof f.text, "%.1f GiB", bytes / 0x1p30);
    else if (bytes > 0)
        snprintf(f.text, sizeof f.text, "%.1f MiB", bytes / 0x1p20);
    return f;
}

static struct figure number(double x, int decimals)
{
    return isfinite(x) ? log_figure(x, decimals) : (struct figure){"-"};
}

/* Columns of the table beside the runs' names, and those of names. */
enum { OTHERS = 71, SHORT = 8, LONG = 40 };

/* A row of the table, without its end; `name`: columns of the run's name. */
static void print_slot(const struct screen_slot *slot, int name, char *line, size_t size)
{
    char epochs[32] = "-";
    if (!slot->run) {
        snprintf(line, size, "%4zu %-6.6s    -", slot->index, slot->device);
        return;
    }
    if (slot->waits) {
        snprintf(line, size, "%4zu %-6.6s %4zu %-*.*s waits for memory", slot->index, slot->device,
                 slot->run, name, name, slot->row->name);
        return;
    }
    const struct follow *f = &slot->row->follow;
    if (f->epochs)
        snprintf(epochs, sizeof epochs, "%ld/%ld", f->epoch, f->epochs);
    snprintf(line, size, "%4zu %-6.6s %4zu %-*.*s %8s %9s %9s %7s %7s %8s", slot->index,
             slot->device, slot->run, name, name, slot->row->name, epochs, number(f->loss, 6).text,
             number(f->best, 6).text, number(f->rate, 0).text, screen_time(f->left).text,
             screen_bytes(f->bytes).text);
}

void screen_draw(struct screen *s, const struct screen_slot *slot, size_t count, const char *sum)
{
    struct winsize size;
    char line[512];
    if (!s->has_terminal)
        return;
    int known = !ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col && size.ws_row;
    int columns = known ? size.ws_col - 1 : 79, rows = known ? size.ws_row - 1 : 23;
    screen_clear(s);
    int name = columns - OTHERS < SHORT ? SHORT : columns - OTHERS > LONG ? LONG : columns - OTHERS;
    snprintf(line, sizeof line, "slot device  run %-*s %8s %9s %9s %7s %7s %8s", name, "name",
             "epoch", "loss", "best", "win/s", "ETA", "memory");
    fprintf(stderr, "%.*s\n", columns, line);
    int most = rows - 2; /* those that do not fit are not shown */
    for (size_t i = 0; i < count && (int)i < most; i++, s->drawn++) {
        print_slot(&slot[i], name, line, sizeof line);
        fprintf(stderr, "%.*s\n", columns, line);
    }
    fprintf(stderr, "%.*s\n", columns, sum);
    s->drawn += 2;
    fflush(stderr);
}
