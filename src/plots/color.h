/* SPDX-License-Identifier: MIT */
/*
 * color: the colours of the pictures, as 0xRRGGBB. Both maps are built in the OKLab space with even
 * steps of lightness, so that equal steps of value look equal and survive grey print; the palette
 * keeps its distances under red and green blindness.
 */
#ifndef PLOTS_COLOR_H
#define PLOTS_COLOR_H

enum {
    COLOR_INK = 0x222222,   /* titles, labels */
    COLOR_MUTED = 0x666666, /* small print, ticks */
    COLOR_FRAME = 0x999999,
    COLOR_GRID = 0xe6e6e6,
    COLOR_REST = 0xb8b8b8,    /* points and bars that belong to no named group */
    COLOR_MISSING = 0xdcdcdc, /* cells without a value */
    COLOR_MAP = 256,          /* entries of a colour map */
    COLOR_CATEGORIES = 12,
};

/* In the order of use: the first two serve for training and validation. */
extern const unsigned color_category[COLOR_CATEGORIES];

/* Dark violet through blue and green to yellow, for values. */
void color_values(unsigned map[COLOR_MAP]);

/* Blue through near-white to orange-red, for errors around 0. */
void color_errors(unsigned map[COLOR_MAP]);

#endif
