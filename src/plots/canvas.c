/* SPDX-License-Identifier: MIT */
#include "plots/canvas.h"

#include <cairo.h>
#include <errno.h>
#include <math.h>
#include <png.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plots/number.h"
#include "util/file.h"

enum { TEXT_LONGEST = 1024 };

struct canvas {
    const char *path, *title;
    const struct plot_about *about;
    double height;
    cairo_surface_t *surface; /* CAIRO_FORMAT_RGB24 */
    cairo_t *cr;
    int no_memory; /* for something that was to be drawn */
};

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

static void set_font(cairo_t *cr, enum font font)
{
    cairo_select_font_face(cr, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, fonts[font].weight);
    cairo_set_font_size(cr, fonts[font].size);
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
    set_font(canvas->cr, font);
    return clean_width(canvas->cr, clean);
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

static void set_color(cairo_t *cr, unsigned color, double alpha)
{
    cairo_set_source_rgba(cr, (color >> 16 & 255) / 255.0, (color >> 8 & 255) / 255.0,
                          (color & 255) / 255.0, alpha);
}

void canvas_text(struct canvas *canvas, enum font font, enum align align, unsigned color, double x,
                 double y, double width, const char *text)
{
    char clean[TEXT_LONGEST];
    clean_text(clean, text);
    set_font(canvas->cr, font);
    shorten(canvas->cr, clean, width);
    double share = align == ALIGN_LEFT ? 0 : align == ALIGN_CENTER ? 0.5 : 1;
    set_color(canvas->cr, color, 1);
    cairo_move_to(canvas->cr, x - share * clean_width(canvas->cr, clean), y);
    cairo_show_text(canvas->cr, clean);
}

void canvas_text_rimmed(struct canvas *canvas, enum font font, double x, double y, const char *text)
{
    char clean[TEXT_LONGEST];
    clean_text(clean, text);
    cairo_t *cr = canvas->cr;
    set_font(cr, font);
    cairo_move_to(cr, x - clean_width(cr, clean) / 2, y + 0.36 * fonts[font].size);
    cairo_text_path(cr, clean);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_width(cr, 3);
    set_color(cr, 0xffffff, 0.9);
    cairo_stroke_preserve(cr);
    set_color(cr, COLOR_INK, 1);
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
static void draw_power(struct canvas *canvas, enum align align, unsigned color, double x, double y,
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
    set_color(canvas->cr, 0xffffff, 1);
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

/* ---- PNG ---- */

static void png_failed(png_structp png, png_const_charp message)
{
    struct error *err = png_get_error_ptr(png);
    if (!err->text[0])
        error_set(err, STATUS_FAILED, "libpng: %s", message);
    png_longjmp(png, 1);
}

static void png_warned(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void png_put(png_structp png, png_bytep bytes, size_t size)
{
    struct error *err = png_get_error_ptr(png);
    if (fwrite(bytes, 1, size, png_get_io_ptr(png)) == size)
        return;
    error_set(err, STATUS_FAILED, "%s", strerror(errno));
    png_error(png, "write");
}

static void png_flush_nothing(png_structp png)
{
    (void)png;
}

/* tEXt is Latin-1: anything beyond ASCII goes into an iTXt chunk. */
static png_text text_chunk(char *key, char *text)
{
    png_text chunk = {.compression = PNG_TEXT_COMPRESSION_NONE, .key = key, .text = text};
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] >= 0x80)
            chunk.compression = PNG_ITXT_COMPRESSION_NONE;
    if (chunk.compression == PNG_ITXT_COMPRESSION_NONE)
        chunk.itxt_length = size;
    else
        chunk.text_length = size;
    return chunk;
}

struct picture {
    const unsigned char *pixels; /* native 0x00RRGGBB */
    size_t stride;
    unsigned width, height;
    unsigned char *row; /* [width, 3] */
    png_text text[3];
};

static void write_rows(png_structp png, const struct picture *picture)
{
    for (unsigned y = 0; y < picture->height; y++) {
        for (unsigned x = 0; x < picture->width; x++) {
            uint32_t pixel;
            memcpy(&pixel, picture->pixels + y * picture->stride + 4 * (size_t)x, 4);
            picture->row[3 * x] = (unsigned char)(pixel >> 16);
            picture->row[3 * x + 1] = (unsigned char)(pixel >> 8);
            picture->row[3 * x + 2] = (unsigned char)pixel;
        }
        png_write_row(png, picture->row);
    }
}

/* Nothing that lives in this function changes after setjmp. */
static int write_png(FILE *stream, const struct picture *picture, struct error *err)
{
    err->text[0] = 0;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, err, png_failed, png_warned);
    if (!png)
        return err->text[0] ? -1 : error_set(err, STATUS_FAILED, "libpng: out of memory");
    png_infop info = png_create_info_struct(png);
    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return err->text[0] ? -1 : error_set(err, STATUS_FAILED, "libpng: out of memory");
    }
    png_set_write_fn(png, stream, png_put, png_flush_nothing);
    png_set_IHDR(png, info, picture->width, picture->height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_sRGB(png, info, PNG_sRGB_INTENT_RELATIVE);
    unsigned per_meter = (unsigned)lround(CANVAS_SCALE * 96 / 0.0254);
    png_set_pHYs(png, info, per_meter, per_meter, PNG_RESOLUTION_METER);
    png_set_text(png, info, picture->text, 3);
    png_write_info(png, info);
    write_rows(png, picture);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return 0;
}

static int save(struct canvas *canvas, struct error *err)
{
    const struct plot_about *about = canvas->about;
    char title[TEXT_LONGEST], software[TEXT_LONGEST], comment[TEXT_LONGEST], raw[TEXT_LONGEST];
    clean_text(title, canvas->title);
    clean_text(software, about->version);
    print_about(raw, sizeof raw, about, "run ", ", ");
    clean_text(comment, raw);
    struct picture picture = {
        .pixels = cairo_image_surface_get_data(canvas->surface),
        .stride = (size_t)cairo_image_surface_get_stride(canvas->surface),
        .width = (unsigned)cairo_image_surface_get_width(canvas->surface),
        .height = (unsigned)cairo_image_surface_get_height(canvas->surface),
        .text = {text_chunk("Title", title), text_chunk("Software", software),
                 text_chunk("Comment", comment)},
    };
    picture.row = malloc(3 * (size_t)picture.width);
    if (!picture.row)
        return error_set(err, STATUS_FAILED, "%s: out of memory", canvas->path);
    struct file_draft *draft = file_begin(canvas->path, err);
    int failed = !draft;
    if (draft && write_png(draft->stream, &picture, err)) {
        file_abort(draft);
        error_prefix(err, "%s", canvas->path);
        failed = 1;
    } else if (draft) {
        failed = file_commit(draft, err);
    }
    free(picture.row);
    return failed ? -1 : 0;
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
    set_color(canvas->cr, color, 1);
    cairo_fill(canvas->cr);
}

void canvas_frame(struct canvas *canvas, struct rect rect, unsigned color)
{
    cairo_rectangle(canvas->cr, rect.x, rect.y, rect.w, rect.h);
    cairo_set_line_width(canvas->cr, 0.5);
    set_color(canvas->cr, color, 1);
    cairo_stroke(canvas->cr);
}

void canvas_dot(struct canvas *canvas, double x, double y, double radius, unsigned color,
                double alpha)
{
    cairo_new_path(canvas->cr);
    cairo_arc(canvas->cr, x, y, radius, 0, 2 * acos(-1));
    set_color(canvas->cr, color, alpha);
    cairo_fill(canvas->cr);
}

static void segment(cairo_t *cr, double x0, double y0, double x1, double y1, double width,
                    unsigned color)
{
    cairo_move_to(cr, x0, y0);
    cairo_line_to(cr, x1, y1);
    cairo_set_line_width(cr, width);
    set_color(cr, color, 1);
    cairo_stroke(cr);
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

void canvas_heatmap(struct canvas *canvas, struct rect rect, const float *values, size_t rows,
                    size_t columns, const unsigned map[COLOR_MAP])
{
    cairo_surface_flush(canvas->surface);
    unsigned char *pixels = cairo_image_surface_get_data(canvas->surface);
    if (!pixels || !rows || !columns)
        return;
    size_t stride = (size_t)cairo_image_surface_get_stride(canvas->surface);
    size_t left = (size_t)lround(rect.x * CANVAS_SCALE),
           top = (size_t)lround(rect.y * CANVAS_SCALE);
    size_t width = (size_t)lround(rect.w * CANVAS_SCALE);
    size_t height = (size_t)lround(rect.h * CANVAS_SCALE);
    if (left + width > (size_t)cairo_image_surface_get_width(canvas->surface) ||
        top + height > (size_t)cairo_image_surface_get_height(canvas->surface))
        return;
    for (size_t y = 0; y < height; y++) {
        size_t r0, r1, c0, c1;
        cells(y, height, rows, &r0, &r1);
        for (size_t x = 0; x < width; x++) {
            cells(x, width, columns, &c0, &c1);
            double v = cell_mean(values, columns, r0, r1, c0, c1);
            uint32_t pixel = isnan(v) ? COLOR_MISSING : map[lround(v * (COLOR_MAP - 1))];
            memcpy(pixels + (top + y) * stride + 4 * (left + x), &pixel, 4);
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

static void set_dash(cairo_t *cr, enum dash dash)
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
        segment(cr, x, middle, x + 16, middle, 1.8, key->color);
        break;
    case MARK_DASHES:
        set_dash(cr, DASH_LONG);
        segment(cr, x, middle, x + 16, middle, 1.2, key->color);
        set_dash(cr, DASH_NONE);
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

/* ---- axes ---- */

double canvas_x(const struct axes *axes, double value)
{
    return axes->box.x + axes->box.w * axis_place(&axes->x, value);
}

double canvas_y(const struct axes *axes, double value)
{
    return axes->box.y + axes->box.h * (1 - axis_place(&axes->y, value));
}

/* "x10^-4" at the end of an axis. */
static void draw_factor(struct canvas *canvas, int power, double x, double y)
{
    char text[16];
    if (!power)
        return;
    number_print(text, sizeof text, "%s%d", power < 0 ? "\u2212" : "", abs(power));
    draw_power(canvas, ALIGN_RIGHT, COLOR_MUTED, x, y, "\u00d710", text);
}

/* Whether neighbouring labels below an axis would touch. */
static int crowded(struct canvas *canvas, const struct axes *axes, const struct tick *ticks, int n)
{
    double end = -INFINITY;
    for (int i = 0; i < n; i++) {
        if (!ticks[i].label[0])
            continue;
        double width = canvas_text_width(canvas, FONT_TICK, ticks[i].label) +
                       0.75 * canvas_text_width(canvas, FONT_TICK, ticks[i].power);
        double x = canvas_x(axes, ticks[i].at);
        if (x - width / 2 < end)
            return 1;
        end = x + width / 2 + 8;
    }
    return 0;
}

void canvas_x_ticks(struct canvas *canvas, const struct axes *axes)
{
    struct tick ticks[AXIS_TICKS];
    struct rect box = axes->box;
    int power, n, most = (int)(box.w / 40);
    do
        n = axis_ticks(&axes->x, most, ticks, &power);
    while (crowded(canvas, axes, ticks, n) && --most > 0);
    double bottom = box.y + box.h;
    for (int i = 0; i < n; i++) {
        double x = canvas_x(axes, ticks[i].at);
        int major = ticks[i].label[0] != 0;
        segment(canvas->cr, x, bottom, x, bottom + (major ? 4 : 2), 0.7, COLOR_FRAME);
        if (major)
            draw_power(canvas, ALIGN_CENTER, COLOR_MUTED, x, bottom + 15, ticks[i].label,
                       ticks[i].power);
    }
    draw_factor(canvas, power, box.x + box.w, bottom + 29);
}

static void draw_y_axis(struct canvas *canvas, const struct axes *axes)
{
    struct tick ticks[AXIS_TICKS];
    struct rect box = axes->box;
    int power, n = axis_ticks(&axes->y, (int)(box.h / 22), ticks, &power);
    for (int i = 0; i < n; i++) {
        double y = canvas_y(axes, ticks[i].at);
        int major = ticks[i].label[0] != 0;
        segment(canvas->cr, box.x - (major ? 4 : 2), y, box.x, y, 0.7, COLOR_FRAME);
        if (!major)
            continue;
        segment(canvas->cr, box.x, y, box.x + box.w, y, 0.7, COLOR_GRID);
        draw_power(canvas, ALIGN_RIGHT, COLOR_MUTED, box.x - 7, y + 3.6, ticks[i].label,
                   ticks[i].power);
    }
    draw_factor(canvas, power, box.x - 7, box.y - 7);
}

void canvas_axes(struct canvas *canvas, struct axes *axes, struct rect outer, const char *title,
                 const char *x_label, const char *y_label)
{
    double left = y_label ? 62 : 46, below = x_label ? 34 : 20;
    axes->box = (struct rect){outer.x + left, outer.y + CANVAS_HEAD, outer.w - left,
                              outer.h - CANVAS_HEAD - below};
    struct rect box = axes->box;
    canvas_text(canvas, FONT_PANEL, ALIGN_LEFT, COLOR_INK, box.x, outer.y + 12, box.w, title);
    draw_y_axis(canvas, axes);
    canvas_x_ticks(canvas, axes);
    segment(canvas->cr, box.x, box.y, box.x, box.y + box.h, 0.8, COLOR_FRAME);
    segment(canvas->cr, box.x, box.y + box.h, box.x + box.w, box.y + box.h, 0.8, COLOR_FRAME);
    if (x_label)
        canvas_text(canvas, FONT_LABEL, ALIGN_CENTER, COLOR_INK, box.x + box.w / 2,
                    box.y + box.h + 30, box.w, x_label);
    if (y_label)
        canvas_text_up(canvas, FONT_LABEL, outer.x + 11, box.y + box.h / 2, box.h, y_label);
}

void canvas_blank(struct canvas *canvas, const struct axes *axes, const char *text)
{
    canvas_text(canvas, FONT_LABEL, ALIGN_CENTER, COLOR_MUTED, axes->box.x + axes->box.w / 2,
                axes->box.y + axes->box.h / 2, axes->box.w, text);
}

/* ---- data ---- */

static void clip(struct canvas *canvas, struct rect box)
{
    cairo_save(canvas->cr);
    cairo_rectangle(canvas->cr, box.x - 3, box.y - 3, box.w + 6, box.h + 6);
    cairo_clip(canvas->cr);
}

static int shown(const struct axes *axes, double x, double y)
{
    return isfinite(x) && isfinite(y) && axis_place(&axes->x, x) > -1e3 &&
           axis_place(&axes->y, y) > -1e3;
}

/* The path of the run of points that begins at i; returns where it ends. Points that share a pixel
 * column become its first, lowest, highest and last one, so that a million cost what a screen
 * does. */
static size_t trace(cairo_t *cr, const struct axes *axes, const double *x, const double *y,
                    size_t i, size_t n)
{
    cairo_move_to(cr, canvas_x(axes, x[i]), canvas_y(axes, y[i]));
    while (i < n && shown(axes, x[i], y[i])) {
        double at = canvas_x(axes, x[i]), column = floor(at * CANVAS_SCALE);
        double low = INFINITY, high = -INFINITY, last = 0;
        size_t first = i;
        for (; i < n && shown(axes, x[i], y[i]); i++) {
            double px = canvas_x(axes, x[i]);
            if (floor(px * CANVAS_SCALE) != column)
                break;
            last = canvas_y(axes, y[i]);
            low = fmin(low, last);
            high = fmax(high, last);
        }
        cairo_line_to(cr, at, canvas_y(axes, y[first]));
        if (i - first > 1) {
            cairo_line_to(cr, at, low);
            cairo_line_to(cr, at, high);
            cairo_line_to(cr, at, last);
        }
    }
    return i;
}

static void polyline(struct canvas *canvas, const struct axes *axes, const double *x,
                     const double *y, size_t n, unsigned color, enum dash dash)
{
    cairo_t *cr = canvas->cr;
    clip(canvas, axes->box);
    set_dash(cr, dash);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(cr, dash == DASH_NONE ? CAIRO_LINE_CAP_ROUND : CAIRO_LINE_CAP_BUTT);
    for (size_t i = 0; i < n; i++) {
        if (!shown(axes, x[i], y[i]))
            continue;
        size_t end = trace(cr, axes, x, y, i, n);
        cairo_set_line_width(cr, 1.5);
        set_color(cr, color, 1);
        cairo_stroke(cr);
        if (dash == DASH_NONE && (n <= 12 || end == i + 1))
            for (size_t j = i; j < end; j++)
                canvas_dot(canvas, canvas_x(axes, x[j]), canvas_y(axes, y[j]), 2.5, color, 1);
        i = end;
    }
    cairo_restore(cr);
}

void canvas_line(struct canvas *canvas, const struct axes *axes, const double *x, const double *y,
                 size_t n, unsigned color)
{
    polyline(canvas, axes, x, y, n, color, DASH_NONE);
}

void canvas_dashes(struct canvas *canvas, const struct axes *axes, const double *x, const double *y,
                   size_t n, unsigned color)
{
    polyline(canvas, axes, x, y, n, color, DASH_LONG);
}

void canvas_rule(struct canvas *canvas, const struct axes *axes, double x0, double y0, double x1,
                 double y1, unsigned color, enum dash dash)
{
    clip(canvas, axes->box);
    set_dash(canvas->cr, dash);
    segment(canvas->cr, canvas_x(axes, x0), canvas_y(axes, y0), canvas_x(axes, x1),
            canvas_y(axes, y1), 1.2, color);
    cairo_restore(canvas->cr);
}

void canvas_bars(struct canvas *canvas, const struct axes *axes, const double *edge,
                 const double *height, size_t n, unsigned color)
{
    clip(canvas, axes->box);
    double base = axes->box.y + axes->box.h, pixel = 1.0 / CANVAS_SCALE;
    for (size_t i = 0; i < n;) {
        double left = canvas_x(axes, edge[i]), right, high = 0;
        do {
            right = canvas_x(axes, edge[i + 1]);
            high = fmax(high, height[i]);
        } while (++i < n && right - left < pixel);
        double gap = right - left >= 6 ? 1 : right - left >= 3 ? 0.5 : 0;
        double top = fmin(base, canvas_y(axes, high));
        cairo_rectangle(canvas->cr, left + gap / 2, top, fmax(right - left - gap, pixel),
                        base - top);
    }
    set_color(canvas->cr, color, 1);
    cairo_fill(canvas->cr);
    cairo_restore(canvas->cr);
}

void canvas_steps(struct canvas *canvas, const struct axes *axes, const double *edge,
                  const double *height, size_t n, unsigned color)
{
    if (!n)
        return;
    cairo_t *cr = canvas->cr;
    double base = axes->box.y + axes->box.h;
    clip(canvas, axes->box);
    cairo_move_to(cr, canvas_x(axes, edge[0]), base);
    for (size_t i = 0; i < n; i++) {
        double y = fmin(base, canvas_y(axes, height[i]));
        cairo_line_to(cr, canvas_x(axes, edge[i]), y);
        cairo_line_to(cr, canvas_x(axes, edge[i + 1]), y);
    }
    cairo_line_to(cr, canvas_x(axes, edge[n]), base);
    set_color(cr, color, 0.16);
    cairo_fill_preserve(cr);
    cairo_set_line_width(cr, 1.2);
    set_color(cr, color, 1);
    cairo_stroke(cr);
    cairo_restore(cr);
}

void canvas_band(struct canvas *canvas, const struct axes *axes, double x0, double x1,
                 unsigned color)
{
    cairo_save(canvas->cr);
    cairo_rectangle(canvas->cr, axes->box.x, axes->box.y, axes->box.w, axes->box.h);
    cairo_clip(canvas->cr);
    cairo_rectangle(canvas->cr, canvas_x(axes, x0), axes->box.y,
                    canvas_x(axes, x1) - canvas_x(axes, x0), axes->box.h);
    set_color(canvas->cr, color, 0.10);
    cairo_fill(canvas->cr);
    cairo_restore(canvas->cr);
}
