/* SPDX-License-Identifier: MIT */
/*
 * corpus: texts as tokens; internal to src/data.
 *
 * The texts of all files lie behind each other as one series, each ended by the token of
 * data.end_of_text. Where the tokenizer has none, the first token of a text bears DATASET_BORDER,
 * for nothing tells what the next text begins with. Windows run across from one text into the next,
 * so that short texts fill windows too. Texts of validation_source and test_source lie behind the
 * others, and no window goes from one part into another. A window needs one token more than it has
 * rows: each row's target is the token behind it.
 */
#ifndef DATA_CORPUS_H
#define DATA_CORPUS_H

#include "data/load.h"

/* Reads the texts into load->data, with a checkpoint's tokenizer or, NULL, that of the keys. */
int corpus_load(struct load *load, const struct fitted *fitted);

/* What reading captions has in common with it: how parts are dealt of samples of so many tokens,
 * the dataset of tokens but for these, the token that ends texts (-1: there is none), whether the
 * model knows as many tokens as the tokenizer (it may know more, never fewer), and what is told:
 * lines that were found out, and windows. */
struct split corpus_split(const struct load *load, size_t span);
int corpus_fill(struct load *load);
int corpus_ending(struct load *load, int64_t *ending);
int corpus_check_vocabulary(const struct load *load);
void corpus_tell_lines(const struct load *load, const char *text);
void corpus_tell_windows(struct load *load);

#endif
