/* SPDX-License-Identifier: BSD-3-Clause */
/* Two panels by gnuplot: what a gigabyte costs the sender, and how fast it goes. */
#include <stdio.h>
#include <string.h>

#include "ladder/ladder.h"

static unsigned print_data(FILE *to, const struct result *results, unsigned count)
{
    unsigned rows = 0;

    fputs("$steps << EOD\n", to);
    for (unsigned i = 0; i < count; i++) {
        const struct result *r = &results[i];
        if (r->sender.why[0] != '\0')
            continue;
        fprintf(to, "\"%s\"", r->sender.step->label);
        for (unsigned link = 0; link < LINKS; link++) {
            const struct samples *s = &r->link[link];
            if (s->count == 0)
                fputs(" 0 0 0", to);
            else
                fprintf(to, " %.4f %.4f %.4f", summarize(s->sender_s_per_gb, s->count).median,
                        summarize(s->receiver_s_per_gb, s->count).median,
                        summarize(s->gbps, s->count).median);
        }
        fputc('\n', to);
        rows++;
    }
    fputs("EOD\n", to);
    return rows;
}

bool plot_svg(const struct options *options, const struct result *results, unsigned count,
              char error[ERROR_BYTES])
{
    FILE *to = popen("gnuplot", "we");

    snprintf(error, ERROR_BYTES, "no plot: apt-get install gnuplot-nox");
    if (to == NULL)
        return false;
    unsigned rows = print_data(to, results, count);
    fprintf(to,
            "set terminal svg size 900,740 background '#ffffff' font 'sans-serif,12'\n"
            "set termoption noenhanced\nset output '%s'\n"
            "set multiplot\n"
            "set style data histogram\nset style histogram clustered gap 1\n"
            "set style fill solid 0.9 noborder\nset boxwidth 0.9\n"
            "set grid ytics lc '#dddddd'\nset border 3\nset ytics nomirror\n"
            "set yrange [0:*]\nset xrange [-0.6:%u-0.4]\nset key top center horizontal\n"
            "set lmargin 10\nset rmargin 4\nset offsets 0,0,graph 0.15,0\n"
            "set size 1,0.42\nset origin 0,0.58\nset bmargin 1\nunset xtics\n"
            "set title 'CPU seconds of the sender per GB (lower is better)'\n"
            "plot $steps using 2 title 'packets of up to 64 KiB' lc '#1f6fb4', "
            "'' using 5 title 'packets of 1500 bytes' lc '#e08214'\n"
            "set size 1,0.58\nset origin 0,0\nset bmargin 9\n"
            "set xtics nomirror scale 0 rotate by 40 right noenhanced\n"
            "set title 'Gb/s (higher is better)'\n"
            "plot $steps using 4:xtic(1) notitle lc '#1f6fb4', "
            "'' using 7 notitle lc '#e08214'\n",
            options->plot, rows);
    return pclose(to) == 0;
}
