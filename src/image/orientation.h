/* SPDX-License-Identifier: MIT */
/*
 * orientation: how an image lies in its file, from 1 (upright) to 8, as Exif (the tag 0x0112 of a
 * TIFF directory) or XMP says it. Data that cannot be read says nothing. It owns nothing.
 */
#ifndef IMAGE_ORIENTATION_H
#define IMAGE_ORIENTATION_H

#include <stddef.h>

/* Of Exif data, with or without "Exif\0\0" in front; 0: there is none. */
int orientation_of_exif(const unsigned char *bytes, size_t size);

/* Of Exif data as ImageMagick writes it into a text of a PNG: three lines, then hexadecimal digits.
 * 0: none. */
int orientation_of_raw(const char *text, size_t size);

/* Of an XMP packet, by tiff:Orientation; 0: none. */
int orientation_of_xmp(const char *text, size_t size);

#endif
