/* SPDX-License-Identifier: MIT */
#include "run/clips.h"

#include <stdlib.h>

#include "data/captioned.h"

/* Files that are no frames, and clips of fewer frames than are taken. */
static void tell_frames(const struct clip *clip, size_t clips, struct log *log)
{
    size_t passed_over = 0, where = 0, few = 0;
    for (size_t i = 0; i < clips; i++) {
        passed_over += clip[i].passed_over;
        where += clip[i].passed_over > 0;
        few += clip[i].found > 1 && clip[i].found < clip[i].count;
    }
    if (passed_over)
        log_say(log,
                "clips: %zu files of %zu clips are passed over: they do not end in .png, .jpg or "
                ".jpeg",
                passed_over, where);
    if (few)
        log_say(log, "clips: %zu have fewer than data.frames = %zu frames: some are seen twice",
                few, clip[0].count);
}

/* --- the same in two parts */

struct known {
    struct content hash;
    size_t clip;
    enum part part;
};

/* By content; of one content those of training first. */
static int by_hash(const void *one, const void *other)
{
    const struct known *a = one, *b = other;
    if (a->hash.high != b->hash.high)
        return a->hash.high < b->hash.high ? -1 : 1;
    if (a->hash.low != b->hash.low)
        return a->hash.low < b->hash.low ? -1 : 1;
    return (a->part > b->part) - (a->part < b->part);
}

/* The part of each clip goes into known[]. */
static void find_parts(const struct dataset *data, struct known *known)
{
    for (enum part p = 0; p < PARTS; p++)
        for (size_t i = 0; i < data->count[p]; i++)
            known[captioned_clip(data, data->start[p][i])].part = p;
}

/* Clips that follow one of training which holds the same: what is judged was learnt. */
static void tell_twins(const struct dataset *data, const struct known *known, size_t clips,
                       struct log *log)
{
    const struct clip_named *named = data->captioned->captions.clip;
    size_t twins = 0, last = 0, first = 0, its = 0;
    for (size_t i = 1; i < clips; i++) {
        last = content_same(known[i].hash, known[i - 1].hash) ? last : i;
        if (last == i || known[last].part != PART_TRAIN || known[i].part == PART_TRAIN)
            continue;
        if (!twins++ || known[i].clip < first) {
            first = known[i].clip;
            its = known[last].clip;
        }
    }
    if (twins)
        log_warn(log,
                 "%zu clips of validation and test have the same files as clips of training, so "
                 "their figures are too good; one is %s, as %s",
                 twins, named[first].path, named[its].path);
}

int clips_tell(const struct dataset *data, const struct clip *clip, const struct content *hash,
               struct log *log)
{
    const size_t clips = data->captioned->captions.clips;
    struct known *known = malloc((clips + 1) * sizeof *known);
    if (!known)
        return -1;
    for (size_t i = 0; i < clips; i++)
        known[i] = (struct known){hash[i], i, PART_TRAIN};
    find_parts(data, known);
    if (clips)
        qsort(known, clips, sizeof *known, by_hash);
    tell_frames(clip, clips, log);
    tell_twins(data, known, clips, log);
    free(known);
    return 0;
}
