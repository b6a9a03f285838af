/* SPDX-License-Identifier: BSD-2-Clause */
#include "dot.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct text {
    char *p;
    size_t cap, len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(t->p + t->len, t->cap - t->len, format, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= t->cap - t->len)
        abort();
    t->len += (size_t)n;
}

static void edge(const struct dot_table *t, unsigned from, unsigned to, struct text *out)
{
    const char *between = "";
    for (unsigned i = 0; i < t->num_inputs; i++) {
        if (t->next(from, i) != (int)to)
            continue;
        if (!*between)
            add(out, "    %s -> %s [label=\"", t->state(from), t->state(to));
        add(out, "%s%s", between, t->input(i));
        between = "\\n";
    }
    if (*between)
        add(out, "\"];\n");
}

size_t dot_draw(const struct dot_table *t, char *out, size_t cap)
{
    struct text text = {out, cap, 0};
    add(&text, "digraph \"%s\" {\n", t->title);
    for (unsigned from = 0; from < t->num_states; from++)
        for (unsigned to = 0; t->state(from) && to < t->num_states; to++)
            if (t->state(to))
                edge(t, from, to, &text);
    add(&text, "}\n");
    return text.len;
}
