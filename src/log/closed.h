/* SPDX-License-Identifier: MIT */
/*
 * closed: reads the closed segments of a log (segments.h), in their order, and changes nothing. The
 * files may be anybody's: memory is that of the longest line that is allowed, and what is unpacked
 * has a limit. It owns nothing beyond the call.
 */
#ifndef LOG_CLOSED_H
#define LOG_CLOSED_H

#include "error.h"
#include "util/lines.h"

/* Bytes that are unpacked at most, of all segments together. */
#define CLOSED_MOST ((uint64_t)4 << 30)

/*
 * Tells the lines of the segments in front of the current one, the file PATH that is open as `fd`,
 * as lines_read() does. A segment that is broken ends where it breaks. 0, or -1 with STATUS_INPUT,
 * or STATUS_FAILED where `take` returned anything but 0.
 */
int closed_read(const char *path, int fd, size_t most, lines_taker *take, void *ctx,
                struct error *err);

#endif
