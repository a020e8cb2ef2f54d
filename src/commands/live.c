/* SPDX-License-Identifier: MIT */
/*
 * Predictions for rows as they come: from standard input, or from a file that grows. What is
 * printed for a row is there before the next one is waited for. SIGHUP takes the checkpoint anew,
 * SIGTERM and SIGINT end the command.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/commands.h"
#include "data/live_text.h"
#include "run/prepare.h"
#include "run/stream.h"
#include "run/trained.h"
#include "task/task.h"
#include "util/file.h"

#define LOOK_MS 10 /* how often a file that grows is looked at */

/* Signals, which are held back but while something is waited for. */
static volatile sig_atomic_t reload, stop;

struct signals {
    sigset_t held, before;
};

/* Where rows come from. */
struct rows {
    const char *path; /* of a file that grows; NULL: standard input */
    int fd;
    struct stat file; /* what was opened */
    off_t at;
    int moved; /* the text ends here, and another one has the file's name */
    struct live_command *command;
};

struct live_command {
    const struct options *options;
    struct log *log;
    char *path;
    struct stream *stream;
    struct live_text *text;
    const struct task_class *task;
    struct task_prediction prediction;
    struct task_table table;
    struct signals signals;
    struct rows rows;
    struct error *err;
    int begun; /* the table's heading is printed */
};

/* --- signals */

static void on_signal(int number)
{
    if (number == SIGHUP)
        reload = 1;
    else
        stop = 1;
}

/* Before there are threads, which then hold them back as well. */
static void hold_signals(struct signals *s)
{
    static const int numbers[] = {SIGHUP, SIGTERM, SIGINT};
    struct sigaction action = {.sa_handler = on_signal}, was;
    sigemptyset(&s->held);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sigaction(numbers[i], &action, &was);
        if (was.sa_handler == SIG_IGN && numbers[i] != SIGHUP)
            signal(numbers[i], SIG_IGN);
        sigaddset(&s->held, numbers[i]);
    }
    pthread_sigmask(SIG_BLOCK, &s->held, &s->before);
}

/* Those that came since. */
static void take_signals(struct signals *s)
{
    sigset_t pending;
    int number;
    while (!sigpending(&pending) &&
           (sigismember(&pending, SIGHUP) || sigismember(&pending, SIGTERM) ||
            sigismember(&pending, SIGINT)) &&
           !sigwait(&s->held, &number))
        on_signal(number);
}

/* --- another checkpoint */

/* Where the new one is no good the old one stays. */
static void take_checkpoint(struct live_command *c)
{
    struct error err = {0};
    reload = 0;
    if (stream_reload(c->stream, &err))
        fprintf(stderr, "seqtrain: %s: not taken, the one before stays: %s\n", c->path, err.text);
    else if (c->options->verbosity != LOG_QUIET)
        fprintf(stderr, "seqtrain: %s: taken anew, of epoch %ld\n", c->path,
                c->stream->checkpoint.epoch);
}

/* --- bytes */

/* Waits for bytes, or so many ms; -1: for bytes alone. 0 where they may be there. */
static int wait_for(struct live_command *c, int fd, int ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
    struct pollfd poll = {.fd = fd, .events = POLLIN};
    take_signals(&c->signals);
    if (!stop && !reload)
        ppoll(&poll, fd >= 0, ms >= 0 ? &time : NULL, &c->signals.before);
    if (reload)
        take_checkpoint(c);
    return stop ? -1 : 0;
}

/* Whether the file's name stands for another one now, or it was cut: then its text is at its end.
 */
static int has_moved(struct rows *r)
{
    struct stat now, there;
    if (!fstat(r->fd, &now) && now.st_size < r->at)
        return 1;
    return !stat(r->path, &there) &&
           (there.st_dev != r->file.st_dev || there.st_ino != r->file.st_ino);
}

/* Bytes of a file that grows: what another program moved away is read to its end first. */
static long read_growing(struct rows *r, char *to, size_t room)
{
    while (!r->moved && !wait_for(r->command, -1, 0)) {
        const int moved = has_moved(r);
        const ssize_t got = read(r->fd, to, room);
        if (got > 0)
            r->at += got;
        if (got > 0 || (got < 0 && errno != EINTR))
            return (long)got;
        r->moved = !got && moved;
        if (!r->moved && wait_for(r->command, -1, LOOK_MS))
            break;
    }
    return 0;
}

/* The source that struct csv reads: 0 at the end, also where a signal asks for it. */
static long read_rows(void *ctx, char *to, size_t room)
{
    struct rows *r = ctx;
    ssize_t got = -1;
    if (r->path)
        return read_growing(r, to, room);
    do {
        if (wait_for(r->command, r->fd, -1))
            return 0;
        got = read(r->fd, to, room);
    } while (got < 0 && (errno == EINTR || errno == EAGAIN));
    return (long)got;
}

static int open_rows(struct rows *r, struct error *err)
{
    r->fd = STDIN_FILENO;
    if (!r->path)
        return 0;
    r->fd = open(r->path, O_RDONLY | O_CLOEXEC);
    r->at = 0;
    r->moved = 0;
    if (r->fd < 0 || fstat(r->fd, &r->file))
        return error_errno(err, STATUS_INPUT, r->path);
    if (!S_ISREG(r->file.st_mode))
        return error_set(err, STATUS_USAGE, "--follow %s: this is no plain file", r->path);
    return 0;
}

static void close_rows(struct rows *r)
{
    if (r->path && r->fd >= 0)
        close(r->fd);
    r->fd = -1;
}

/* The file that has the name now. It may not be there for a moment. */
static int open_next(struct live_command *c)
{
    struct rows *r = &c->rows;
    close_rows(r);
    while (open_rows(r, c->err)) {
        close_rows(r);
        if (errno != ENOENT || wait_for(c, -1, LOOK_MS))
            return -1;
    }
    return 0;
}

/* --- rows */

static const char *name_of(const struct live_command *c)
{
    return c->rows.path ? c->rows.path : "standard input";
}

static void tell_refused(const struct error *err)
{
    fprintf(stderr, "seqtrain: %s\n", err->text);
}

static int answer(struct live_command *c)
{
    struct live *live = c->stream->live;
    const size_t first = live_first(live);
    c->task->put(&c->table, &(struct task_window){.number = first,
                                                  .place = first,
                                                  .before = live_windows(live),
                                                  .y = c->stream->output});
    return file_flush(c->prediction.out, c->prediction.name, c->err);
}

/* 0: on to the next row; -1: an end, with an error. */
static int take_row(struct live_command *c, const struct live_row *row)
{
    struct error err = {0};
    switch (stream_push(c->stream, row, &err)) {
    case LIVE_WINDOW:
        return answer(c);
    case LIVE_TAKEN:
        return 0;
    default:
        break;
    }
    if (err.status != STATUS_INPUT) {
        *c->err = err;
        return -1;
    }
    error_prefix(&err, "%s:%llu", name_of(c), live_text_line(c->text));
    tell_refused(&err);
    return 0;
}

/* The rows of one text. 0: it is at its end. */
static int take_text(struct live_command *c)
{
    struct live_row row;
    struct error err = {0};
    for (;;) {
        take_signals(&c->signals);
        if (reload)
            take_checkpoint(c);
        const enum live_read read = live_text_next(c->text, &row, &err);
        if (read == LIVE_END || stop)
            return 0;
        if (read == LIVE_BROKEN) {
            *c->err = err;
            return -1;
        }
        if (read == LIVE_LOST)
            tell_refused(&err);
        if (read != LIVE_ROW)
            live_cut(c->stream->live);
        else if (take_row(c, &row))
            return -1;
    }
}

/* The heading of the answers, once there is a text that can be answered. */
static int begin_table(struct live_command *c)
{
    if (c->begun)
        return 0;
    c->begun = 1;
    return c->task->begin(&c->table, c->err) ? -1 : file_flush(stdout, "standard output", c->err);
}

/* The text's header, then its rows; of a file that grows those that follow under its name. */
static int take_texts(struct live_command *c)
{
    const struct csv_source source = {read_rows, &c->rows};
    int failed = open_rows(&c->rows, c->err), moved = 0;
    while (!failed && !stop) {
        live_text_close(c->text);
        c->text = live_text_open(c->stream->live, name_of(c), &source, c->err);
        if (stop)
            return 0;
        failed = !c->text || begin_table(c) || take_text(c);
        moved = c->rows.moved;
        if (failed || !moved)
            return failed;
        failed = open_next(c);
    }
    return stop ? 0 : failed;
}

/* --- the command */

static int check_options(const struct options *o, struct error *err)
{
    if (o->follow && o->input)
        return error_set(err, STATUS_USAGE, "--follow names the rows already: -i is one too many");
    if (o->output)
        return error_set(err, STATUS_USAGE,
                         "-o: answers to rows that come go to standard output, as they are given");
    return 0;
}

/* When the first answer is due, and how often. */
static void tell_needs(const struct live_command *c)
{
    const struct live *live = c->stream->live;
    const size_t needs = live_needs(live), stride = live_stride(live);
    char often[64] = "";
    if (c->options->verbosity == LOG_QUIET)
        return;
    if (stride > 1)
        snprintf(often, sizeof often, ", the next every %zu rows", stride);
    fprintf(stderr, "seqtrain: the first answer comes with row %zu%s\n", needs, often);
}

/* What cannot be answered row by row may be when all rows are there. */
static int hint(struct live_command *c)
{
    char *text = c->err->text;
    const size_t used = strlen(text);
    if (!c->options->follow)
        snprintf(text + used, sizeof c->err->text - used,
                 "; -i /dev/stdin reads all rows before it answers");
    return -1;
}

static int open_stream(struct live_command *c)
{
    const struct options *o = c->options;
    if (!(c->log = log_new(LOG_QUIET)))
        return error_set(c->err, STATUS_FAILED, "out of memory");
    if (!(c->path = command_model_path(o, c->err)))
        return -1;
    const struct stream_options options = {.settings = o->settings,
                                           .count = o->setting_count,
                                           .log = c->log,
                                           .check = live_text_check};
    if (!(c->stream = stream_open(c->path, &options, c->err)))
        return c->err->status == STATUS_USAGE ? hint(c) : -1;
    if (command_needs_device(o, c->stream->checkpoint.config, c->err))
        return -1;
    prepare_tell_unchecked(o->verbosity, c->log, trained_summed(&c->stream->checkpoint), c->path);
    return 0;
}

static int make_table(struct live_command *c)
{
    struct stream *s = c->stream;
    c->task = task_of(s->checkpoint.config, live_data(s->live));
    if (!c->task->begin)
        return error_set(c->err, STATUS_USAGE, "%s: the model answers no rows", c->path);
    c->prediction = (struct task_prediction){.e = s->engine,
                                             .fitted = &s->checkpoint.fitted,
                                             .model = c->path,
                                             .out = stdout,
                                             .name = "standard output",
                                             .log = c->log};
    c->table = (struct task_table){.p = &c->prediction};
    device_save_programs(s->engine->dev);
    tell_needs(c);
    return 0;
}

static int run_live(struct live_command *c)
{
    return check_options(c->options, c->err) || open_stream(c) || make_table(c) || take_texts(c)
               ? -1
               : 0;
}

int command_live(const struct options *options, struct error *err)
{
    struct live_command c = {.options = options, .err = err};
    struct error late;
    c.rows = (struct rows){.path = options->follow, .fd = -1, .command = &c};
    hold_signals(&c.signals);
    const int failed = run_live(&c);
    if (c.begun)
        c.task->end(&c.table);
    live_text_close(c.text);
    stream_close(c.stream);
    close_rows(&c.rows);
    free(c.path);
    if (c.log)
        log_close(c.log, &late);
    return failed ? -1 : 0;
}
