/* SPDX-License-Identifier: MIT */
#include "sweep/fleet.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sweep/search.h"
#include "sweep/spawn.h"
#include "sweep/supervisor.h"
#include "util/file.h"
#include "util/now.h"

/* --- starting a worker */

static int start_process(struct fleet *f, size_t index, size_t run, struct error *err)
{
    const struct fleet_options *o = f->options;
    const struct spawn what = {.config_path = o->config_path,
                               .settings = o->settings,
                               .setting_count = o->setting_count,
                               .device = f->slots.device[index],
                               .folder = supervisor_row(f, run)->folder,
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
        return choose_pruned(f, run) ? outcome_pruned(f, run, err) : 0;
    f->run[run - 1].waits_told = 0;
    if (state_tell(f->state, "started", run,
                   json_pack("{s:I, s:s}", "slot", (json_int_t)index, "device", device), err) ||
        file_mkdir(supervisor_row(f, run)->folder, err) || start_process(f, index, run, err))
        return -1;
    room_begin(&f->room, index);
    f->slot[index].run = run;
    f->slot[index].began = now();
    follow_read(&f->runs->row[run - 1].follow);
    f->slot[index].epoch = supervisor_row(f, run)->follow.epoch;
    f->run[run - 1].in_slot = 1;
    screen_say(&f->screen, "Run %zu (%s) begins in slot %zu, device %s.", run,
               supervisor_row(f, run)->name, index, device);
    return 0;
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
               run, supervisor_row(f, run)->name, screen_bytes((double)place->bytes).text, count,
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
            failed |= outcome_take(f, i, status, err);
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
    choose_look(f);
    if (f->changed) {
        *open = show_working(f);
        return 0;
    }
    if (state_read(f->state, err) || check_folder(f, err))
        return -1;
    for (size_t i = 0; i < f->slots.count; i++) {
        if (f->slot[i].run || !room_may_begin(&f->room, i))
            continue;
        if (choose_next(f, i, &run, err) || (run && start_run(f, i, run, err)))
            return -1;
    }
    *open = 0;
    for (run = 1; run <= f->runs->count; run++)
        *open += f->run[run - 1].in_slot /* a run that was pruned still saves */ ||
                 (choose_open(f, run) && choose_in_reach(f, run));
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
        size_t before = show_working(f);
        if (hear(f, err) || reap(f, err))
            return -1;
        if (*f->options->interrupted && !f->stopping)
            stop(f);
        if (f->stopping && !(open = show_working(f)))
            break;
        if (!f->stopping && (show_working(f) < before || now() - f->filled >= SUPERVISOR_LOOK)) {
            f->filled = now();
            if (fill_slots(f, &open, err))
                return -1;
        }
        show_table(f);
        if (open)
            wait_for_news(f);
    }
    return 0;
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
    failed = failed || show_end(&f, err);
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
