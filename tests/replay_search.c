/* SPDX-License-Identifier: MIT */
/*
 * replay_search FILE: decides again, by the journals of a sweep, what its sampler and its pruner
 * have decided, and tells what differs. Status 1 if anything does, or if nothing was decided.
 */
#include <stdlib.h>

#include "sweep/search.h"

int main(int argc, char **argv)
{
    struct error err = {0};
    struct search_replayed replayed = {0};
    struct log *log = log_new(LOG_NORMAL);
    struct sweep *sweep = argc == 2 ? sweep_open(argv[1], NULL, 0, &err) : NULL;
    struct runs *runs = sweep ? runs_of(sweep, &err) : NULL;
    struct state *state = runs ? state_open(runs, log, &err) : NULL;
    int failed =
        !state || state_check(state, &err) || search_replay(state, &replayed, stdout, &err);
    if (failed)
        fprintf(stderr, "%s\n", err.text);
    printf("%zu points, %zu reports, %zu differ\n", replayed.points, replayed.reports,
           replayed.differ);
    state_free(state);
    runs_free(runs);
    sweep_free(sweep);
    log_close(log, &err);
    return failed || replayed.differ || !(replayed.points + replayed.reports) ? EXIT_FAILURE
                                                                              : EXIT_SUCCESS;
}
