/* SPDX-License-Identifier: MIT */
/*
 * text: an input file as plain UTF-8 text, whatever it is on disk.
 *
 * Plain files and gzip are read where they lie. Pipes, other compressions (one member of a zip
 * archive, xz, bzip2, zstd), other encodings and line ends of CR alone are written to a temporary
 * file first, which has no name and goes when it is closed; so every text can be read again from
 * its start. Kinds of file that are no text are refused by their name, with the way out.
 */
#ifndef DATA_TEXT_H
#define DATA_TEXT_H

#include <stdio.h>
#include <sys/stat.h>

#include "error.h"

/* What a file is to hold: columns, or words of any form, as JSON or HTML. */
enum text_of { TEXT_OF_COLUMNS, TEXT_OF_WORDS };

/*
 * Opens `path` for reading; "-" is standard input. `encoding`: "auto" (UTF-8, with or without a
 * mark, and UTF-16 are found out) or a name that iconv knows. What was done to the file is printed
 * to `told`, a line each. Returns a descriptor of plain or gzip data that the caller closes; -1.
 * *state is its state, for file_unchanged().
 */
int text_open(const char *path, enum text_of of, const char *encoding, FILE *told,
              struct stat *state, struct error *err);

/* Whether text[length] is UTF-8. */
int text_is_utf8(const char *text, size_t length);

#endif
