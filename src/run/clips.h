/* SPDX-License-Identifier: MIT */
/*
 * clips: what is told of the clips of a dataset before an encoder sees them: files that are passed
 * over, frames that are seen several times, and clips of validation and test that training knows by
 * another name. It owns nothing.
 */
#ifndef RUN_CLIPS_H
#define RUN_CLIPS_H

#include "data/dataset.h"
#include "image/clip.h"
#include "log/log.h"
#include "util/content.h"

/* Of all clips of the data the files and what they hold. -1: no memory. */
int clips_tell(const struct dataset *data, const struct clip *clip, const struct content *hash,
               struct log *log);

#endif
