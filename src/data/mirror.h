/* SPDX-License-Identifier: MIT */
/*
 * mirror: what becomes of a feature expression where its columns are seen in a mirror: prices fall
 * where they rose, signals change their sign. For data.augment, which must know it of features and
 * of targets alike. By the nature of each function (feature_functions.h); the columns' own kinds
 * are the caller's to tell. It owns nothing.
 */
#ifndef DATA_MIRROR_H
#define DATA_MIRROR_H

#include "data/features.h"

enum mirror_kind {
    MIRROR_NONE,  /* it is not known, or there is no image */
    MIRROR_STAYS, /* as it is: a volume, a volatility */
    MIRROR_TURNS, /* 2 centre - x: a return (centre 0), an rsi (50) */
    MIRROR_LEVEL, /* a level, whose moves turn: a price. It has no image itself */
};

struct mirror {
    enum mirror_kind kind;
    double centre; /* of MIRROR_TURNS */
};

/* The kind of a column: STAYS, TURNS or LEVEL. */
typedef enum mirror_kind mirror_column(void *ctx, const struct feature *column);

struct mirror mirror_of(const struct feature *feature, mirror_column *of, void *ctx);

/* Whether the values move with the level of a column: those of close and of ma(close,10) do, those
 * of ret(close) do not. */
int mirror_follows(const struct feature *feature);

/* Whether two expressions have a column in common. */
int mirror_shares(const struct feature *a, const struct feature *b);

#endif
