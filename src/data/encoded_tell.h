/* SPDX-License-Identifier: MIT */
/*
 * encoded_tell: what is said of a cache of encoded clips when it was opened.
 */
#ifndef DATA_ENCODED_TELL_H
#define DATA_ENCODED_TELL_H

#include "data/encoded.h"
#include "log/log.h"

/*
 * Says that an interrupted write was dropped, warns of damaged entries, and names the caches in the
 * same folder that have another key: how many clips each has and what differs, those that differ
 * in the least first, three at most. Nothing is said of what cannot be read.
 */
void encoded_tell(const struct encoded *e, struct log *log);

#endif
