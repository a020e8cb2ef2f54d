/* SPDX-License-Identifier: MIT */
#include "plots/canvas.h"

#include <fontconfig/fontconfig.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plots/canvas_parts.h"
#include "plots/image.h"
#include "plots/number.h"

#define USUAL_FONT "DejaVu Sans"

enum { TEXT_LONGEST = 1024 };

static const struct {
    double size;
    cairo_font_weight_t weight;
} fonts[] = {
    [FONT_TITLE] = {17, CAIRO_FONT_WEIGHT_BOLD},   [FONT_PANEL] = {12, CAIRO_FONT_WEIGHT_BOLD},
    [FONT_LABEL] = {11, CAIRO_FONT_WEIGHT_NORMAL}, [FONT_TICK] = {10, CAIRO_FONT_WEIGHT_NORMAL},
    [FONT_SMALL] = {9, CAIRO_FONT_WEIGHT_NORMAL},  [FONT_TINY] = {7.5, CAIRO_FONT_WEIGHT_NORMAL},
};

/* ---- text ---- */

/* Length of the valid UTF-8 sequence at s (RFC 3629), or 0. */
static size_t utf8_length(const unsigned char *s)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    uint32_t point = s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (s[i] & 0x3fu);
    }
    return point < least[n] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? 0 : n;
}

/* Copies text as valid UTF-8 without control characters, cut at a character if it is too long. */
static void clean_text(char out[TEXT_LONGEST], const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t used = 0;
    while (*s && used + 5 < TEXT_LONGEST) {
        size_t n = utf8_length(s);
        if (n == 1) {
            out[used++] = *s < 0x20 || *s == 0x7f ? ' ' : (char)*s;
        } else if (n) {
            memcpy(out + used, s, n);
            used += n;
        } else {
            memcpy(out + used, "\xef\xbf\xbd", 3);
            used += 3;
        }
        s += n ? n : 1;
    }
    out[used] = 0;
}

static int is_ascii(const char *text)
{
    while (*text && (unsigned char)*text < 0x80)
        text++;
    return !*text;
}

/* Whether the font that is set lacks a character of a text. */
static int font_lacks(cairo_t *cr, const char *text)
{
    cairo_glyph_t *glyphs = NULL;
    int count = 0, lacks = 0;
    if (cairo_scaled_font_text_to_glyphs(cairo_get_scaled_font(cr), 0, 0, text, -1, &glyphs, &count,
                                         NULL, NULL, NULL) != CAIRO_STATUS_SUCCESS)
        return 0;
    for (int i = 0; i < count; i++)
        lacks |= glyphs[i].index == 0;
    cairo_glyph_free(glyphs);
    return lacks;
}

/* The family that fontconfig finds for the characters of a text; "" where it finds none. */
static void find_family(char *family, size_t size, const char *text)
{
    const FcChar8 *s = (const FcChar8 *)text;
    FcPattern *pattern = FcPatternCreate(), *found = NULL;
    FcCharSet *characters = FcCharSetCreate();
    FcResult result;
    FcChar8 *name;
    family[0] = 0;
    for (int n, left = (int)strlen(text); characters && left > 0; s += n, left -= n) {
        FcChar32 point;
        n = FcUtf8ToUcs4(s, &point, left);
        if (n <= 0)
            break;
        FcCharSetAddChar(characters, point);
    }
    if (pattern && characters && FcPatternAddCharSet(pattern, FC_CHARSET, characters) &&
        FcPatternAddString(pattern, FC_FAMILY, (const FcChar8 *)USUAL_FONT) &&
        FcConfigSubstitute(NULL, pattern, FcMatchPattern)) {
        FcDefaultSubstitute(pattern);
        found = FcFontMatch(NULL, pattern, &result);
    }
    if (found && FcPatternGetString(found, FC_FAMILY, 0, &name) == FcResultMatch)
        number_print(family, size, "%s", (const char *)name);
    if (found)
        FcPatternDestroy(found);
    if (pattern)
        FcPatternDestroy(pattern);
    if (characters)
        FcCharSetDestroy(characters);
}

static void select_family(cairo_t *cr, const char *family, enum font font)
{
    cairo_select_font_face(cr, family, CAIRO_FONT_SLANT_NORMAL, fonts[font].weight);
    cairo_set_font_size(cr, fonts[font].size);
}

/* The usual font, or, where it lacks a character of the text, another that has all of them. */
static void set_font(struct canvas *canvas, enum font font, const char *text)
{
    cairo_t *cr = canvas->cr;
    select_family(cr, USUAL_FONT, font);
    if (is_ascii(text) || !font_lacks(cr, text))
        return;
    for (int i = 0; i < 2; i++) {
        if (i)
            find_family(canvas->another, sizeof canvas->another, text);
        if (!canvas->another[0])
            continue;
        select_family(cr, canvas->another, font);
        if (!font_lacks(cr, text))
            return;
    }
    select_family(cr, USUAL_FONT, font);
}

static double clean_width(cairo_t *cr, const char *text)
{
    cairo_text_extents_t extents = {0};
    cairo_text_extents(cr, text, &extents);
    return extents.x_advance;
}

double canvas_text_width(struct canvas *canvas, enum font font, const char *text)
{
    char clean[TEXT_LONGEST];
    clean_text(clean, text);
    set_font(canvas, font, clean);
    return clean_width(canvas->cr, clean);
}

int canvas_has(struct canvas *canvas, enum font font, const char *text)
{
    char clean[TEXT_LONGEST];
    clean_text(clean, text);
    set_font(canvas, font, clean);
    return is_ascii(clean) || !font_lacks(canvas->cr, clean);
}

/* Replaces the middle of text by an ellipsis so that the most characters fit into width: names
 * that share their beginning mostly differ at their end. */
static void shorten(cairo_t *cr, char text[TEXT_LONGEST], double width)
{
    if (width <= 0 || clean_width(cr, text) <= width)
        return;
    size_t start[TEXT_LONGEST + 1], count = 0;
    for (size_t i = 0; text[i]; i++)
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            start[count++] = i;
    start[count] = strlen(text);
    char best[TEXT_LONGEST + 4] = "\u2026", candidate[TEXT_LONGEST + 4];
    size_t low = 0, high = count;
    while (low + 1 < high) {
        size_t keep = (low + high) / 2, head = start[(keep + 1) / 2];
        size_t tail = start[count - keep / 2];
        memcpy(candidate, text, head);
        memcpy(candidate + head, "\u2026", 3);
        memcpy(candidate + head + 3, text + tail, start[count] - tail + 1);
        if (clean_width(cr, candidate) <= width) {
            memcpy(best, candidate, sizeof best);
            low = keep;
        } else {
            high = keep;
        }
    }
    memcpy(text, best, TEXT_LONGEST);
    text[TEXT_LONGEST - 1] = 0;
}

void canvas_color(cairo_t *cr, unsigned color, double alpha)
{
    cairo_set_source_rgba(cr, (color >> 16 & 255) / 255.0, (color >> 8 & 255) / 255.0,
                          (color & 255) / 255.0, alpha);
}

void canvas_text(struct canvas *canvas, enum font font, enum align align, unsigned color, double x,
                 double y, double width, const char *text)
{
    char clean[TEXT_LONGEST];
    clean_text(clean, text);
    set_font(canvas, font, clean);
    shorten(canvas->cr, clean, width);
    double share = align == ALIGN_LEFT ? 0 : align == ALIGN_CENTER ? 0.5 : 1;
    canvas_color(canvas->cr, color, 1);
    cairo_move_to(canvas->cr, x - share * clean_width(canvas->cr, clean), y);
    cairo_show_text(canvas->cr, clean);
}

void canvas_text_rimmed(struct canvas *canvas, enum font font, double x, double y, const char *text)
{
    char clean[TEXT_LONGEST];
    clean_text(clean, text);
    cairo_t *cr = canvas->cr;
    set_font(canvas, font, clean);
    cairo_move_to(cr, x - clean_width(cr, clean) / 2, y + 0.36 * fonts[font].size);
    cairo_text_path(cr, clean);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_width(cr, 3);
    canvas_color(cr, 0xffffff, 0.9);
    cairo_stroke_preserve(cr);
    canvas_color(cr, COLOR_INK, 1);
    cairo_fill(cr);
}

void canvas_text_up(struct canvas *canvas, enum font font, double x, double y, double width,
                    const char *text)
{
    cairo_save(canvas->cr);
    cairo_translate(canvas->cr, x, y);
    cairo_rotate(canvas->cr, -acos(-1) / 2);
    canvas_text(canvas, font, ALIGN_CENTER, COLOR_INK, 0, 0, width, text);
    cairo_restore(canvas->cr);
}

/* label with its power raised behind it: 10^-4. */
void canvas_power(struct canvas *canvas, enum align align, unsigned color, double x, double y,
                  const char *label, const char *power)
{
    double base = canvas_text_width(canvas, FONT_TICK, label), raised = 0;
    if (*power)
        raised = 0.75 * canvas_text_width(canvas, FONT_TICK, power);
    x -= (align == ALIGN_LEFT ? 0 : align == ALIGN_CENTER ? 0.5 : 1) * (base + raised);
    canvas_text(canvas, FONT_TICK, ALIGN_LEFT, color, x, y, 0, label);
    if (!*power)
        return;
    cairo_set_font_size(canvas->cr, 0.75 * fonts[FONT_TICK].size);
    cairo_move_to(canvas->cr, x + base, y - 0.4 * fonts[FONT_TICK].size);
    cairo_show_text(canvas->cr, power);
}

/* ---- figure ---- */

struct canvas *canvas_begin(const char *path, const char *title, const struct plot_about *about,
                            double height, struct error *err)
{
    struct canvas *canvas = calloc(1, sizeof *canvas);
    if (!canvas) {
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
        return NULL;
    }
    height = fmin(ceil(height), CANVAS_TALLEST);
    *canvas = (struct canvas){.path = path, .title = title, .about = about, .height = height};
    canvas->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, CANVAS_SCALE * CANVAS_WIDTH,
                                                 CANVAS_SCALE * (int)height);
    canvas->cr = cairo_create(canvas->surface);
    cairo_scale(canvas->cr, CANVAS_SCALE, CANVAS_SCALE);
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_set_font_options(canvas->cr, options);
    cairo_font_options_destroy(options);
    canvas_color(canvas->cr, 0xffffff, 1);
    cairo_paint(canvas->cr);
    canvas_text(canvas, FONT_TITLE, ALIGN_LEFT, COLOR_INK, CANVAS_MARGIN, 32,
                CANVAS_WIDTH - 2 * CANVAS_MARGIN, title);
    return canvas;
}

void canvas_subtitle(struct canvas *canvas, const char *text)
{
    canvas_text(canvas, FONT_LABEL, ALIGN_LEFT, COLOR_MUTED, CANVAS_MARGIN, 51,
                CANVAS_WIDTH - 2 * CANVAS_MARGIN, text);
}

/* Run, epoch and version. */
static void print_about(char *out, size_t size, const struct plot_about *about, const char *before,
                        const char *between)
{
    char epoch[64] = "";
    if (about->epoch)
        number_print(epoch, sizeof epoch, "%sepoch %ld", between, about->epoch);
    number_print(out, size, "%s%s%s%s%s", before, about->run, epoch, between, about->version);
}

void canvas_note(struct canvas *canvas, const char *text)
{
    char about[TEXT_LONGEST];
    print_about(about, sizeof about, canvas->about, "", " \u00b7 ");
    double room = CANVAS_WIDTH - 2 * CANVAS_MARGIN, y = canvas->height - 14;
    double width = fmin(canvas_text_width(canvas, FONT_SMALL, about), 0.45 * room);
    canvas_text(canvas, FONT_SMALL, ALIGN_RIGHT, COLOR_MUTED, CANVAS_WIDTH - CANVAS_MARGIN, y,
                width, about);
    canvas_text(canvas, FONT_SMALL, ALIGN_LEFT, COLOR_MUTED, CANVAS_MARGIN, y, room - width - 16,
                text);
}

static int save(struct canvas *canvas, struct error *err)
{
    const struct plot_about *about = canvas->about;
    char title[TEXT_LONGEST], software[TEXT_LONGEST], comment[TEXT_LONGEST], raw[TEXT_LONGEST];
    clean_text(title, canvas->title);
    clean_text(software, about->version);
    print_about(raw, sizeof raw, about, "run ", ", ");
    clean_text(comment, raw);
    const struct image image = {
        .pixels = cairo_image_surface_get_data(canvas->surface),
        .stride = (size_t)cairo_image_surface_get_stride(canvas->surface),
        .width = (unsigned)cairo_image_surface_get_width(canvas->surface),
        .height = (unsigned)cairo_image_surface_get_height(canvas->surface),
        .dots_per_inch = CANVAS_SCALE * 96,
        .text = {{(char[]){"Title"}, title},
                 {(char[]){"Software"}, software},
                 {(char[]){"Comment"}, comment}},
    };
    return image_write(canvas->path, &image, err);
}

void canvas_short(struct canvas *canvas)
{
    canvas->no_memory = 1;
}

int canvas_end(struct canvas *canvas, struct error *err)
{
    cairo_surface_flush(canvas->surface);
    cairo_status_t status = cairo_status(canvas->cr);
    int failed = status != CAIRO_STATUS_SUCCESS;
    if (failed)
        error_set(err, STATUS_FAILED, "%s: cairo: %s", canvas->path,
                  cairo_status_to_string(status));
    else if (canvas->no_memory)
        failed = error_set(err, STATUS_FAILED, "%s: out of memory", canvas->path);
    else
        failed = save(canvas, err);
    cairo_destroy(canvas->cr);
    cairo_surface_destroy(canvas->surface);
    free(canvas);
    return failed ? -1 : 0;
}

/* ---- shapes ---- */

void canvas_fill(struct canvas *canvas, struct rect rect, unsigned color)
{
    cairo_rectangle(canvas->cr, rect.x, rect.y, rect.w, rect.h);
    canvas_color(canvas->cr, color, 1);
    cairo_fill(canvas->cr);
}

void canvas_frame(struct canvas *canvas, struct rect rect, unsigned color)
{
    cairo_rectangle(canvas->cr, rect.x, rect.y, rect.w, rect.h);
    cairo_set_line_width(canvas->cr, 0.5);
    canvas_color(canvas->cr, color, 1);
    cairo_stroke(canvas->cr);
}

void canvas_dot(struct canvas *canvas, double x, double y, double radius, unsigned color,
                double alpha)
{
    cairo_new_path(canvas->cr);
    cairo_arc(canvas->cr, x, y, radius, 0, 2 * acos(-1));
    canvas_color(canvas->cr, color, alpha);
    cairo_fill(canvas->cr);
}

void canvas_segment(cairo_t *cr, double x0, double y0, double x1, double y1, double width,
                    unsigned color)
{
    cairo_move_to(cr, x0, y0);
    cairo_line_to(cr, x1, y1);
    cairo_set_line_width(cr, width);
    canvas_color(cr, color, 1);
    cairo_stroke(cr);
}

void canvas_leader(struct canvas *canvas, double x0, double y0, double x1, double y1)
{
    canvas_segment(canvas->cr, x0, y0, x1, y1, 0.8, COLOR_INK);
}

/* Mean of the values in rows [r0, r1) and columns [c0, c1), NaN where none is a number. */
static double cell_mean(const float *values, size_t columns, size_t r0, size_t r1, size_t c0,
                        size_t c1)
{
    double sum = 0;
    size_t count = 0;
    for (size_t r = r0; r < r1; r++) {
        for (size_t c = c0; c < c1; c++) {
            double v = (double)values[r * columns + c];
            if (isnan(v))
                continue;
            sum += fmin(fmax(v, 0), 1);
            count++;
        }
    }
    return count ? sum / (double)count : NAN;
}

/* The cells [first, last) of n that pixel i of size covers: at least one. */
static void cells(size_t i, size_t size, size_t n, size_t *first, size_t *last)
{
    *first = i * n / size;
    *last = (i + 1) * n / size;
    if (*last <= *first)
        *last = *first + 1;
}

/* Pixels of the surface that a rect is drawn to. */
struct area {
    unsigned char *at; /* the first */
    size_t stride, width, height;
};

/* 0: the rect does not lie within the figure. The caller marks the surface dirty. */
static int draw_pixels(struct canvas *canvas, struct rect rect, struct area *area)
{
    cairo_surface_flush(canvas->surface);
    unsigned char *pixels = cairo_image_surface_get_data(canvas->surface);
    if (!pixels)
        return 0;
    const size_t left = (size_t)lround(rect.x * CANVAS_SCALE),
                 top = (size_t)lround(rect.y * CANVAS_SCALE);
    area->stride = (size_t)cairo_image_surface_get_stride(canvas->surface);
    area->width = (size_t)lround(rect.w * CANVAS_SCALE);
    area->height = (size_t)lround(rect.h * CANVAS_SCALE);
    area->at = pixels + top * area->stride + 4 * left;
    return left + area->width <= (size_t)cairo_image_surface_get_width(canvas->surface) &&
           top + area->height <= (size_t)cairo_image_surface_get_height(canvas->surface);
}

void canvas_heatmap(struct canvas *canvas, struct rect rect, const float *values, size_t rows,
                    size_t columns, const unsigned map[COLOR_MAP])
{
    struct area area;
    if (!rows || !columns || !draw_pixels(canvas, rect, &area))
        return;
    for (size_t y = 0; y < area.height; y++) {
        size_t r0, r1, c0, c1;
        cells(y, area.height, rows, &r0, &r1);
        for (size_t x = 0; x < area.width; x++) {
            cells(x, area.width, columns, &c0, &c1);
            double v = cell_mean(values, columns, r0, r1, c0, c1);
            uint32_t pixel = isnan(v) ? COLOR_MISSING : map[lround(v * (COLOR_MAP - 1))];
            memcpy(area.at + y * area.stride + 4 * x, &pixel, 4);
        }
    }
    cairo_surface_mark_dirty(canvas->surface);
}

/* Mean of the pixels in rows [r0, r1) and columns [c0, c1), as 0x00RRGGBB. */
static uint32_t pixel_mean(const unsigned char *rgb, size_t width, size_t r0, size_t r1, size_t c0,
                           size_t c1)
{
    uint64_t sum[3] = {0};
    const uint64_t count = (uint64_t)(r1 - r0) * (c1 - c0);
    for (size_t r = r0; r < r1; r++)
        for (const unsigned char *at = rgb + 3 * (r * width + c0); at < rgb + 3 * (r * width + c1);
             at += 3)
            for (int i = 0; i < 3; i++)
                sum[i] += at[i];
    for (int i = 0; i < 3; i++)
        sum[i] = (sum[i] + count / 2) / count;
    return (uint32_t)(sum[0] << 16 | sum[1] << 8 | sum[2]);
}

void canvas_image(struct canvas *canvas, struct rect rect, const unsigned char *rgb, size_t width,
                  size_t height)
{
    struct area area;
    if (!width || !height || !draw_pixels(canvas, rect, &area))
        return;
    for (size_t y = 0; y < area.height; y++) {
        size_t r0, r1, c0, c1;
        cells(y, area.height, height, &r0, &r1);
        for (size_t x = 0; x < area.width; x++) {
            cells(x, area.width, width, &c0, &c1);
            const uint32_t pixel = pixel_mean(rgb, width, r0, r1, c0, c1);
            memcpy(area.at + y * area.stride + 4 * x, &pixel, 4);
        }
    }
    cairo_surface_mark_dirty(canvas->surface);
}

void canvas_colorbar(struct canvas *canvas, struct rect rect, const unsigned map[COLOR_MAP],
                     const char *low, const char *middle, const char *high)
{
    float ramp[COLOR_MAP];
    for (int i = 0; i < COLOR_MAP; i++)
        ramp[i] = (float)i / (COLOR_MAP - 1);
    canvas_heatmap(canvas, rect, ramp, 1, COLOR_MAP, map);
    canvas_frame(canvas, rect, COLOR_FRAME);
    double y = rect.y + rect.h + 11;
    if (low)
        canvas_text(canvas, FONT_SMALL, ALIGN_LEFT, COLOR_MUTED, rect.x, y, 0, low);
    if (middle)
        canvas_text(canvas, FONT_SMALL, ALIGN_CENTER, COLOR_MUTED, rect.x + rect.w / 2, y, 0,
                    middle);
    if (high)
        canvas_text(canvas, FONT_SMALL, ALIGN_RIGHT, COLOR_MUTED, rect.x + rect.w, y, 0, high);
}

/* ---- legends ---- */

void canvas_dash(cairo_t *cr, enum dash dash)
{
    static const double lengths[] = {5, 3}, dots[] = {1.5, 2};
    if (dash == DASH_NONE)
        cairo_set_dash(cr, NULL, 0, 0);
    else
        cairo_set_dash(cr, dash == DASH_LONG ? lengths : dots, 2, 0);
}

void canvas_ring(struct canvas *canvas, double x, double y, unsigned color)
{
    canvas_dot(canvas, x, y, 4, color, 1);
    canvas_dot(canvas, x, y, 2.4, 0xffffff, 1);
}

double canvas_key(struct canvas *canvas, const struct key *key, double x, double y, double width)
{
    cairo_t *cr = canvas->cr;
    double middle = y - 3.5;
    switch (key->mark) {
    case MARK_LINE:
        canvas_segment(cr, x, middle, x + 16, middle, 1.8, key->color);
        break;
    case MARK_WIDE:
        canvas_segment(cr, x, middle, x + 16, middle, CANVAS_WIDE, key->color);
        break;
    case MARK_DASHES:
        canvas_dash(cr, DASH_LONG);
        canvas_segment(cr, x, middle, x + 16, middle, 1.2, key->color);
        canvas_dash(cr, DASH_NONE);
        break;
    case MARK_DOT:
        canvas_dot(canvas, x + 8, middle, 4, key->color, 1);
        break;
    case MARK_RING:
        canvas_ring(canvas, x + 8, middle, key->color);
        break;
    case MARK_BAR:
        canvas_fill(canvas, (struct rect){x + 2, middle - 4, 12, 8}, key->color);
        break;
    }
    double text = canvas_text_width(canvas, FONT_TICK, key->text), room = width - 21;
    canvas_text(canvas, FONT_TICK, ALIGN_LEFT, COLOR_INK, x + 21, y, room, key->text);
    return 21 + fmin(text, room);
}

void canvas_legend(struct canvas *canvas, const struct axes *axes, const struct key *keys,
                   size_t count)
{
    double x = axes->box.x, end = axes->box.x + axes->box.w;
    for (size_t i = 0; i < count; i++)
        if (end - x > 40)
            x += canvas_key(canvas, &keys[i], x, axes->box.y - 7, end - x) + 14;
}
