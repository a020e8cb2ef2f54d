/* SPDX-License-Identifier: MIT */
/*
 * captions: how good generated captions are, and how different from each other: pure functions of
 * texts. They compare tokens (caption_tokens.h); the formulas of BLEU, ROUGE-L and CIDEr-D are
 * those of the package pycocoevalcap, so that figures stand beside published ones.
 */
#ifndef ANALYSIS_CAPTIONS_H
#define ANALYSIS_CAPTIONS_H

#include <stddef.h>

#include "analysis/caption_tokens.h"
#include "error.h"

#define CAPTIONS_BLEU 4

/* Figures of `count` generated captions. NaN: there is nothing to take it of. */
struct caption_measures {
    size_t count;
    double bleu[CAPTIONS_BLEU]; /* BLEU-1 to 4 of the corpus (Papineni et al. 2002); the closest
                                   length of a reference counts, of two the shorter */
    double rouge_l;             /* 0 to 1, mean of the samples (Lin 2004), beta 1.2: the greatest
                                   recall and the greatest precision over the references */
    double cider;               /* CIDEr-D, 0 to 10, mean of the samples (Vedantam et al. 2015),
                                   sigma 6; weights by these references. 0 for one sample, as no
                                   n-gram tells it from another one */
    double exact;               /* share whose tokens are those of a reference */
    double literal;             /* share whose bytes are those of a reference */
    double distinct;            /* different captions, by their tokens, / captions */
    double distinct_references; /* the same of the first reference of each sample */
    double distinct_1;          /* different 1-grams / 1-grams of all generated captions */
    double distinct_2;          /* the same of 2-grams (Li et al. 2016); NaN: all are one word */
    size_t frequent;            /* the first sample with the most frequent caption */
    size_t frequent_count;      /* samples with that caption; 0: there are no samples */
};

/*
 * Measures generated[count] against references[count], each a list that NULL ends and that holds
 * one text at least. exact [count], or NULL, gets 1 where a caption is exact. STATUS_FAILED: out of
 * memory, or a sample has no reference. The time is about linear in the tokens, but for ROUGE-L,
 * which compares each token of a caption with each of its references.
 */
int captions_measure(struct caption_measures *to, const char *const *generated,
                     const char *const *const *references, size_t count, enum caption_tokens rule,
                     unsigned char *exact, struct error *err);

#endif
