/* SPDX-License-Identifier: MIT */
/*
 * play_search curves FILE: judges recorded curves again, as tests/search_play.h writes them, and
 * tells decisions that differ; status 1 if any does.
 *
 * play_search random|tpe|states LANDSCAPE SEED TRIALS: searches a landscape. Prints a line a trial:
 * its figure and its point.
 *
 * tests/peer/search.py compares both with Optuna.
 */
#include <stdlib.h>
#include <string.h>

#include "search_play.h"

static int curves(const char *path)
{
    struct played played;
    FILE *in = fopen(path, "r");
    int failed = !in || search_curves(in, &played);
    if (in)
        fclose(in);
    if (failed)
        return 2;
    printf("studies %zu, decisions %zu, of them ends %zu, differ %zu\n", played.studies,
           played.decisions, played.ends, played.differ);
    return played.differ ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "curves"))
        return curves(argv[2]);
    for (size_t i = 0; argc == 5 && i < sizeof search_landscapes / sizeof *search_landscapes; i++)
        if (!strcmp(argv[2], search_landscapes[i].name)) {
            enum search how = !strcmp(argv[1], "tpe")      ? SEARCH_TPE
                              : !strcmp(argv[1], "states") ? SEARCH_STATES
                                                           : SEARCH_RANDOM;
            search_run(&search_landscapes[i], how, strtoull(argv[3], NULL, 10),
                       strtoul(argv[4], NULL, 10), stdout);
            return 0;
        }
    fprintf(stderr, "play_search: curves FILE, or random|tpe|states LANDSCAPE SEED TRIALS\n");
    return 2;
}
