/* SPDX-License-Identifier: MIT */
/*
 * segments: the lines of a log on disk. The current segment is the file PATH (log.jsonl); one that
 * is closed is compressed to log.NUMBER.FIRST.LAST.jsonl.gz beside it, by the times of its first
 * and last line. Positions count the bytes of all segments together. A segment behind the first
 * begins with a line that says its number and the position where it begins.
 *
 * A closed segment appears whole, then a new current one takes the place of the old: while both are
 * there, the current one has the number of the closed one or a lower one, and holds. It counts at
 * any instant, and segments_open() removes the closed one.
 *
 * A struct owns its file. Files that are no regular ones are never cut or rotated.
 */
#ifndef LOG_SEGMENTS_H
#define LOG_SEGMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum segments_rotation { SEGMENTS_NONE, SEGMENTS_DAILY, SEGMENTS_SIZE };

struct segments_settings {
    enum segments_rotation rotation;
    int64_t size;        /* of a segment, bytes; for SEGMENTS_SIZE */
    long keep_days;      /* closed ones whose last line is older are deleted; 0: none */
    const char *copy_to; /* folder that gets a copy of each closed one; NULL or "": none */
    const char *run;     /* its name, in front of the names of copies */
};

struct segments {
    struct segments_settings settings; /* strings are the caller's */
    char *path;
    int fd; /* -1: not open */
    int is_regular;
    long number;         /* of the current segment, from 1 */
    int64_t offset;      /* where it begins */
    int64_t bytes;       /* of whole lines in it */
    int64_t head;        /* of these its first line that says its number; 0: has none */
    int64_t first, last; /* times of its first and last line, ms since 1970 */
    int64_t not_before;  /* when a rotation that failed may be tried again, ms since 1970 */
};

/*
 * Opens `path` for appending, after cutting the log to `keep` bytes of all segments (-1: keep all);
 * a closed segment that this position lies in becomes the current one again. *lost: there are fewer
 * bytes. Fails where another process has it open.
 */
int segments_open(struct segments *s, const char *path, int64_t keep,
                  const struct segments_settings *settings, int *lost, struct error *err);

/* Bytes of all segments so far. */
int64_t segments_position(const struct segments *s);

/* Whether a line of `size` bytes at `now` (ms since 1970) is for a new segment. */
int segments_due(const struct segments *s, size_t size, int64_t now);

/* Closes the current segment and begins another with the line `head`. *told is set where all is
 * well but for a copy or an old segment, with the cause in `err`. A failure changes nothing, and is
 * not tried again within an hour. */
int segments_rotate(struct segments *s, const char *head, size_t size, int64_t now, int *told,
                    struct error *err);

/* Appends a line; returns 0 or errno, and then the lines before are whole. */
int segments_append(struct segments *s, const char *line, size_t size, int64_t now);

/* Closes the file; returns 0 or errno. */
int segments_close(struct segments *s);

#endif
