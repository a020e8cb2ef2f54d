/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "plots/canvas.h"
#include "plots/number.h"
#include "plots/plots.h"

enum {
    BLOCK = 164,   /* height of an example, with the air below it */
    PICTURE = 148, /* of its picture */
    STRIP = 340,   /* width of its picture */
    FRAME_GAP = 3,
    GAP = 18,  /* between picture and text */
    TITLE = 9, /* baseline of the file's name below the top */
    SAID = 30, /* of what is said */
    SAID_LINE = 16,
    SAID_LINES = 3,
    RIGHT_LINE = 14, /* of what is right to say */
    INDENT = 10,
    EXACT = 0x00785a, /* dark enough for text */
    PIECE = 256,      /* bytes of a word that is set at once */
};

#define ELLIPSIS "\u2026"
#define BULLET "\u00b7"

/* ---- text in lines ---- */

/* Where text flows: lines of a width. */
struct flow {
    struct canvas *canvas;
    enum font font;
    unsigned color;
    double left, width, x; /* x: where the line goes on, from the left */
    double y, line;        /* baseline, and the height of a line */
    size_t lines;          /* that are left, with this one */
    int *lacks;            /* becomes 1 where no font has a character */
};

/* Bytes of the character at s, whatever is there. */
static size_t character(const char *s)
{
    size_t n = 1;
    while (n < 4 && ((unsigned char)s[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* What chooses among the glyphs of the character before, or joins two: fonts that are drawn a
 * character at a time have nothing for it. */
static int is_invisible(const char *s)
{
    return !strncmp(s, "\u200d", 3) || !strncmp(s, "\ufe0e", 3) || !strncmp(s, "\ufe0f", 3);
}

/* Emoji and other symbols, U+2190 to U+2BFF and beyond U+FFFF, which fonts of a language lack. */
static int is_symbol(const char *s)
{
    const unsigned char *at = (const unsigned char *)s;
    return at[0] >= 0xf0 || (at[0] == 0xe2 && at[1] >= 0x86 && at[1] < 0xb0);
}

static int is_blank(char c)
{
    return (unsigned char)c <= ' ' || c == 0x7f;
}

static size_t blanks(const char *text)
{
    size_t n = 0;
    while (text[n] && is_blank(text[n]))
        n++;
    return n;
}

/* A stretch of a word that one font may have, without what is invisible, into piece; returns its
 * bytes in the word. */
static size_t next_piece(const char *word, size_t size, char piece[PIECE])
{
    const int symbols = is_symbol(word);
    size_t used = 0, i = 0;
    for (size_t n; i < size; i += n) {
        n = character(word + i);
        if (is_invisible(word + i))
            continue;
        if (is_symbol(word + i) != symbols || used + n >= PIECE)
            break;
        memcpy(piece + used, word + i, n);
        used += n;
    }
    piece[used] = 0;
    return i;
}

static double word_width(const struct flow *f, const char *word, size_t size)
{
    char piece[PIECE];
    double width = 0;
    for (size_t i = 0; i < size;) {
        i += next_piece(word + i, size - i, piece);
        width += canvas_text_width(f->canvas, f->font, piece);
    }
    return width;
}

static void draw_word(struct flow *f, const char *word, size_t size)
{
    char piece[PIECE];
    for (size_t i = 0; i < size;) {
        i += next_piece(word + i, size - i, piece);
        *f->lacks |= !canvas_has(f->canvas, f->font, piece);
        canvas_text(f->canvas, f->font, ALIGN_LEFT, f->color, f->left + f->x, f->y, 0, piece);
        f->x += canvas_text_width(f->canvas, f->font, piece);
    }
}

/* Whether so much goes into the line; in the last one there is room for an ellipsis, unless it is
 * the end. */
static int goes_in(const struct flow *f, double width, int is_end)
{
    const double mark =
        f->lines > 1 || is_end ? 0 : canvas_text_width(f->canvas, f->font, ELLIPSIS);
    return f->x + width + mark <= f->width;
}

/* 0: there is no other line. */
static int next_line(struct flow *f)
{
    if (f->lines <= 1) {
        draw_word(f, ELLIPSIS, strlen(ELLIPSIS));
        return 0;
    }
    f->lines--;
    f->x = 0;
    f->y += f->line;
    return 1;
}

/* A word that is wider than a line, or that has no blanks as the language has none: it goes on in
 * the next line anywhere. */
static int flow_characters(struct flow *f, const char *word, size_t size, int is_end)
{
    for (size_t i = 0, n; i < size; i += n) {
        n = character(word + i);
        const double width = word_width(f, word + i, n);
        if (!goes_in(f, width, is_end && i + n == size) && f->x > 0 && !next_line(f))
            return 0;
        draw_word(f, word + i, n);
    }
    return 1;
}

static int flow_word(struct flow *f, const char *word, size_t size, int is_end)
{
    const double blank = f->x > 0 ? canvas_text_width(f->canvas, f->font, "n") / 2 : 0;
    const double width = size < PIECE ? word_width(f, word, size) : f->width + 1;
    if (width > f->width) {
        f->x += blank;
        return flow_characters(f, word, size, is_end);
    }
    if (goes_in(f, blank + width, is_end))
        f->x += blank;
    else if (f->x > 0 && !next_line(f))
        return 0;
    /* the last line may be too narrow for the word and an ellipsis */
    if (!goes_in(f, width, is_end))
        return flow_characters(f, word, size, is_end);
    draw_word(f, word, size);
    return 1;
}

/* What comes behind it begins in the next line. */
static void flow_text(struct flow *f, const char *text)
{
    size_t size;
    for (text += blanks(text); *text; text += size + blanks(text + size)) {
        for (size = 0; text[size] && !is_blank(text[size]); size++)
            ;
        if (!flow_word(f, text, size, !text[size + blanks(text + size)]))
            break;
    }
    f->x = 0;
    f->y += f->line;
}

/* ---- pictures ---- */

/* Columns in which the frames, all as large as the first, are largest, of several such those that
 * leave fewer places open. */
static size_t columns_of(const struct plot_caption *c, double *scale)
{
    const double width = (double)c->frame->width, height = (double)c->frame->height;
    double most = 0;
    size_t best = 1;
    *scale = 0;
    for (size_t columns = 1; columns <= c->frames; columns++) {
        const double across = (double)columns, rows = ceil((double)c->frames / across);
        const double x = (STRIP - FRAME_GAP * (across - 1)) / across / width;
        const double y = (PICTURE - FRAME_GAP * (rows - 1)) / rows / height;
        const double worth = fmin(x, y) * sqrt((double)c->frames / (rows * across));
        if (worth > most) {
            most = worth;
            *scale = fmin(x, y);
            best = columns;
        }
    }
    return best;
}

static void draw_frames(struct canvas *canvas, const struct plot_caption *c, double top)
{
    double scale;
    if (!c->frames || !c->frame->width || !c->frame->height)
        return;
    const size_t columns = columns_of(c, &scale);
    const double width = scale * (double)c->frame->width, height = scale * (double)c->frame->height;
    const double across = width * (double)columns + FRAME_GAP * (double)(columns - 1);
    for (size_t i = 0; i < c->frames; i++) {
        const struct plot_frame *frame = &c->frame[i];
        const struct rect rect = {
            CANVAS_MARGIN + (STRIP - across) / 2 + (width + FRAME_GAP) * (double)(i % columns),
            top + (height + FRAME_GAP) * (double)(i / columns), width, height};
        canvas_image(canvas, rect, frame->rgb, frame->width, frame->height);
        canvas_frame(canvas, rect, COLOR_FRAME);
    }
}

/* ---- an example ---- */

/* The file's name, and at the right what the caption is worth. */
static void draw_title(struct canvas *canvas, const struct plot_caption *c, double left, double y)
{
    const double right = CANVAS_WIDTH - CANVAS_MARGIN;
    char worth[64] = "";
    if (isfinite(c->score))
        number_print(worth, sizeof worth, "score %.3f%s", c->score, c->exact ? "  " : "");
    const double exact = c->exact ? canvas_text_width(canvas, FONT_TICK, "exact") : 0;
    const double width = exact + canvas_text_width(canvas, FONT_TICK, worth);
    canvas_text(canvas, FONT_TICK, ALIGN_LEFT, COLOR_MUTED, left, y, right - left - width - 12,
                c->title);
    canvas_text(canvas, FONT_TICK, ALIGN_RIGHT, COLOR_MUTED, right - exact, y, 0, worth);
    if (c->exact)
        canvas_text(canvas, FONT_TICK, ALIGN_RIGHT, EXACT, right, y, 0, "exact");
}

/* The references, each with a dot in front, as many as there is room for. */
static void draw_references(struct flow *f, const struct plot_caption *c, double bottom)
{
    for (size_t i = 0; i < c->references; i++) {
        const size_t room = (size_t)((bottom - f->y) / f->line) + 1; /* lines */
        const size_t left = c->references - i;
        char more[64];
        if (room == 1 && left > 1) {
            number_print(more, sizeof more, "and %zu more", left);
            f->lines = 1;
            flow_text(f, more);
            return;
        }
        canvas_text(f->canvas, f->font, ALIGN_LEFT, f->color, f->left - INDENT, f->y, 0, BULLET);
        /* each of the others has a line */
        f->lines = room >= left ? room - left + 1 : 1;
        flow_text(f, c->reference[i]);
    }
}

static void draw_example(struct canvas *canvas, const struct plot_caption *c, double top,
                         int *lacks)
{
    const double left = CANVAS_MARGIN + STRIP + GAP;
    struct flow said = {.canvas = canvas,
                        .font = FONT_PANEL,
                        .color = c->exact ? EXACT : COLOR_INK,
                        .left = left,
                        .width = CANVAS_WIDTH - CANVAS_MARGIN - left,
                        .y = top + SAID,
                        .line = SAID_LINE,
                        .lines = SAID_LINES,
                        .lacks = lacks};
    draw_frames(canvas, c, top);
    draw_title(canvas, c, left, top + TITLE);
    flow_text(&said, c->generated[blanks(c->generated)] ? c->generated : "(nothing)");
    struct flow right = said;
    right.font = FONT_TICK;
    right.color = COLOR_MUTED;
    right.left += INDENT;
    right.width -= INDENT;
    right.x = 0;
    right.line = RIGHT_LINE;
    draw_references(&right, c, top + PICTURE);
}

int plot_captions(const char *path, const struct plot_about *about,
                  const struct plot_captions *captions, struct error *err)
{
    const size_t count = captions->count < PLOT_CAPTIONS ? captions->count : PLOT_CAPTIONS;
    int lacks = 0;
    struct canvas *canvas = canvas_begin(path, "Captions", about,
                                         CANVAS_TOP + BLOCK * (double)count + CANVAS_BOTTOM, err);
    if (!canvas)
        return -1;
    canvas_subtitle(canvas, captions->what);
    for (size_t i = 0; i < count; i++)
        draw_example(canvas, &captions->caption[i], CANVAS_TOP + BLOCK * (double)i, &lacks);
    canvas_note(canvas, lacks ? "Boxes: no font that is installed has these characters."
                              : "Bold: the model's caption. Below it: the references.");
    return canvas_end(canvas, err);
}
