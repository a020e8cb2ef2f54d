/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "sweep/folds.h"
#include "sweep/pictures.h"
#include "sweep/results.h"
#include "sweep/supervisor.h"
#include "util/now.h"

/* Seconds between drawings of the table. */
#define DRAW_PERIOD 1.0

size_t show_working(const struct fleet *f)
{
    size_t count = 0;
    for (size_t i = 0; i < f->slots.count; i++)
        count += f->slot[i].run != 0;
    return count;
}

/* "12 of 24 runs ended, 3 were pruned"; *failed: how many runs have failed for good. */
static void show_states(const struct fleet *f, char *to, size_t size, size_t *failed)
{
    size_t ended = 0, pruned = 0;
    *failed = 0;
    for (size_t run = 1; run <= f->runs->count; run++) {
        ended += f->state->place[run - 1].state == RUN_ENDED;
        pruned += choose_pruned(f, run) != 0;
        *failed += choose_failed(f, run) != 0;
    }
    int used = snprintf(to, size, "%zu of %zu runs ended", ended, f->runs->count);
    if (pruned)
        snprintf(to + used, size - (size_t)used, ", %zu %s pruned", pruned,
                 pruned == 1 ? "was" : "were");
}

static void tell_epoch(struct fleet *f, size_t run)
{
    const struct follow *at = &supervisor_row(f, run)->follow;
    struct fleet_run *r = &f->run[run - 1];
    if (f->options->verbosity < LOG_VERBOSE || f->screen.has_terminal || at->epoch == r->epoch_told)
        return;
    r->epoch_told = at->epoch;
    screen_say(&f->screen, "Run %zu (%s): epoch %ld/%ld, loss %s, best %s, %s win/s, ETA %s", run,
               supervisor_row(f, run)->name, at->epoch, at->epochs, log_figure(at->loss, 6).text,
               log_figure(at->best, 6).text, log_figure(at->rate, 0).text,
               screen_time(at->left).text);
}

void show_table(struct fleet *f)
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
                                                     .row = run ? supervisor_row(f, run) : NULL};
        if (run) {
            follow_read(&f->runs->row[run - 1].follow);
            tell_epoch(f, run);
        }
    }
    show_states(f, states, sizeof states, &failed);
    snprintf(sum, sizeof sum, "%s, %zu failed, %zu under way here", states, failed,
             show_working(f));
    screen_draw(&f->screen, f->shown, shown, sum);
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
int show_end(struct fleet *f, struct error *err)
{
    size_t failed, left = 0;
    char first[512] = "", states[100];
    screen_clear(&f->screen);
    if (results_write(f->state, err) || (!f->stopping && pictures_write(f->state, err)))
        return -1;
    show_states(f, states, sizeof states, &failed);
    char *tests = folds_text(f->state);
    if (tests && *tests)
        screen_say(&f->screen, "%s", tests);
    free(tests);
    screen_say(&f->screen, "%s: %s/sweep.csv", states, f->state->folder);
    for (size_t run = 1; run <= f->runs->count; run++)
        left += choose_open(f, run) != 0;
    if (left && !f->stopping && (f->changed || !failed))
        return tell_left(f, left, err);
    for (size_t run = f->runs->count; run >= 1; run--)
        if (choose_failed(f, run))
            snprintf(first, sizeof first, "run %zu (%s), see %s/%s", run,
                     supervisor_row(f, run)->name, supervisor_row(f, run)->folder, STATE_CONSOLE);
    if (!failed || f->stopping)
        return 0;
    error_set(err, STATUS_FAILED, "%zu of %zu runs failed for good; the first: %s", failed,
              f->runs->count, first);
    return left ? error_add(err, "%zu of them are to be done", left) : -1;
}
