/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sweep/ending.h"
#include "sweep/results.h"
#include "sweep/supervisor.h"
#include "util/now.h"

int outcome_pruned(struct fleet *f, size_t run, struct error *err)
{
    const struct run_place *p = &f->state->place[run - 1];
    const struct trial_report *last = &p->report[p->reports - 1];
    screen_say(&f->screen, "Run %zu (%s) was pruned after epoch %zu: %s %s", run,
               supervisor_row(f, run)->name, last->epoch, supervisor_row(f, run)->figure,
               isfinite(last->figure) ? log_figure(last->figure, 6).text : "-");
    return results_write(f->state, err);
}

/* What the journal says of a failure. */
static json_t *failure(int status, const char *what)
{
    json_t *message = json_string(what);
    int exited = WIFEXITED(status);
    return json_pack("{s:o, s:o, s:o}", "status",
                     exited ? json_integer(WEXITSTATUS(status)) : json_null(), "signal",
                     exited ? json_null() : json_integer(WTERMSIG(status)), "message",
                     message ? message : json_null());
}

static int tell_failed(struct fleet *f, size_t run, int status, const char *what, struct error *err)
{
    if (state_tell(f->state, "failed", run, failure(status, what), err))
        return -1;
    screen_say(&f->screen, "Run %zu (%s) failed: %s%s", run, supervisor_row(f, run)->name, what,
               choose_failed(f, run) ? "" : ": it is tried again");
    return 0;
}

/* Takes the device of a slot out of service: what failed there was its fault. */
static int retire(struct fleet *f, size_t index, const char *what, struct error *err)
{
    const struct health_device *d = health_of(&f->health, index);
    json_t *message = json_string(what);
    snprintf(f->out, sizeof f->out, "device %s: %s", f->slots.device[index], what);
    screen_say(&f->screen, "Device %s is out of service: %zu runs failed on it in a row: %s",
               f->slots.device[index], d->runs, what);
    int failed = journal_append(f->state->journal, "out",
                                json_pack("{s:s, s:o}", "device", f->slots.device[index], "message",
                                          message ? message : json_null()),
                                err);
    for (size_t i = 0; !failed && i < d->runs; i++)
        failed = d->counted[i] && state_tell(f->state, "forgiven", d->run[i], NULL, err);
    return failed;
}

/* Whether a run has another device, on which it has not failed. */
static int has_other(const struct fleet *f, size_t index, size_t run)
{
    for (size_t i = 0; i < f->slots.count; i++)
        if (!slots_same_device(&f->slots, i, index) && health_may(&f->health, i, run) &&
            slots_allow(&f->slots, f->runs->sweep, i, supervisor_row(f, run)->value[0]))
            return 1;
    return 0;
}

/* A run has failed by its device: it is tried on another, or has itself failed on all. */
static int tell_device(struct fleet *f, size_t index, size_t run, int status, const char *what,
                       struct error *err)
{
    const char *device = f->slots.device[index];
    const int was_out = !health_serves(&f->health, index);
    const int elsewhere = was_out || has_other(f, index, run);
    if (!was_out)
        health_fails(&f->health, index, run, elsewhere);
    int failed;
    if (elsewhere) {
        json_t *event = failure(status, what);
        json_object_set_new(event, "slot", json_integer((json_int_t)index));
        json_object_set_new(event, "device", json_string(device));
        failed = state_tell(f->state, "device", run, event, err);
        screen_say(&f->screen, "Run %zu (%s) failed by its device, %s: %s%s", run,
                   supervisor_row(f, run)->name, device, what,
                   was_out ? "" : ": it is tried on another");
    } else
        failed = tell_failed(f, run, status, what, err);
    return failed || was_out || health_serves(&f->health, index) ? failed
                                                                 : retire(f, index, what, err);
}

/* Whether a status of waitpid() is that of a device, or of a driver that has crashed. */
static int is_of_device(int status)
{
    static const int crash[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; WIFSIGNALED(status) && i < sizeof crash / sizeof *crash; i++)
        if (WTERMSIG(status) == crash[i])
            return 1;
    return WIFEXITED(status) && WEXITSTATUS(status) == STATUS_DEVICE;
}

static int tell_smaller(struct fleet *f, size_t run, const struct wire *wire, struct error *err)
{
    if (state_tell_smaller(f->state, run, wire->batch, wire->accumulate, err))
        return -1;
    screen_say(&f->screen,
               "Run %zu (%s): the device's memory ran out in spite of the plan: it goes on with "
               "train.batch = %ld, accumulate = %ld",
               run, supervisor_row(f, run)->name, wire->batch, wire->accumulate);
    return 0;
}

static int tell_ended(struct fleet *f, size_t run, double seconds, struct error *err)
{
    if (state_tell_end(f->state, run, err))
        return -1;
    const struct follow *at = &supervisor_row(f, run)->follow;
    screen_say(&f->screen, "Run %zu (%s) ended: %s %s in epoch %ld of %ld, %s", run,
               supervisor_row(f, run)->name, at->figure,
               isfinite(at->best) ? log_figure(at->best, 6).text : "-", at->best_epoch, at->epoch,
               screen_time(seconds).text);
    return 0;
}

/* A worker has ended, with a status of waitpid(). */
int outcome_take(struct fleet *f, size_t index, int status, struct error *err)
{
    struct fleet_slot *slot = &f->slot[index];
    const size_t run = slot->run;
    const int done = WIFEXITED(status) && !WEXITSTATUS(status);
    struct claim_look look;
    wire_read(&slot->wire);
    close(slot->wire.fd);
    room_end(&f->room, index);
    slot->run = 0;
    f->run[run - 1].in_slot = 0;
    follow_read(&f->runs->row[run - 1].follow);
    if (done || supervisor_row(f, run)->follow.epoch > slot->epoch)
        health_works(&f->health, index);
    if (choose_pruned(f, run))
        return outcome_pruned(f, run, err);
    if (done)
        return tell_ended(f, run, now() - slot->began, err) || results_write(f->state, err) ? -1
                                                                                            : 0;
    if (f->stopping)
        return state_tell(f->state, "stopped", run, NULL, err);
    if (claim_look(f->state->folder, run, &look, err))
        return -1;
    /* somebody was faster */
    if (look.state == CLAIM_HELD)
        return state_tell(f->state, "elsewhere", run, NULL, err);
    if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_USAGE)
        choose_look(f);
    if (f->changed) /* perhaps another sweep by now */
        return state_tell(f->state, "stopped", run, NULL, err);
    if (slot->wire.batch)
        return tell_smaller(f, run, &slot->wire, err);
    char what[512];
    ending_text(status, supervisor_row(f, run)->folder, what, sizeof what);
    return is_of_device(status) ? tell_device(f, index, run, status, what, err)
                                : tell_failed(f, run, status, what, err);
}
