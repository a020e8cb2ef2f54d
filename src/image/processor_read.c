/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hf/json.h"
#include "image/processor.h"
#include "util/file.h"
#include "util/shown.h"

#define FILE_MOST ((size_t)1 << 20) /* bytes of a file of JSON */

/* null is false, and no default, in transformers. */
static int truth(struct hf_reader *r, const char *key, int otherwise)
{
    const json_t *value = json_object_get(r->object, key);
    if (value && !json_is_boolean(value) && !json_is_null(value))
        hf_fault(r, key, "is neither true nor false");
    return value ? json_is_true(value) : otherwise;
}

/* Refuses null for what a step takes: transformers has no default for it either. */
static void refuse_null(struct hf_reader *r, const char *key, const char *step)
{
    char what[80];
    snprintf(what, sizeof what, "is null, where %s takes it", step);
    if (json_is_null(json_object_get(r->object, key)))
        hf_fault(r, key, what);
}

/* Whether a number is from `least` to `most`; if so it is kept. */
static int number_of(const json_t *value, double least, double most, double *to)
{
    const double x = json_number_value(value);
    if (!json_is_number(value) || !(x >= least && x <= most))
        return 0;
    *to = x;
    return 1;
}

static void read_number(struct hf_reader *r, const char *key, double least, double most, double *to)
{
    char what[80];
    if (!hf_value(r, key) || number_of(hf_value(r, key), least, most, to))
        return;
    snprintf(what, sizeof what, "is no number from %g to %g", least, most);
    hf_fault(r, key, what);
}

/* One number for all channels, or one for each. */
static void read_channels(struct hf_reader *r, const char *key, double least, double most,
                          double to[3])
{
    const json_t *value = hf_value(r, key);
    const int list = json_is_array(value);
    char what[80];
    int good = !list || json_array_size(value) == 3;
    for (size_t i = 0; value && good && i < 3; i++)
        good = number_of(list ? json_array_get(value, i) : value, least, most, &to[i]);
    snprintf(what, sizeof what, "is not one number, or three, from %g to %g", least, most);
    if (!good)
        hf_fault(r, key, what);
}

/* --- sizes */

static size_t side(struct hf_reader *r, const char *key, const json_t *value)
{
    double x = 1;
    if (!json_is_integer(value) || !number_of(value, 1, PROCESSOR_SIDE, &x))
        hf_fault(r, key, "is not made of whole numbers from 1 to 8192");
    return (size_t)x;
}

/* {"height", "width"}, {"shortest_edge"}, [height, width], or one number: of a square or, where
 * `square` is 0, of the shorter edge. */
static void read_size(struct hf_reader *r, const char *key, int square, size_t *height,
                      size_t *width, size_t *shortest)
{
    const json_t *value = hf_value(r, key);
    const size_t keys = json_object_size(value);
    const json_t *high = json_object_get(value, "height"), *wide = json_object_get(value, "width");
    const json_t *edge = json_object_get(value, "shortest_edge");
    if (!value)
        return;
    *height = *width = *shortest = 0;
    if (json_is_array(value) && json_array_size(value) == 2) {
        high = json_array_get(value, 0);
        wide = json_array_get(value, 1);
    } else if (json_is_integer(value)) {
        high = wide = square ? value : NULL;
        edge = square ? NULL : value;
    } else if (!json_is_object(value) || keys != (edge ? 1 : 2) || (!edge && !(high && wide))) {
        hf_fault(r, key, "is none of a number, height and width, or shortest_edge");
        return;
    }
    if (edge) {
        *shortest = side(r, key, edge);
    } else {
        *height = side(r, key, high);
        *width = side(r, key, wide);
    }
}

static void read_crop(struct hf_reader *r, struct processor *to)
{
    size_t shortest = 0;
    to->height = to->width = 0;
    read_size(r, "crop_size", 1, &to->height, &to->width, &shortest);
    if (!hf_value(r, "crop_size") || shortest)
        hf_fault(r, "crop_size", "has no height and width, which do_center_crop asks for");
}

/* --- which processor it is */

static const struct {
    const char *name;
    int square; /* what a single number as a size means */
} kinds[] = {[PROCESSOR_SIGLIP] = {"Siglip", 0}, [PROCESSOR_VIT] = {"ViT", 1}};
#define KINDS (sizeof kinds / sizeof *kinds)

/* "SiglipImageProcessor", also with Fast or Pil behind it, or "SiglipFeatureExtractor". */
static int is_kind(const char *type, enum processor_kind kind)
{
    static const char *const ends[] = {"ImageProcessor", "ImageProcessorFast", "ImageProcessorPil",
                                       "FeatureExtractor"};
    const size_t size = strlen(kinds[kind].name);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (!strncmp(type, kinds[kind].name, size) && !strcmp(type + size, ends[i]))
            return 1;
    return 0;
}

static enum processor_kind read_kind(struct hf_reader *r, enum processor_kind otherwise)
{
    const char *const key =
        hf_value(r, "image_processor_type") ? "image_processor_type" : "feature_extractor_type";
    const json_t *value = hf_value(r, key);
    const char *type = json_string_value(value);
    char what[250];
    if (!value)
        return otherwise;
    for (enum processor_kind kind = 0; type && kind < KINDS; kind++)
        if (is_kind(type, kind))
            return kind;
    if (!type)
        snprintf(what, sizeof what, "is no text");
    else
        snprintf(what, sizeof what,
                 "is '%s': SiglipImageProcessor and ViTImageProcessor are computed%s",
                 show_name(type).text,
                 strncmp(type, "Siglip2", 7) ? "" : ", but no images of several sizes (NaFlex)");
    hf_fault(r, key, what);
    return otherwise;
}

/* --- all of it */

/* What comes out: of the crop, of the resizing, or the images that the tower has. */
static void read_sizes(struct hf_reader *r, struct processor *to, size_t image)
{
    to->resizes = truth(r, "do_resize", 1);
    read_size(r, "size", kinds[to->kind].square, &to->resize_height, &to->resize_width,
              &to->shortest);
    if (to->resizes)
        refuse_null(r, "size", "do_resize");
    else
        to->resize_height = to->resize_width = to->shortest = 0;
    to->crops = truth(r, "do_center_crop", 0);
    if (to->crops) {
        read_crop(r, to);
    } else if (to->resizes) {
        to->height = to->shortest ? to->shortest : to->resize_height;
        to->width = to->shortest ? to->shortest : to->resize_width;
    } else {
        to->height = to->width = image;
        if (image < 1 || image > PROCESSOR_SIDE)
            hf_fault(r, "do_resize", "is false, and no size of images from 1 to 8192 is known");
    }
}

static void read_filter(struct hf_reader *r, struct processor *to)
{
    double filter = to->filter;
    read_number(r, "resample", 0, RESAMPLES - 1, &filter);
    if (filter != floor(filter))
        hf_fault(r, "resample", "is no whole number");
    if (to->resizes)
        refuse_null(r, "resample", "do_resize");
    to->filter = (enum resample)filter;
}

static void read_values(struct hf_reader *r, struct processor *to)
{
    read_number(r, "rescale_factor", 1e-9, 1e9, &to->factor);
    if (truth(r, "do_rescale", 1))
        refuse_null(r, "rescale_factor", "do_rescale");
    else
        to->factor = 0;
    read_channels(r, "image_mean", -1e6, 1e6, to->mean);
    read_channels(r, "image_std", 1e-6, 1e6, to->deviation);
    to->normalizes = truth(r, "do_normalize", 1);
    if (to->normalizes) {
        refuse_null(r, "image_mean", "do_normalize");
        refuse_null(r, "image_std", "do_normalize");
    }
}

static void read_all(struct hf_reader *r, struct processor *to, enum processor_kind kind,
                     size_t image)
{
    processor_default(to, read_kind(r, kind), 224);
    read_sizes(r, to, image);
    read_filter(r, to);
    read_values(r, to);
    truth(r, "do_convert_rgb", 1);
    if (truth(r, "do_pad", 0))
        hf_fault(r, "do_pad", "is true: images are not padded here");
    processor_finish(to);
}

int processor_parse(struct processor *to, const char *text, size_t bytes, const char *name,
                    enum processor_kind kind, size_t image, struct error *err)
{
    json_t *json = hf_json(text, bytes, name, err);
    struct hf_reader r = {.object = json, .path = name, .err = err};
    *to = (struct processor){0};
    if (!json)
        return -1;
    if (hf_value(&r, "image_processor"))
        r.object = hf_value(&r, "image_processor");
    if (!json_is_object(r.object))
        hf_fault(&r, "image_processor", "is no object");
    else
        read_all(&r, to, kind, image);
    json_decref(json);
    return r.failed;
}

/* --- the files */

/* The text of a file of the folder, and its path; the caller frees both. NULL with STATUS_DONE in
 * *err: there is none. */
static char *text_of(const char *folder, const char *name, size_t *size, char **path,
                     struct error *err)
{
    err->status = STATUS_DONE;
    *path = file_join(folder, name);
    if (!*path) {
        error_set(err, STATUS_FAILED, "%s: out of memory", folder);
        return NULL;
    }
    if (!access(*path, F_OK))
        return file_read(*path, FILE_MOST, size, err);
    if (errno != ENOENT)
        error_errno(err, STATUS_INPUT, *path);
    return NULL;
}

/* The kind that config.json's model_type asks for; SigLIP where it names none of ours. */
static int kind_of_model(const char *folder, enum processor_kind *kind, struct error *err)
{
    size_t size;
    char *path, *text = text_of(folder, "config.json", &size, &path, err);
    json_t *json = text ? hf_json(text, size, path, err) : NULL;
    const char *type = json_string_value(json_object_get(json, "model_type"));
    const int failed = !json && err->status != STATUS_DONE;
    *kind = type && !strcmp(type, "vit") ? PROCESSOR_VIT : PROCESSOR_SIGLIP;
    json_decref(json);
    free(text);
    free(path);
    return failed ? -1 : 0;
}

/* One of the two files: 1 where it is not there or says nothing of images, else as
 * processor_read(). */
static int read_file(struct processor *to, const char *folder, const char *name, const char *key,
                     enum processor_kind kind, size_t image, struct error *err)
{
    size_t size;
    char *path, *text = text_of(folder, name, &size, &path, err);
    int result = text ? 0 : err->status == STATUS_DONE ? 1 : -1;
    json_t *json = text && key ? hf_json(text, size, path, err) : NULL;
    if (text && key && !json)
        result = -1;
    else if (json && !json_object_get(json, key))
        result = 1;
    if (!result)
        result = processor_parse(to, text, size, path, kind, image, err);
    json_decref(json);
    free(text);
    free(path);
    return result;
}

int processor_read(struct processor *to, const char *folder, size_t size, struct error *err)
{
    enum processor_kind kind;
    *to = (struct processor){0};
    if (kind_of_model(folder, &kind, err))
        return -1;
    int result = read_file(to, folder, "processor_config.json", "image_processor", kind, size, err);
    if (result > 0)
        result = read_file(to, folder, "preprocessor_config.json", NULL, kind, size, err);
    if (result > 0 && (size < 1 || size > PROCESSOR_SIDE))
        return error_set(err, STATUS_INPUT, "%s: images of %zu x %zu pixels", folder, size, size);
    if (result > 0)
        processor_default(to, kind, size);
    return result < 0 ? -1 : 0;
}
