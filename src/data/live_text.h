/* SPDX-License-Identifier: MIT */
/*
 * live_text: rows for a live (live.h) from text with columns that comes bit by bit, read as files
 * are, by the same keys and by what a checkpoint keeps of how the files of training were written.
 * A field that files would have to be looked at as a whole for is refused. It owns its reader of
 * the text; the live and the source stay the caller's.
 */
#ifndef DATA_LIVE_TEXT_H
#define DATA_LIVE_TEXT_H

#include "data/csv.h"
#include "data/live.h"

struct live_text;

enum live_read {
    LIVE_BROKEN = -2, /* nothing more can be read: why is in the error */
    LIVE_LOST,        /* the row is no good, likewise; those behind it are */
    LIVE_END,
    LIVE_ROW,
    LIVE_SKIPPED, /* a row without a time, which data.missing = skip leaves out */
};

/* STATUS_USAGE: text that comes cannot be read as the files of training were. What live_text_open()
 * asks first, for those who have much to do before it. */
int live_text_check(const struct live *live, struct error *err);

/* Reads the header, and waits for it. `name` is what messages call the text. */
struct live_text *live_text_open(const struct live *live, const char *name,
                                 const struct csv_source *source, struct error *err);
void live_text_close(struct live_text *text);

/* The next row, whose numbers stay until the one after. */
enum live_read live_text_next(struct live_text *text, struct live_row *row, struct error *err);

/* The line of the row. */
unsigned long long live_text_line(const struct live_text *text);

#endif
