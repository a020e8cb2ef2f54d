/* SPDX-License-Identifier: MIT */
/*
 * processor: what an image processor of transformers does to an image before a tower sees it, as
 * preprocessor_config.json says: resize, cut the middle out, rescale, normalise. The processors of
 * SigLIP, of SigLIP2 with images of one size, and of ViT are known; they are computed as the ones
 * that use Pillow and NumPy do it, to the bit.
 *
 * A processor makes images of one size, as towers with learned positions ask. Where the file does
 * not promise one (a shortest edge without a crop, no resizing), images that come out otherwise are
 * refused one by one. A processor owns nothing, and threads may share it. Images are always RGB:
 * do_convert_rgb changes nothing.
 */
#ifndef IMAGE_PROCESSOR_H
#define IMAGE_PROCESSOR_H

#include <stddef.h>

#include "error.h"
#include "image/image.h"
#include "image/resample.h"

enum processor_kind { PROCESSOR_SIGLIP, PROCESSOR_VIT };

#define PROCESSOR_SIDE 8192 /* most rows or columns that come out, or are asked for */
#define PROCESSOR_TEXT 512  /* room for processor_text() */

struct processor {
    enum processor_kind kind;
    size_t height, width; /* of what comes out */
    int resizes, crops;
    size_t resize_height, resize_width; /* 0: by the shorter edge */
    size_t shortest;                    /* 0: by height and width */
    enum resample filter;
    double factor;  /* bytes are multiplied by it; 0: they are not */
    int normalizes; /* (x - mean) / deviation */
    double mean[3], deviation[3];
    float value[3][256]; /* what becomes of a byte of each channel */
};

/* What the processors of a kind are without a file, but for images of `size` x `size`. */
void processor_default(struct processor *to, enum processor_kind kind, size_t size);

/* Works out what becomes of each byte, by the other fields. */
void processor_finish(struct processor *p);

/*
 * Reads the part image_processor of FOLDER/processor_config.json or, where there is none,
 * FOLDER/preprocessor_config.json, as transformers 5 does. A file without a type has that of
 * config.json's model_type. Without either file it is processor_default() of `size`, which is the
 * tower's image_size, of ViT where config.json's model_type is that, else of SigLIP. STATUS_INPUT
 * with "path: cause".
 */
int processor_read(struct processor *to, const char *folder, size_t size, struct error *err);

/* The same from the text of either file; `name` stands for the path. `kind` holds where the text
 * has no type; `image` is the image size of a processor that promises none, or 0. */
int processor_parse(struct processor *to, const char *text, size_t bytes, const char *name,
                    enum processor_kind kind, size_t image, struct error *err);

/* to [3, height, width] of an image; STATUS_INPUT with "name: ..." where it comes out in another
 * size. */
int processor_apply(const struct processor *p, const struct image *image, const char *name,
                    float *to, struct error *err);

/* One line that tells all that is done: processors that make the same of every image have the same
 * text, others another. Returns `to`. */
const char *processor_text(const struct processor *p, char to[PROCESSOR_TEXT]);

#endif
