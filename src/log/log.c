/* SPDX-License-Identifier: MIT */
#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log/hook.h"
#include "util/clocale.h"
#include "util/file.h"
#include "util/jsonmem.h"

/* A command of log.on_event may take so many seconds. */
#define HOOK_SECONDS 30

/* The bar is drawn at most this often, ms. */
#define PROGRESS_PERIOD 100

struct log {
    pthread_mutex_t lock; /* of all that follows; taken again by what is called within */
    struct log_settings settings;
    enum verbosity verbosity;
    struct hook *hook;      /* NULL: none */
    int hushed;             /* no command for what is told now */
    struct segments file;   /* fd is -1: none */
    int failed;             /* errno of the first write to it that failed */
    struct board *board;    /* NULL: none */
    struct error unboarded; /* the first write to it that failed; "": none */
    int segment_told;       /* that a rotation went wrong */
    int mute;               /* errno of the first write to the console that failed */
    int leaves_console;     /* that is no failure */
    int lost;               /* memory for a line ran out before the file was opened */
    json_t *kept;           /* console lines since log_keep(); NULL: none are kept */
    char *early;            /* lines of events before the file was opened; NULL: none */
    size_t early_bytes;
    int64_t early_since; /* when the first of them was written, ms since 1970 */

    int has_terminal; /* draw progress */
    int drawn;        /* a bar is on the terminal */
    int64_t begun;    /* when this bar's count was first seen, ms; 0: no bar */
    int64_t last;     /* when it was last drawn, ms */
    uint64_t first;   /* count at `begun` */
    uint64_t latest;  /* count of the latest call */
};

struct log *log_new(enum verbosity verbosity)
{
    struct log *log = calloc(1, sizeof *log);
    if (!log)
        return NULL;
    pthread_mutexattr_t again;
    pthread_mutexattr_init(&again);
    pthread_mutexattr_settype(&again, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&log->lock, &again);
    pthread_mutexattr_destroy(&again);
    const char *term = getenv("TERM");
    log->verbosity = verbosity;
    log->file.fd = -1;
    log->has_terminal =
        verbosity != LOG_QUIET && isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
    return log;
}

void log_set(struct log *log, const struct log_settings *settings)
{
    log->settings = *settings;
    const char *command = settings->on_event;
    if (command && *command && !(log->hook = hook_new(command, HOOK_SECONDS)))
        log->lost = 1; /* out of memory */
    log->has_terminal &= !settings->silent;
}

/* --- the console */

static void erase_progress(struct log *log)
{
    if (log->drawn)
        fputs("\r\033[K", stderr);
    log->drawn = 0;
}

static void say(struct log *log, FILE *out, const char *before, const char *format, va_list ap)
{
    if (log->settings.silent)
        return;
    pthread_mutex_lock(&log->lock);
    erase_progress(log);
    locale_t locale = clocale_enter();
    fputs(before, out);
    vfprintf(out, format, ap);
    putc('\n', out);
    int failed = file_flush_errno(out);
    if (failed && !log->mute && out == stdout)
        log->mute = failed;
    clocale_leave(locale);
    pthread_mutex_unlock(&log->lock);
}

struct figure log_figure(double x, int decimals)
{
    struct figure f;
    locale_t locale = clocale_enter();
    if (fabs(x) > 0 && (fabs(x) < 1e-9 || fabs(x) >= 1e9))
        snprintf(f.text, sizeof f.text, "%.2e", x);
    else
        snprintf(f.text, sizeof f.text, "%.*f",
                 fabs(x) > 0 ? (int)fmax(decimals, 1 - floor(log10(fabs(x)))) : decimals, x);
    clocale_leave(locale);
    return f;
}

/* Text as a JSON string; what is not UTF-8 (names of files may be anything) as '?'. */
static json_t *json_text(char *text)
{
    json_t *string = json_string(text);
    if (string)
        return string;
    for (char *c = text; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    return json_string(text);
}

/* A line for log_kept(). */
static void keep(struct log *log, const char *format, va_list ap)
{
    char *text;
    pthread_mutex_lock(&log->lock);
    locale_t locale = clocale_enter();
    if (log->kept && json_array_size(log->kept) < LOG_KEPT) {
        if (vasprintf(&text, format, ap) < 0) {
            jsonmem_lacks();
        } else {
            json_array_append_new(log->kept, json_text(text));
            free(text);
        }
    }
    clocale_leave(locale);
    pthread_mutex_unlock(&log->lock);
}

void log_keep(struct log *log)
{
    pthread_mutex_lock(&log->lock);
    json_decref(log->kept);
    log->kept = json_array();
    pthread_mutex_unlock(&log->lock);
}

json_t *log_kept(struct log *log)
{
    pthread_mutex_lock(&log->lock);
    json_t *kept = log->kept;
    log->kept = NULL;
    pthread_mutex_unlock(&log->lock);
    return kept;
}

void log_say(struct log *log, const char *format, ...)
{
    va_list ap, again;
    va_start(ap, format);
    va_copy(again, ap);
    if (log->verbosity != LOG_QUIET)
        say(log, stdout, "", format, ap);
    keep(log, format, again);
    va_end(again);
    va_end(ap);
}

void log_detail(struct log *log, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    if (log->verbosity == LOG_VERBOSE)
        say(log, stdout, "", format, ap);
    va_end(ap);
}

static void say_warning(struct log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void say_warning(struct log *log, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    say(log, stderr, "seqtrain: warning: ", format, ap);
    va_end(ap);
}

/* --- the file */

static void file_failed(struct log *log, int number)
{
    if (log->failed)
        return;
    log->failed = number;
    say_warning(log, "%s: %s", log->file.path, strerror(log->failed));
}

/* What an event says of the run: the names of events have a level each. */
static const char *level_of(const char *event)
{
    static const char *const warnings[] = {"warning", "slow", "hot", "diverging", "stalled"};
    for (size_t i = 0; i < sizeof warnings / sizeof *warnings; i++)
        if (!strcmp(event, warnings[i]))
            return "warning";
    return strcmp(event, "error") ? "info" : "error";
}

/* Milliseconds since 1970. */
static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ISO 8601 */
static json_t *time_json(int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[64];
    gmtime_r(&seconds, &tm);
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, sizeof text - n, ".%03dZ", (int)(ms % 1000));
    return json_string(text);
}

/* The object as a line, with its line feed, in memory that the caller frees. */
static char *event_line(const struct log *log, const char *event, json_t *members, int64_t now,
                        size_t *size)
{
    json_t *object = json_object();
    json_object_set_new(object, "event", json_string(event));
    json_object_set_new(object, "time", time_json(now));
    if (log->settings.run)
        json_object_set_new(object, "run", json_string(log->settings.run));
    json_object_set_new(object, "level", json_string(level_of(event)));
    json_object_update_missing(object, members);
    /* Ten digits say what a reader of the log can use; nothing is computed from them. */
    char *text = jsonmem_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(10));
    json_decref(object);
    if (!text)
        return NULL;
    *size = strlen(text) + 1;
    text[*size - 1] = '\n'; /* in place of the NUL */
    return text;
}

/* Tells the first time that an event file could not be written. */
static void judge_board(struct log *log, int failed, const struct error *err)
{
    if (!failed || *log->unboarded.text)
        return;
    log->unboarded = *err;
    say_warning(log, "log.tensorboard: %s", err->text);
}

/* There is no memory for an event: the file is not what it should be. */
static void lose_event(struct log *log)
{
    if (log->file.fd >= 0)
        file_failed(log, ENOMEM);
    else
        log->lost = 1;
}

/* Begins another segment. What goes wrong is told once: the lines are what counts. */
static void rotate(struct log *log, int64_t now)
{
    struct error err = {0};
    size_t size = 0;
    int told = 0;
    json_t *members = json_pack("{s:I, s:I}", "number", (json_int_t)log->file.number + 1, "offset",
                                (json_int_t)segments_position(&log->file));
    char *head = event_line(log, "segment", members, now, &size);
    json_decref(members);
    int failed = head ? segments_rotate(&log->file, head, size, now, &told, &err)
                      : error_set(&err, STATUS_FAILED, "out of memory");
    free(head);
    if ((!failed && !told) || log->segment_told)
        return;
    log->segment_told = 1;
    log_warn(log, failed ? "the log cannot be rotated: %s" : "the log was rotated, but: %s",
             err.text);
}

/* A line to the file, or to what will be its beginning. */
static void append(struct log *log, const char *line, size_t size, int64_t now)
{
    char *more;
    int failed;
    if (log->file.fd < 0) {
        if (!(more = realloc(log->early, log->early_bytes + size))) {
            lose_event(log);
            return;
        }
        log->early = more;
        log->early_since = log->early_bytes ? log->early_since : now;
        memcpy(more + log->early_bytes, line, size);
        log->early_bytes += size;
        return;
    }
    if (segments_due(&log->file, size, now))
        rotate(log, now);
    if ((failed = segments_append(&log->file, line, size, now)))
        file_failed(log, failed);
}

/* The command of log.on_event, for events that it is for. */
static void run_hook(struct log *log, const char *event, const json_t *members, const char *line)
{
    const char *level = level_of(event), *run = log->settings.run, *folder = log->settings.folder;
    const int checkpoint = !strcmp(event, "checkpoint");
    if (!log->hook || log->hushed ||
        (!strcmp(level, "info") && !checkpoint && strcmp(event, "end")))
        return;
    const char *message = json_string_value(json_object_get(members, "message"));
    hook_run(log->hook,
             &(struct hook_event){.event = event,
                                  .level = level,
                                  .message = message ? message : "",
                                  .json = line,
                                  .run = run ? run : "",
                                  .folder = folder ? folder : ""},
             checkpoint);
}

static void tell_hook(struct log *log, const char *fault)
{
    log->hushed = 1;
    log_warn(log, "log.on_event: %s", fault);
    log->hushed = 0;
}

/* The numbers of an event to the event files. */
static void tell_board(struct log *log, const char *event, const json_t *members, int64_t now)
{
    struct error err;
    if (log->board)
        judge_board(log, board_event(log->board, event, members, now, &err), &err);
}

void log_tend(struct log *log)
{
    pthread_mutex_lock(&log->lock);
    const char *fault = log->hook ? hook_tend(log->hook) : NULL;
    if (fault)
        tell_hook(log, fault);
    pthread_mutex_unlock(&log->lock);
}

void log_event(struct log *log, const char *event, json_t *members)
{
    size_t size = 0;
    if (log->settings.silent) {
        json_decref(members);
        return;
    }
    pthread_mutex_lock(&log->lock);
    locale_t locale = clocale_enter();
    const int64_t now = wall_ms();
    char *line = event_line(log, event, members, now, &size);
    clocale_leave(locale);
    if (line) {
        append(log, line, size, now);
        line[size - 1] = 0;
        run_hook(log, event, members, line);
        tell_board(log, event, members, now);
    } else {
        lose_event(log);
    }
    free(line);
    json_decref(members);
    log_tend(log);
    pthread_mutex_unlock(&log->lock);
}

/* A warning on the console, and an event with these members and its text. */
static void alarm_of(struct log *log, const char *event, json_t *members, const char *format,
                     va_list ap)
{
    char *text;
    va_list again;
    va_copy(again, ap);
    say(log, stderr, "seqtrain: warning: ", format, ap);
    locale_t locale = clocale_enter();
    int n = vasprintf(&text, format, again);
    clocale_leave(locale);
    va_end(again);
    if (n < 0) {
        lose_event(log);
        json_decref(members);
        return;
    }
    if (!members)
        members = json_object();
    json_object_set_new(members, "message", json_text(text));
    log_event(log, event, members);
    free(text);
}

void log_warn(struct log *log, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    alarm_of(log, "warning", NULL, format, ap);
    va_end(ap);
}

void log_alarm(struct log *log, const char *event, json_t *members, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    alarm_of(log, event, members, format, ap);
    va_end(ap);
}

int log_open(struct log *log, const char *path, int64_t keep, struct error *err)
{
    int lost;
    if (segments_open(&log->file, path, keep, &log->settings.segments, &lost, err))
        return -1;
    if (log->lost) {
        errno = ENOMEM;
        return error_errno(err, STATUS_FAILED, path);
    }
    char *early = log->early, *end;
    for (char *line = early; line && line < early + log->early_bytes; line = end) {
        end = (char *)memchr(line, '\n', (size_t)(early + log->early_bytes - line)) + 1;
        append(log, line, (size_t)(end - line), log->early_since);
    }
    free(early);
    log->early = NULL;
    log->early_bytes = 0;
    if (lost)
        log_warn(log, "%s is shorter than it was; its lost lines stay lost", path);
    return 0;
}

int log_open_board(struct log *log, const char *folder, const struct board_from *from,
                   struct error *err)
{
    if (log->settings.silent)
        return 0;
    struct board *board = board_open(folder, from, wall_ms(), err);
    pthread_mutex_lock(&log->lock);
    log->board = board;
    pthread_mutex_unlock(&log->lock);
    return board ? 0 : -1;
}

void log_hparams(struct log *log, json_t *values, const char *config)
{
    struct error err;
    pthread_mutex_lock(&log->lock);
    if (log->board)
        judge_board(log, board_hparams(log->board, values, config, wall_ms(), &err), &err);
    pthread_mutex_unlock(&log->lock);
    json_decref(values);
}

void log_histogram(struct log *log, const char *name, int64_t step, const float *value,
                   size_t count)
{
    struct error err;
    pthread_mutex_lock(&log->lock);
    if (log->board)
        judge_board(log, board_histogram(log->board, name, step, value, count, wall_ms(), &err),
                    &err);
    pthread_mutex_unlock(&log->lock);
}

void log_picture(struct log *log, const char *name, const char *path)
{
    struct error err;
    pthread_mutex_lock(&log->lock);
    if (log->board)
        judge_board(log, board_picture(log->board, name, path, wall_ms(), &err), &err);
    pthread_mutex_unlock(&log->lock);
}

int log_position(struct log *log, int64_t *bytes, struct error *err)
{
    pthread_mutex_lock(&log->lock);
    *bytes = segments_position(&log->file);
    /* EINVAL: a pipe or a device, which cannot be synced */
    int failed = log->file.fd >= 0 && fsync(log->file.fd) && errno != EINVAL
                     ? error_errno(err, STATUS_FAILED, log->file.path)
                     : 0;
    if (!failed && log->board)
        failed = board_sync(log->board, err);
    pthread_mutex_unlock(&log->lock);
    return failed;
}

/* --- progress */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int terminal_columns(void)
{
    struct winsize size;
    return !ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col ? size.ws_col : 80;
}

/* "0:03", "1:02:03" */
static void format_eta(double seconds, char *out, size_t size)
{
    long long s = seconds < 1e9 ? (long long)(seconds + 0.5) : 999999999;
    if (s < 3600)
        snprintf(out, size, "%lld:%02lld", s / 60, s % 60);
    else
        snprintf(out, size, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
}

static void draw_progress(struct log *log, const char *text, uint64_t done, uint64_t total,
                          int64_t now)
{
    enum { BAR = 20 };
    char bar[BAR + 1], eta[32] = "", line[512];
    double share = (double)done / (double)total;
    memset(bar, '.', BAR);
    memset(bar, '#', (size_t)(share * BAR));
    bar[BAR] = 0;
    /* remaining = elapsed * left / done, counted from where this bar began */
    if (done > log->first)
        format_eta((double)(now - log->begun) / 1000 * (double)(total - done) /
                       (double)(done - log->first),
                   eta, sizeof eta);
    int columns = terminal_columns() - 1; /* a full line would wrap */
    if (columns > (int)sizeof line - 1)
        columns = (int)sizeof line - 1;
    snprintf(line, sizeof line, "%.400s [%s] %d%%%s%s", text, bar, (int)(share * 100),
             *eta ? " ETA " : "", eta);
    fprintf(stderr, "\r%.*s\033[K", columns, line);
    fflush(stderr);
    log->drawn = 1;
}

static void progress(struct log *log, const char *text, uint64_t done, uint64_t total)
{
    if (done >= total) {
        erase_progress(log);
        fflush(stderr);
        log->begun = 0;
        return;
    }
    int64_t now = now_ms();
    if (!log->begun || done < log->latest) {
        log->begun = now;
        log->first = done;
        log->last = 0;
    }
    log->latest = done;
    if (log->last && now - log->last < PROGRESS_PERIOD)
        return;
    log->last = now;
    draw_progress(log, text, done, total, now);
}

void log_progress(struct log *log, const char *text, uint64_t done, uint64_t total)
{
    if (!log->has_terminal)
        return;
    pthread_mutex_lock(&log->lock);
    progress(log, text, done, total);
    pthread_mutex_unlock(&log->lock);
}

void log_leave_console(struct log *log)
{
    log->leaves_console = 1;
}

int log_close(struct log *log, struct error *err)
{
    if (!log)
        return 0;
    char fault[HOOK_FAULT];
    int failed = 0;
    erase_progress(log);
    fflush(stderr);
    hook_close(log->hook, fault);
    log->hook = NULL;
    if (*fault)
        tell_hook(log, fault);
    char *path = log->file.path;
    log->file.path = NULL;
    int number = segments_close(&log->file);
    if (number && !log->failed)
        log->failed = number;
    if (log->failed)
        failed = error_set(err, STATUS_FAILED, "%s: %s", path, strerror(log->failed));
    else if (*log->unboarded.text)
        failed = error_set(err, STATUS_FAILED, "%s", log->unboarded.text);
    else if (log->mute && !log->leaves_console)
        failed = error_set(err, STATUS_FAILED, "standard output: %s", strerror(log->mute));
    free(path);
    board_close(log->board);
    pthread_mutex_destroy(&log->lock);
    free(log->early);
    json_decref(log->kept);
    free(log);
    return failed;
}
