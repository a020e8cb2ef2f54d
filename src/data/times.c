/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "data/calendar.h"
#include "data/load.h"
#include "util/block.h"

/* Gives rows behind the end of a run the times that the file's calendar has for them. */
static void carry_on(const struct calendar *calendar, int64_t *time, size_t from, size_t to)
{
    for (size_t row = from; row < to; row++)
        if (time[row - 1] == DATASET_NO_TIME || calendar_next(calendar, time[row - 1], &time[row]))
            time[row] = DATASET_NO_TIME;
}

/* The times of one series: those of its file, and behind each of its runs those of forecasts. */
static void copy_series(const struct input *input, const struct calendar *calendar, size_t warmup,
                        int64_t *to)
{
    for (size_t i = 0; i < input->segments; i++) {
        const struct segment *segment = &input->segment[i];
        size_t next = i + 1 < input->segments ? segment[1].begin : input->rows;
        memcpy(to + segment->begin, input->table->time + segment->from + warmup,
               (segment->end - segment->begin) * sizeof *to);
        carry_on(calendar, to, segment->end, next);
    }
}

/* Series that follow no calendar. */
struct without {
    const struct input *first;
    size_t others;
};

/* Finds the calendar of a series, if there are rows behind the end of what it holds, and tells. */
static int find_calendar(struct load *load, const struct input *input, struct calendar *calendar,
                         struct without *without)
{
    char text[CALENDAR_TEXT];
    size_t rows = 0;
    for (size_t i = 0; i < input->segments; i++)
        rows += input->segment[i].end - input->segment[i].begin;
    *calendar = (struct calendar){0};
    if (rows == input->rows)
        return 0;
    if (calendar_find(calendar, input->table->time, input->table->rows, load->zone))
        return load_no_memory(load);
    if (!calendar->kind && without->first)
        without->others++;
    else if (!calendar->kind)
        without->first = input;
    else if (load->inputs == 1)
        log_say(load->log, "data: forecasts go on %s", calendar_text(calendar, text));
    return 0;
}

int times_copy(struct load *load)
{
    struct dataset *data = load->data;
    struct without without = {0};
    if (!load->input[0].table->time)
        return 0;
    data->time = block_new((data->rows + 1) * sizeof *data->time);
    if (!data->time)
        return load_no_memory(load);
    for (size_t i = 0; i < load->inputs; i++) {
        const struct input *input = &load->input[i];
        struct calendar calendar;
        if (find_calendar(load, input, &calendar, &without))
            return -1;
        for (size_t c = 0; c < data->channels; c++)
            copy_series(input, &calendar, load->warmup,
                        data->time + data->file[i * data->channels + c].begin);
        calendar_fini(&calendar);
    }
    char more[48] = "";
    if (without.others)
        snprintf(more, sizeof more, " (and so in %zu more)", without.others);
    if (without.first)
        log_warn(load->log,
                 "%s: its rows follow no calendar that is found out: forecasts beyond them are "
                 "printed without a time%s",
                 without.first->label, more);
    return 0;
}
