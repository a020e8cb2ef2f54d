/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plots/canvas.h"
#include "plots/number.h"
#include "plots/plots.h"

enum { MAP_SIZE = 560, REST = COLOR_CATEGORIES };

/* Of the numbers in the map: points. */
enum {
    LABEL_HEIGHT = 12,
    LABEL_SQUARE = 12, /* for the square of the category's colour */
    LABEL_RISE = 14,   /* least distance from the middle of the cloud */
    AIR = 2,
    DIRECTIONS = 24,
    FAR_AWAY = 12, /* as bad as covering a point of its own */
};

struct groups {
    size_t named;                        /* categories with a colour of their own */
    uint32_t id[COLOR_CATEGORIES];       /* which */
    uint64_t size[COLOR_CATEGORIES + 1]; /* points of each and, last, of the rest */
    size_t others;                       /* categories in the rest that hold a point */
    unsigned char *group;                /* [count] index of each point's group */
};

/* Where a point is drawn; NaN: nowhere. */
struct spot {
    double x, y;
};

/* The largest categories, of equal ones the first. `size` [categories] is used up. */
static void name_largest(struct groups *g, uint64_t *size, size_t categories)
{
    for (; g->named < COLOR_CATEGORIES; g->named++) {
        size_t best = 0;
        for (size_t i = 1; i < categories; i++)
            if (size[i] > size[best])
                best = i;
        if (!categories || !size[best])
            break;
        g->id[g->named] = (uint32_t)best;
        size[best] = 0;
    }
    for (size_t i = 0; i < categories; i++)
        g->others += size[i] > 0;
}

/* Deals every point to a group; without categories all belong to the first. -1: memory. */
static int groups_init(struct groups *g, const struct plot_map *map)
{
    *g = (struct groups){0};
    g->group = calloc(map->count + 1, 1);
    uint64_t *size = calloc(map->categories + 1, sizeof *size);
    if (!g->group || !size) {
        free(size);
        return -1;
    }
    if (!map->category) {
        g->named = 1;
        g->size[0] = map->count;
        free(size);
        return 0;
    }
    for (size_t i = 0; i < map->count; i++)
        if (map->category[i] < map->categories)
            size[map->category[i]]++;
    name_largest(g, size, map->categories);
    free(size);
    for (size_t i = 0; i < map->count; i++) {
        unsigned char group = 0;
        while (group < g->named && g->id[group] != map->category[i])
            group++;
        g->group[i] = group < g->named ? group : REST;
        g->size[g->group[i]]++;
    }
    return 0;
}

static int finite_point(const struct plot_map *map, size_t i)
{
    return isfinite(map->xy[2 * i]) && isfinite(map->xy[2 * i + 1]);
}

/* Fits the points into the box with one scale for both axes. */
static struct axes fit(const struct plot_map *map, struct rect box)
{
    struct axes axes = {.box = box};
    axis_clear(&axes.x);
    axis_clear(&axes.y);
    for (size_t i = 0; i < map->count; i++) {
        double x = (double)map->xy[2 * i], y = (double)map->xy[2 * i + 1];
        if (!finite_point(map, i))
            continue;
        axis_include(&axes.x, &x, 1);
        axis_include(&axes.y, &y, 1);
    }
    axis_fit(&axes.x, AXIS_LINEAR);
    axis_fit(&axes.y, AXIS_LINEAR);
    double half = fmax(axes.x.hi - axes.x.lo, axes.y.hi - axes.y.lo) / 2;
    double x = (axes.x.lo + axes.x.hi) / 2, y = (axes.y.lo + axes.y.hi) / 2;
    axes.x = (struct axis){.lo = x - half, .hi = x + half};
    axes.y = (struct axis){.lo = y - half, .hi = y + half};
    return axes;
}

static void find_spots(const struct plot_map *map, const struct axes *axes, struct spot *spots)
{
    for (size_t i = 0; i < map->count; i++)
        spots[i] = finite_point(map, i) ? (struct spot){canvas_x(axes, (double)map->xy[2 * i]),
                                                        canvas_y(axes, (double)map->xy[2 * i + 1])}
                                        : (struct spot){NAN, NAN};
}

static unsigned group_color(unsigned group)
{
    return group == REST ? (unsigned)COLOR_REST : color_category[group];
}

/* The grey rest first, so that it hides nothing; the others in their own order, so that no group
 * lies above all others. */
static void draw_points(struct canvas *canvas, const struct plot_map *map, const struct groups *g,
                        const struct spot *spots)
{
    double radius = fmin(fmax(140 / sqrt((double)map->count + 1), 0.8), 4);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < map->count; i++) {
            int rest = g->group[i] == REST;
            if (rest == pass || isnan(spots[i].x))
                continue;
            canvas_dot(canvas, spots[i].x, spots[i].y, rest ? radius : radius * 1.15,
                       group_color(g->group[i]),
                       rest            ? 0.6
                       : map->category ? 0.85
                                       : 0.45);
        }
    }
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The median of the finite points of a group along one coordinate; `room` [count]. NaN: none. */
static float median(const struct plot_map *map, const struct groups *g, unsigned group,
                    size_t coordinate, float *room)
{
    size_t n = 0;
    for (size_t i = 0; i < map->count; i++)
        if (g->group[i] == group && finite_point(map, i))
            room[n++] = map->xy[2 * i + coordinate];
    qsort(room, n, sizeof *room, ascending);
    return n ? room[n / 2] : NAN;
}

/* ---- numbers of the categories ---- */

/* What a label at (x, y) would cover of the map: points of other named categories count most.
 * Labels that lie on another, or leave the map, cover infinitely much. */
static double covered(const struct groups *g, const struct spot *spots, size_t count,
                      struct rect box, unsigned group, struct rect here, const struct rect *placed)
{
    static const double weights[] = {[0] = 4, [1] = 1, [2] = 0.3}; /* others, its own, the rest */
    double left = here.x - AIR, right = here.x + here.w + AIR, cost = 0;
    double top = here.y - AIR, bottom = here.y + here.h + AIR;
    if (left < box.x || right > box.x + box.w || top < box.y || bottom > box.y + box.h)
        return INFINITY;
    for (unsigned i = 0; i < group; i++)
        if (left < placed[i].x + placed[i].w && placed[i].x < right &&
            top < placed[i].y + placed[i].h && placed[i].y < bottom)
            return INFINITY;
    for (size_t i = 0; i < count; i++)
        if (spots[i].x > left && spots[i].x < right && spots[i].y > top && spots[i].y < bottom)
            cost += weights[g->group[i] == group ? 1 : g->group[i] == REST ? 2 : 0];
    return cost;
}

/* The place around (x, y) where a label of this width covers least; the nearer the better. */
static struct rect find_place(const struct groups *g, const struct spot *spots, size_t count,
                              struct rect box, unsigned group, double x, double y, double width,
                              const struct rect *placed)
{
    struct rect best = {x - width / 2, y - LABEL_RISE - LABEL_HEIGHT / 2.0, width, LABEL_HEIGHT};
    double least = INFINITY;
    for (double distance = LABEL_RISE; distance <= MAP_SIZE; distance *= 1.4) {
        if (distance / FAR_AWAY >= least) /* all that follow cost more */
            break;
        for (int i = 0; i < DIRECTIONS; i++) {
            double angle = 2 * acos(-1) * i / DIRECTIONS - acos(-1) / 2; /* first above */
            struct rect here = best;
            here.x = x + (distance + width / 2) * cos(angle) - width / 2;
            here.y = y + distance * sin(angle) - LABEL_HEIGHT / 2.0;
            double cost = distance / FAR_AWAY + covered(g, spots, count, box, group, here, placed);
            if (cost >= least)
                continue;
            least = cost;
            best = here;
        }
    }
    return best;
}

/* The point of a group nearest to its median; NULL: it has none. */
static const struct spot *find_anchor(const struct plot_map *map, const struct groups *g,
                                      const struct axes *axes, const struct spot *spots,
                                      unsigned group, float *room)
{
    double mx = canvas_x(axes, (double)median(map, g, group, 0, room));
    double my = canvas_y(axes, (double)median(map, g, group, 1, room)), nearest = INFINITY;
    const struct spot *anchor = NULL;
    for (size_t i = 0; i < map->count; i++) {
        double distance = hypot(spots[i].x - mx, spots[i].y - my);
        if (g->group[i] != group || !(distance < nearest))
            continue;
        nearest = distance;
        anchor = &spots[i];
    }
    return anchor;
}

/* Writes each named category's number beside its cloud, with a square of its colour and a line to
 * the middle of it. */
static void draw_labels(struct canvas *canvas, const struct plot_map *map, const struct groups *g,
                        const struct axes *axes, const struct spot *spots, float *room)
{
    struct rect placed[COLOR_CATEGORIES] = {{0}};
    for (unsigned group = 0; group < g->named; group++) {
        const struct spot *anchor = find_anchor(map, g, axes, spots, group, room);
        char text[16];
        if (!anchor)
            continue;
        double x = anchor->x, y = anchor->y;
        number_print(text, sizeof text, "%u", (unsigned)g->id[group]);
        double width = canvas_text_width(canvas, FONT_PANEL, text) + LABEL_SQUARE;
        struct rect at = find_place(g, spots, map->count, axes->box, group, x, y, width, placed);
        double middle = at.y + LABEL_HEIGHT / 2.0;
        placed[group] = at;
        canvas_leader(canvas, x, y, fmin(fmax(x, at.x), at.x + width), middle);
        canvas_fill(canvas, (struct rect){at.x, middle - 5, 10, 10}, 0xffffff);
        canvas_fill(canvas, (struct rect){at.x + 1.5, middle - 3.5, 7, 7}, group_color(group));
        canvas_text_rimmed(canvas, FONT_PANEL, at.x + (LABEL_SQUARE + width) / 2, middle, text);
    }
}

static void draw_legend(struct canvas *canvas, const struct plot_map *map, const struct groups *g,
                        double x, double y)
{
    double right = CANVAS_WIDTH - CANVAS_MARGIN;
    canvas_text(canvas, FONT_PANEL, ALIGN_LEFT, COLOR_INK, x, y, 0, "Category");
    canvas_text(canvas, FONT_TICK, ALIGN_RIGHT, COLOR_MUTED, right, y, 0, "share");
    for (unsigned group = 0; group <= REST; group++) {
        if (!g->size[group])
            continue;
        y += 20;
        char text[48], share[16];
        number_print(text, sizeof text, "%u", (unsigned)(group < g->named ? g->id[group] : 0));
        if (group == REST)
            number_print(text, sizeof text, "the other %zu", g->others);
        number_print(share, sizeof share, "%.1f%%",
                     100 * (double)g->size[group] / (double)map->count);
        struct key key = {MARK_DOT, group_color(group), text};
        canvas_key(canvas, &key, x - 4, y, right - x - 44);
        canvas_text(canvas, FONT_TICK, ALIGN_RIGHT, COLOR_INK, right, y, 0, share);
    }
}

static void write_facts(struct canvas *canvas, const struct plot_map *map, const struct groups *g)
{
    char points[32], all[32], windows[192], categories[32], text[320];
    number_count(points, sizeof points, map->count);
    number_count(all, sizeof all, map->of);
    number_print(windows, sizeof windows, "%s%s%s window%s of the %.100s", points,
                 map->of > map->count ? " of " : "", map->of > map->count ? all : "",
                 (map->of > map->count ? map->of : map->count) == 1 ? "" : "s", map->what);
    number_count(categories, sizeof categories, map->categories);
    if (!map->category)
        number_print(text, sizeof text, "%s", windows);
    else if (g->others)
        number_print(text, sizeof text,
                     "%s; the %zu largest of %s categories in colour and numbered", windows,
                     g->named, categories);
    else
        number_print(text, sizeof text, "%s, coloured by category", windows);
    canvas_subtitle(canvas, text);
    size_t left_out = 0;
    for (size_t i = 0; i < map->count; i++)
        left_out += !finite_point(map, i);
    number_print(text, sizeof text, "t-SNE with perplexity %.4g, KL divergence %.4g",
                 map->perplexity, map->kl_divergence);
    size_t used = strlen(text);
    if (left_out)
        number_print(text + used, sizeof text - used, "; %zu points are not finite and left out",
                     left_out);
    canvas_note(canvas, text);
}

int plot_latent_space_tsne(const char *path, const struct plot_about *about,
                           const struct plot_map *map, struct error *err)
{
    struct groups groups;
    float *room = malloc((map->count + 1) * sizeof *room);
    struct spot *spots = malloc((map->count + 1) * sizeof *spots);
    int ready = !groups_init(&groups, map) && room && spots;
    struct canvas *canvas = NULL;
    if (ready)
        canvas = canvas_begin(path, "Latent space", about,
                              CANVAS_TOP + MAP_SIZE + 22 + CANVAS_BOTTOM, err);
    else
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    if (canvas) {
        double side = map->category ? CANVAS_MARGIN : (CANVAS_WIDTH - MAP_SIZE) / 2.0;
        struct rect box = {side + 14, CANVAS_TOP, MAP_SIZE, MAP_SIZE};
        struct axes axes = fit(map, box);
        canvas_frame(canvas, box, COLOR_FRAME);
        canvas_text(canvas, FONT_LABEL, ALIGN_CENTER, COLOR_INK, box.x + box.w / 2,
                    box.y + box.h + 16, 0, "t-SNE 1");
        canvas_text_up(canvas, FONT_LABEL, box.x - 8, box.y + box.h / 2, 0, "t-SNE 2");
        find_spots(map, &axes, spots);
        draw_points(canvas, map, &groups, spots);
        if (map->category) {
            draw_labels(canvas, map, &groups, &axes, spots, room);
            draw_legend(canvas, map, &groups, box.x + box.w + 20, box.y + 12);
        }
        write_facts(canvas, map, &groups);
    }
    free(groups.group);
    free(room);
    free(spots);
    return canvas ? canvas_end(canvas, err) : -1;
}
