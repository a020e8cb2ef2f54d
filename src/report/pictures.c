/* SPDX-License-Identifier: MIT */
#include "report/pictures.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/choices.h"
#include "report/html.h"
#include "util/file.h"
#include "util/jsonmem.h"

/* What each picture is, in the order of PICTURES. */
struct picture_words {
    const char *name, *title, *shows;
};

static const struct picture_words words[] = {
    {"loss_curves", "Loss curves",
     "Line charts of the losses of training and validation, of the learning rate and of the "
     "gradient norms, by epoch; the best epoch is marked"},
    {"reconstruction_quality", "Reconstruction quality",
     "Heat maps of five windows, beside what the model makes of them and the errors"},
    {"latent_space_tsne", "Latent space",
     "A map of the latent vectors of windows, made by t-SNE: points of one colour are of one "
     "category"},
    {"category_distribution", "Categories", "Bar charts of the sizes of the categories"},
    {"predictions", "Predictions",
     "Charts of predicted against actual values of the first target, and of both over time"},
    {"residuals", "Residuals",
     "Histogram and quantile plots of the errors of the predictions, beside a normal "
     "distribution"},
    {"target_distribution", "Target distribution",
     "Histograms and quantile plots of the first target in each part, before and after its "
     "transform"},
    {"error_by_horizon", "Error by horizon",
     "Line charts of the errors of the model and of the best naive forecast, by the row of the "
     "target"},
    {"am_am_pm", "AM/AM and AM/PM",
     "Charts of amplitude and phase shift of the measured device and of the model, over the "
     "amplitude of the input"},
    {"spectrum", "Spectrum", "Power spectra of input, measured output, model and error"},
    {"captions", "Captions",
     "Pictures of held-out clips beside the captions that the model wrote and the right ones"},
};

#define ONE(name) +1
_Static_assert(sizeof words / sizeof *words == 0 PICTURES(ONE, ONE),
               "each picture of config/choices.h has its words");

static char *path_of(const char *folder, const char *name)
{
    char file[64];
    snprintf(file, sizeof file, "%s.png", name);
    return file_join(folder, file);
}

int report_has_picture(const char *folder, const char *name)
{
    struct stat st;
    char *path = path_of(folder, name);
    if (!path)
        jsonmem_lacks();
    const int there = path && !stat(path, &st);
    free(path);
    return there;
}

static uint32_t word_at(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Whether the bytes begin and end as a PNG does; and its size. */
static int is_png(const char *bytes, size_t size, uint32_t *width, uint32_t *height)
{
    static const char begin[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
                      end[] = "\0\0\0\0IEND\xae\x42\x60\x82";
    const size_t last = sizeof end - 1;
    if (size < 45 || memcmp(bytes, begin, sizeof begin - 1) != 0 ||
        memcmp(bytes + size - last, end, last) != 0)
        return 0;
    *width = word_at((const unsigned char *)bytes + 16);
    *height = word_at((const unsigned char *)bytes + 20);
    return *width && *height && *width <= 32767 && *height <= 32767;
}

static void put_picture(const struct picture_words *w, const char *about, const char *bytes,
                        size_t size, FILE *out)
{
    uint32_t width, height;
    if (!is_png(bytes, size, &width, &height)) {
        fprintf(out, "<p class=\"missing\">%s.png is not a whole PNG, and was left out.</p>\n",
                w->name);
        return;
    }
    fprintf(out, "<figure>\n<img width=\"%u\" height=\"%u\" alt=\"", width, height);
    html_print(out, "%s. %s", w->shows, about);
    fputs("\" src=\"", out);
    html_data("image/png", (const unsigned char *)bytes, size, out);
    fprintf(out, "\"/>\n<figcaption>%s</figcaption>\n</figure>\n", w->title);
}

int report_put_pictures(const char *folder, const char *about, FILE *out, size_t *count,
                        struct error *err)
{
    size_t all = 0;
    *count = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const struct picture_words *w = &words[i];
        size_t size;
        struct error why;
        char *path = path_of(folder, w->name);
        struct stat st;
        if (!path)
            return error_set(err, STATUS_FAILED, "out of memory");
        if (stat(path, &st)) {
            free(path);
            continue;
        }
        ++*count;
        const size_t left = REPORT_PICTURES_MOST - all;
        char *bytes = NULL;
        if (!S_ISREG(st.st_mode))
            error_set(&why, STATUS_INPUT, "%s: this is no plain file", path);
        else
            bytes = file_read(path, left < REPORT_PICTURE_MOST ? left : REPORT_PICTURE_MOST, &size,
                              &why);
        free(path);
        if (!bytes && why.status == STATUS_FAILED) {
            *err = why;
            return -1;
        }
        if (!bytes) {
            fputs("<p class=\"missing\">Left out: ", out);
            html_text(why.text, out);
            fputs(".</p>\n", out);
            continue;
        }
        all += size;
        put_picture(w, about, bytes, size, out);
        free(bytes);
    }
    return 0;
}
