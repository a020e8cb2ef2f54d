/* SPDX-License-Identifier: MIT */
#include "sweep/fleet.h"

#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sweep/chain.h"
#include "sweep/ending.h"
#include "sweep/folds.h"
#include "sweep/health.h"
#include "sweep/pictures.h"
#include "sweep/results.h"
#include "sweep/room.h"
#include "sweep/screen.h"
#include "sweep/search.h"
#include "sweep/slots.h"
#include "sweep/spawn.h"
#include "sweep/wire.h"
#include "util/file.h"
#include "util/now.h"

/* Seconds between looks at a run that another process has, and between drawings. */
#define LOOK_PERIOD 2.0
#define DRAW_PERIOD 1.0

/* A run as this supervisor sees it. */
struct fleet_run {
    unsigned failed_before;   /* how often it had failed when the supervisor began */
    double next_look;         /* another process has it: not before this now() */
    struct claim_watch watch; /* of its claim */
    unsigned stale;           /* its claim of this generation has no heartbeats */
    int in_slot;
    int waits_told;
    long epoch_told;
};

struct fleet_slot {
    size_t run; /* 0: free */
    pid_t pid;
    struct wire wire; /* its socket closes with this process */
    double began;
    long epoch; /* of the run when it began here */
};

struct fleet {
    const struct fleet_options *options;
    struct state *state;
    struct runs *runs;
    struct slots slots;
    struct room room;
    struct health health;
    struct fleet_slot *slot; /* [slots.count] */
    struct pollfd *poll;     /* [slots.count] */
    struct fleet_run *run;   /* [runs->count] */
    struct screen screen;
    struct screen_slot *shown; /* [slots.count] */
    sigset_t outside;          /* the signal mask of workers, and while waiting */
    double drawn, filled;      /* when the table was, and free slots */
    struct stat file;          /* of the sweep, when it was read */
    int stopping, changed;     /* as asked; since the file was changed */
    char out[640];             /* why a device is out of service */
};

static const struct run_row *row_of(const struct fleet *f, size_t run)
{
    return &f->runs->row[run - 1];
}

/* --- which run is next */

/* How often a run has failed since this supervisor began, or since --overwrite has begun it anew.
 */
static unsigned failures_of(const struct fleet *f, size_t run)
{
    const unsigned all = f->state->place[run - 1].failures, before = f->run[run - 1].failed_before;
    return all >= before ? all - before : all;
}

/* Whether a run has failed for good, as far as this supervisor goes. */
static int has_failed(const struct fleet *f, size_t run)
{
    const struct run_place *p = &f->state->place[run - 1];
    const unsigned retries = (unsigned)f->runs->sweep->base->sweep.retries;
    return !state_is_over(f->state, run) && failures_of(f, run) > (p->is_lasting ? 0 : retries);
}

/* Whether there is something to do for a run, here or elsewhere. */
static int is_open(const struct fleet *f, size_t run)
{
    return !state_is_over(f->state, run) && !has_failed(f, run);
}

/* Whether a run can be tried here. */
static int is_within_reach(const struct fleet *f, size_t run)
{
    const size_t before = chain_before(f->runs->sweep, run);
    if (before && !state_is_over(f->state, before) &&
        (has_failed(f, before) || !is_within_reach(f, before)))
        return 0;
    for (size_t i = 0; i < f->slots.count; i++)
        if (health_serves(&f->health, i) &&
            slots_allow(&f->slots, f->runs->sweep, i, row_of(f, run)->value[0]))
            return 1;
    return f->run[run - 1].in_slot;
}

/* Whether the run that a run starts from has ended. */
static int is_ready(const struct fleet *f, size_t run)
{
    const size_t before = chain_before(f->runs->sweep, run);
    return !before || f->state->place[before - 1].state == RUN_ENDED;
}

/* Whether another process has a run: 1, or 0 where it may be taken. */
static int is_elsewhere(struct fleet *f, size_t run, struct error *err)
{
    struct fleet_run *r = &f->run[run - 1];
    struct claim_look look;
    if (claim_look(f->state->folder, run, &look, err))
        return -1;
    r->stale = claim_is_stale(&r->watch, &look, now()) ? look.generation : 0;
    if (look.state != CLAIM_HELD || r->stale)
        return 0;
    r->next_look = now() + LOOK_PERIOD;
    if (!r->waits_told)
        screen_say(&f->screen, "Run %zu (%s) is trained by %s.", run, row_of(f, run)->name,
                   look.holder);
    r->waits_told = 1;
    return 1;
}

/* The run that a free slot takes: the first of those that have failed least; 0: none. */
static int next_run(struct fleet *f, size_t slot, size_t *run, struct error *err)
{
    int elsewhere = 1;
    while (elsewhere > 0) {
        *run = 0;
        for (size_t i = 1; i <= f->runs->count; i++)
            if (is_open(f, i) && !f->run[i - 1].in_slot && f->run[i - 1].next_look <= now() &&
                slots_allow(&f->slots, f->runs->sweep, slot, row_of(f, i)->value[0]) &&
                health_may(&f->health, slot, i) && is_ready(f, i) &&
                (!*run || failures_of(f, i) < failures_of(f, *run)))
                *run = i;
        elsewhere = *run ? is_elsewhere(f, *run, err) : 0;
    }
    return elsewhere;
}

/* --- a search */

static int is_pruned(const struct fleet *f, size_t run)
{
    return f->state->place[run - 1].state == RUN_PRUNED;
}

static int tell_pruned(struct fleet *f, size_t run, struct error *err)
{
    const struct run_place *p = &f->state->place[run - 1];
    const struct trial_report *last = &p->report[p->reports - 1];
    screen_say(&f->screen, "Run %zu (%s) was pruned after epoch %zu: %s %s", run,
               row_of(f, run)->name, last->epoch, row_of(f, run)->figure,
               isfinite(last->figure) ? log_figure(last->figure, 6).text : "-");
    return results_write(f->state, err);
}

/* --- starting a worker */

static int start_process(struct fleet *f, size_t index, size_t run, struct error *err)
{
    const struct fleet_options *o = f->options;
    const struct spawn what = {.config_path = o->config_path,
                               .settings = o->settings,
                               .setting_count = o->setting_count,
                               .device = f->slots.device[index],
                               .folder = row_of(f, run)->folder,
                               .run = run,
                               .stale = f->run[run - 1].stale,
                               .mask = &f->outside};
    f->slot[index].wire = (struct wire){0};
    return spawn_worker(&what, &f->slot[index].pid, &f->slot[index].wire.fd, err);
}

/* What a search does before a run begins: 1 if another process has the run. */
static int prepare_run(struct fleet *f, size_t run, struct error *err)
{
    struct fleet_run *r = &f->run[run - 1];
    struct claim *claim = NULL;
    struct claim_look look;
    if (!search_is_on(f->runs->sweep))
        return 0;
    int result = claim_take(f->state->folder, run, r->stale, &claim, &look, err);
    if (!result) {
        r->stale = 0;
        result = search_prepare(f->state, run, err);
    }
    claim_release(claim);
    return result;
}

static int start_run(struct fleet *f, size_t index, size_t run, struct error *err)
{
    const char *device = f->slots.device[index];
    int elsewhere = prepare_run(f, run, err);
    if (elsewhere)
        return elsewhere < 0 ? -1 : 0;
    if (state_is_over(f->state, run))
        return is_pruned(f, run) ? tell_pruned(f, run, err) : 0;
    f->run[run - 1].waits_told = 0;
    if (state_tell(f->state, "started", run,
                   json_pack("{s:I, s:s}", "slot", (json_int_t)index, "device", device), err) ||
        file_mkdir(row_of(f, run)->folder, err) || start_process(f, index, run, err))
        return -1;
    room_begin(&f->room, index);
    f->slot[index].run = run;
    f->slot[index].began = now();
    follow_read(&f->runs->row[run - 1].follow);
    f->slot[index].epoch = row_of(f, run)->follow.epoch;
    f->run[run - 1].in_slot = 1;
    screen_say(&f->screen, "Run %zu (%s) begins in slot %zu, device %s.", run, row_of(f, run)->name,
               index, device);
    return 0;
}

/* --- the end of a worker */

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
    screen_say(&f->screen, "Run %zu (%s) failed: %s%s", run, row_of(f, run)->name, what,
               has_failed(f, run) ? "" : ": it is tried again");
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
            slots_allow(&f->slots, f->runs->sweep, i, row_of(f, run)->value[0]))
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
                   row_of(f, run)->name, device, what, was_out ? "" : ": it is tried on another");
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

/* Looks whether the file of the sweep says the same as when it was read. */
static void look_at_file(struct fleet *f)
{
    const struct fleet_options *o = f->options;
    const struct stat before = f->file;
    struct error ignored;
    if (!stat(o->config_path, &f->file) && f->file.st_ino == before.st_ino &&
        f->file.st_size == before.st_size && f->file.st_mtim.tv_sec == before.st_mtim.tv_sec &&
        f->file.st_mtim.tv_nsec == before.st_mtim.tv_nsec)
        return;
    struct sweep *s = sweep_open(o->config_path, o->settings, o->setting_count, &ignored);
    if (!f->changed && (!s || !state_is_same(f->state, s))) {
        f->changed = 1;
        screen_say(&f->screen, "%s was changed: no other run begins, those under way go on.",
                   o->config_path);
    }
    sweep_free(s);
}

static int tell_smaller(struct fleet *f, size_t run, const struct wire *wire, struct error *err)
{
    if (state_tell_smaller(f->state, run, wire->batch, wire->accumulate, err))
        return -1;
    screen_say(&f->screen,
               "Run %zu (%s): the device's memory ran out in spite of the plan: it goes on with "
               "train.batch = %ld, accumulate = %ld",
               run, row_of(f, run)->name, wire->batch, wire->accumulate);
    return 0;
}

static int tell_ended(struct fleet *f, size_t run, double seconds, struct error *err)
{
    if (state_tell_end(f->state, run, err))
        return -1;
    const struct follow *at = &row_of(f, run)->follow;
    screen_say(&f->screen, "Run %zu (%s) ended: %s %s in epoch %ld of %ld, %s", run,
               row_of(f, run)->name, at->figure,
               isfinite(at->best) ? log_figure(at->best, 6).text : "-", at->best_epoch, at->epoch,
               screen_time(seconds).text);
    return 0;
}

/* A worker has ended, with a status of waitpid(). */
static int end_run(struct fleet *f, size_t index, int status, struct error *err)
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
    if (done || row_of(f, run)->follow.epoch > slot->epoch)
        health_works(&f->health, index);
    if (is_pruned(f, run))
        return tell_pruned(f, run, err);
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
        look_at_file(f);
    if (f->changed) /* perhaps another sweep by now */
        return state_tell(f->state, "stopped", run, NULL, err);
    if (slot->wire.batch)
        return tell_smaller(f, run, &slot->wire, err);
    char what[512];
    ending_text(status, row_of(f, run)->folder, what, sizeof what);
    return is_of_device(status) ? tell_device(f, index, run, status, what, err)
                                : tell_failed(f, run, status, what, err);
}

/* --- memory of the devices */

static void tell_waiting(struct fleet *f, size_t index)
{
    struct room_place *place = &f->room.place[index];
    const size_t run = f->slot[index].run;
    size_t count;
    const uint64_t taken = room_taken(&f->room, index, &count);
    if (place->told)
        return;
    place->told = 1;
    screen_say(&f->screen,
               "Run %zu (%s) waits for memory: its plan needs %s, and %zu other%s on device %s "
               "ha%s %s of %s.",
               run, row_of(f, run)->name, screen_bytes((double)place->bytes).text, count,
               count == 1 ? "" : "s", f->slots.device[index], count == 1 ? "s" : "ve",
               screen_bytes((double)taken).text, screen_bytes((double)place->budget).text);
}

/* Lets a plan begin, if it fits. */
static int admit(struct fleet *f, size_t index, struct error *err)
{
    struct fleet_slot *slot = &f->slot[index];
    const struct room_place *place = &f->room.place[index];
    if (!room_admit(&f->room, index)) {
        tell_waiting(f, index);
        return 0;
    }
    wire_grant(&slot->wire);
    f->filled = 0; /* there may be room for one more */
    return state_tell(f->state, "planned", slot->run,
                      json_pack("{s:s, s:I, s:I}", "device", f->slots.device[index], "bytes",
                                (json_int_t)place->bytes, "budget", (json_int_t)place->budget),
                      err);
}

/* Whether the run of a worker that has told an epoch goes on. */
static int judge_epoch(struct fleet *f, struct fleet_slot *slot, struct error *err)
{
    int ends = search_judge(f->state, slot->run, &slot->wire.told, err);
    if (ends >= 0)
        wire_answer(&slot->wire, ends);
    return ends < 0 ? -1 : 0;
}

/* Hears what workers say. */
static int hear(struct fleet *f, struct error *err)
{
    for (size_t i = 0; i < f->slots.count; i++) {
        struct fleet_slot *slot = &f->slot[i];
        if (!slot->run)
            continue;
        wire_read(&slot->wire);
        if (slot->wire.bytes && f->room.place[i].state == ROOM_BEGINS)
            room_plan(&f->room, i, &slot->wire);
        if (f->room.place[i].state == ROOM_WAITS && !f->stopping && admit(f, i, err))
            return -1;
        if (slot->wire.told.epoch && judge_epoch(f, slot, err))
            return -1;
    }
    return 0;
}

/* --- the end of workers */

static int reap(struct fleet *f, struct error *err)
{
    int failed = 0, status;
    for (size_t i = 0; i < f->slots.count; i++) {
        struct fleet_slot *slot = &f->slot[i];
        pid_t got = slot->run ? waitpid(slot->pid, &status, WNOHANG) : 0;
        if (got == slot->pid && slot->run)
            failed |= end_run(f, i, status, err);
    }
    return failed ? -1 : 0;
}

/* Asks all workers to end, once. */
static void stop(struct fleet *f)
{
    size_t count = 0;
    f->stopping = 1;
    for (size_t i = 0; i < f->slots.count; i++)
        if (f->slot[i].run) {
            kill(f->slot[i].pid, SIGTERM);
            count++;
        }
    if (count)
        screen_say(&f->screen, "Stopping %zu run%s, with checkpoints ...", count,
                   count == 1 ? "" : "s");
}

static size_t count_working(const struct fleet *f)
{
    size_t count = 0;
    for (size_t i = 0; i < f->slots.count; i++)
        count += f->slot[i].run != 0;
    return count;
}

/* Ends what is left when the supervisor fails itself: the workers see their socket close. */
static void abandon(struct fleet *f)
{
    int status;
    for (size_t i = 0; i < f->slots.count && f->slot; i++)
        if (f->slot[i].run) {
            close(f->slot[i].wire.fd);
            waitpid(f->slot[i].pid, &status, 0);
        }
}

/* --- what is shown */

/* "12 of 24 runs ended, 3 were pruned"; *failed: how many runs have failed for good. */
static void put_states(const struct fleet *f, char *to, size_t size, size_t *failed)
{
    size_t ended = 0, pruned = 0;
    *failed = 0;
    for (size_t run = 1; run <= f->runs->count; run++) {
        ended += f->state->place[run - 1].state == RUN_ENDED;
        pruned += is_pruned(f, run) != 0;
        *failed += has_failed(f, run) != 0;
    }
    int used = snprintf(to, size, "%zu of %zu runs ended", ended, f->runs->count);
    if (pruned)
        snprintf(to + used, size - (size_t)used, ", %zu %s pruned", pruned,
                 pruned == 1 ? "was" : "were");
}

static void tell_epoch(struct fleet *f, size_t run)
{
    const struct follow *at = &row_of(f, run)->follow;
    struct fleet_run *r = &f->run[run - 1];
    if (f->options->verbosity < LOG_VERBOSE || f->screen.has_terminal || at->epoch == r->epoch_told)
        return;
    r->epoch_told = at->epoch;
    screen_say(&f->screen, "Run %zu (%s): epoch %ld/%ld, loss %s, best %s, %s win/s, ETA %s", run,
               row_of(f, run)->name, at->epoch, at->epochs, log_figure(at->loss, 6).text,
               log_figure(at->best, 6).text, log_figure(at->rate, 0).text,
               screen_time(at->left).text);
}

static void show(struct fleet *f)
{
    char sum[200], states[100];
    size_t failed, shown = 0;
    if (now() - f->drawn < DRAW_PERIOD)
        return;
    f->drawn = now();
    for (size_t i = 0; i < f->slots.count; i++) {
        size_t run = f->slot[i].run;
        if (run || f->slots.base[i] == i)
            f->shown[shown++] = (struct screen_slot){.index = i,
                                                     .waits = f->room.place[i].state == ROOM_WAITS,
                                                     .device = f->slots.device[i],
                                                     .run = run,
                                                     .row = run ? row_of(f, run) : NULL};
        if (run) {
            follow_read(&f->runs->row[run - 1].follow);
            tell_epoch(f, run);
        }
    }
    put_states(f, states, sizeof states, &failed);
    snprintf(sum, sizeof sum, "%s, %zu failed, %zu under way here", states, failed,
             count_working(f));
    screen_draw(&f->screen, f->shown, shown, sum);
}

/* --- the loop */

/* That the folder still holds this sweep: --overwrite of another command may have begun it anew. */
static int check_folder(const struct fleet *f, struct error *err)
{
    if (state_check(f->state, err))
        return -1;
    return !f->state->to_clear
               ? 0
               : error_set(err, STATUS_FAILED, "%s: another command clears it (--overwrite)",
                           f->state->folder);
}

/* Fills free slots; *open: how many runs are not at their end, wherever they are. */
static int fill_slots(struct fleet *f, size_t *open, struct error *err)
{
    size_t run;
    look_at_file(f);
    if (f->changed) {
        *open = count_working(f);
        return 0;
    }
    if (state_read(f->state, err) || check_folder(f, err))
        return -1;
    for (size_t i = 0; i < f->slots.count; i++) {
        if (f->slot[i].run || !room_may_begin(&f->room, i))
            continue;
        if (next_run(f, i, &run, err) || (run && start_run(f, i, run, err)))
            return -1;
    }
    *open = 0;
    for (run = 1; run <= f->runs->count; run++)
        *open += f->run[run - 1].in_slot /* a run that was pruned still saves */ ||
                 (is_open(f, run) && is_within_reach(f, run));
    return 0;
}

/* Waits for a word of a worker, an end or a signal. */
static void wait_for_news(const struct fleet *f)
{
    nfds_t count = 0;
    for (size_t i = 0; i < f->slots.count; i++)
        if (f->slot[i].run)
            f->poll[count++] = (struct pollfd){.fd = f->slot[i].wire.fd, .events = POLLIN};
    ppoll(f->poll, count, &(struct timespec){.tv_nsec = 500000000}, &f->outside);
}

static int work(struct fleet *f, struct error *err)
{
    size_t open = 1;
    while (open) {
        size_t before = count_working(f);
        if (hear(f, err) || reap(f, err))
            return -1;
        if (*f->options->interrupted && !f->stopping)
            stop(f);
        if (f->stopping && !(open = count_working(f)))
            break;
        if (!f->stopping && (count_working(f) < before || now() - f->filled >= LOOK_PERIOD)) {
            f->filled = now();
            if (fill_slots(f, &open, err))
                return -1;
        }
        show(f);
        if (open)
            wait_for_news(f);
    }
    return 0;
}

/* Why there is nothing more to do though runs are left. */
static int tell_left(const struct fleet *f, size_t left, struct error *err)
{
    return f->changed
               ? error_set(err, STATUS_USAGE,
                           "%s was changed while the sweep ran: %zu of %zu runs are to be done",
                           f->options->config_path, left, f->runs->count)
               : error_set(err, STATUS_FAILED,
                           "no slot is left for %zu of %zu runs, which are to be done: %s", left,
                           f->runs->count, f->out);
}

/* The outcome, when there is nothing more to do. */
static int conclude(struct fleet *f, struct error *err)
{
    size_t failed, left = 0;
    char first[512] = "", states[100];
    screen_clear(&f->screen);
    if (results_write(f->state, err) || (!f->stopping && pictures_write(f->state, err)))
        return -1;
    put_states(f, states, sizeof states, &failed);
    char *tests = folds_text(f->state);
    if (tests && *tests)
        screen_say(&f->screen, "%s", tests);
    free(tests);
    screen_say(&f->screen, "%s: %s/sweep.csv", states, f->state->folder);
    for (size_t run = 1; run <= f->runs->count; run++)
        left += is_open(f, run) != 0;
    if (left && !f->stopping && (f->changed || !failed))
        return tell_left(f, left, err);
    for (size_t run = f->runs->count; run >= 1; run--)
        if (has_failed(f, run))
            snprintf(first, sizeof first, "run %zu (%s), see %s/%s", run, row_of(f, run)->name,
                     row_of(f, run)->folder, STATE_CONSOLE);
    if (!failed || f->stopping)
        return 0;
    error_set(err, STATUS_FAILED, "%zu of %zu runs failed for good; the first: %s", failed,
              f->runs->count, first);
    return left ? error_add(err, "%zu of them are to be done", left) : -1;
}

static void on_child(int number)
{
    (void)number; /* the wait ends */
}

static int open_fleet(struct fleet *f, struct error *err)
{
    if (slots_init(&f->slots, f->runs->sweep, err) || room_init(&f->room, &f->slots, err) ||
        health_init(&f->health, &f->slots, f->runs->count, err))
        return -1;
    if (stat(f->options->config_path, &f->file))
        return error_errno(err, STATUS_USAGE, f->options->config_path);
    f->slot = calloc(f->slots.count, sizeof *f->slot);
    f->shown = calloc(f->slots.count, sizeof *f->shown);
    f->poll = calloc(f->slots.count, sizeof *f->poll);
    f->run = calloc(f->runs->count, sizeof *f->run);
    if (!f->slot || !f->shown || !f->poll || !f->run)
        return error_set(err, STATUS_FAILED, "out of memory");
    if (!(f->state = state_open(f->runs, f->screen.log, err)) ||
        state_begin(f->state, f->options->overwrite, err))
        return -1;
    for (size_t i = 0; i < f->runs->count; i++)
        f->run[i].failed_before = f->state->place[i].failures;
    return 0;
}

/* Signals come while the fleet waits, and are not lost before. */
static void hold_signals(struct fleet *f, struct sigaction *before)
{
    static const int numbers[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGUSR1};
    const struct sigaction child = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP};
    sigset_t held;
    sigemptyset(&held);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(&held, numbers[i]);
    sigprocmask(SIG_BLOCK, &held, &f->outside);
    sigaction(SIGCHLD, &child, before);
}

int fleet_train(struct runs *runs, const struct fleet_options *options, struct log *log,
                struct error *err)
{
    struct fleet f = {.options = options, .runs = runs};
    struct sigaction before;
    screen_init(&f.screen, log, options->verbosity);
    int failed = open_fleet(&f, err);
    if (!failed) {
        hold_signals(&f, &before);
        failed = work(&f, err);
        screen_clear(&f.screen);
        if (failed)
            abandon(&f);
        sigaction(SIGCHLD, &before, NULL);
        sigprocmask(SIG_SETMASK, &f.outside, NULL);
    }
    failed = failed || conclude(&f, err);
    state_free(f.state);
    health_fini(&f.health);
    room_fini(&f.room);
    slots_fini(&f.slots);
    free(f.slot);
    free(f.shown);
    free(f.poll);
    free(f.run);
    return failed ? -1 : 0;
}
