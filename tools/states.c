/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints the state tables of the core from the tables themselves: states [--tsv | --dot FOLDER]
 *
 * As text for people; as tab-separated lines (machine, state, input, what follows), which
 * tools/checks/states.py compares with docs/spec.md; as one Graphviz file for each machine.
 */
#include <stdio.h>
#include <string.h>

#include "data/state.h"
#include "data/stream_state.h"
#include "dot.h"
#include "negotiate/table.h"
#include "tls/engine.h"

#include "csep/context.h"

#define WAYS_MAX 8u /* states that may follow one input */

struct machine {
    const char *name;
    unsigned num_states, num_inputs;
    const char *(*state)(unsigned s);                  /* NULL: not of this machine */
    const char *(*input)(unsigned i);                  /* NULL: likewise */
    int (*next)(unsigned s, unsigned i, unsigned way); /* a state, NONE, DROP */
};
enum { NONE = -1, DROP = -2 };

/* ---- The machines ---- */

static const char *context_state(unsigned s)
{
    return csep_ctx_state_name((enum csep_ctx_state)s);
}

static const char *context_input(unsigned i)
{
    return csep_ctx_input_name((enum csep_ctx_input)i);
}

static int context_next(unsigned s, unsigned i, unsigned way)
{
    return way ? NONE : csep_ctx_next((enum csep_ctx_state)s, (enum csep_ctx_input)i);
}

static int neg_next_of(bool server, unsigned s, unsigned i, unsigned way)
{
    return way ? NONE : neg_next(server, (enum neg_state)s, (enum neg_input)i);
}

static const char *neg_state_in(bool server, unsigned s)
{
    return neg_state_of(server, (enum neg_state)s) ? neg_state_name((enum neg_state)s) : NULL;
}

/* An input that leads nowhere from anywhere is the other end's. */
static const char *neg_input_in(bool server, unsigned i)
{
    for (unsigned s = 0; s < NEG_STATE_COUNT; s++)
        if (neg_next(server, (enum neg_state)s, (enum neg_input)i) >= 0)
            return neg_input_name((enum neg_input)i);
    return NULL;
}

#define NEGOTIATION(role, is_server)                                                                         \
    static const char *role##_state(unsigned s)                                                              \
    {                                                                                                        \
        return neg_state_in(is_server, s);                                                                   \
    }                                                                                                        \
    static const char *role##_input(unsigned i)                                                              \
    {                                                                                                        \
        return neg_input_in(is_server, i);                                                                   \
    }                                                                                                        \
    static int role##_next(unsigned s, unsigned i, unsigned way)                                             \
    {                                                                                                        \
        return neg_next_of(is_server, s, i, way);                                                            \
    }
NEGOTIATION(client, false)
NEGOTIATION(server, true)

static const char *data_state(unsigned s)
{
    return csep_data_state_name((enum csep_data_state)s);
}

static const char *data_input(unsigned i)
{
    return data_input_name((enum data_input)i);
}

static int data_next(unsigned s, unsigned i, unsigned way)
{
    int to = way ? STATE_NEVER : data_state_next((enum csep_data_state)s, (enum data_input)i);
    return to == STATE_DROP ? DROP : to == STATE_NEVER ? NONE : to;
}

static const char *stream_state(unsigned s)
{
    return s == CSEP_DATA_DRAINING ? NULL : data_state(s);
}

static const char *stream_input(unsigned i)
{
    return stream_input_name((enum stream_input)i);
}

static int stream_next(unsigned s, unsigned i, unsigned way)
{
    unsigned may = stream_state_next((enum csep_data_state)s, (enum stream_input)i);
    return may >> way & 1 ? (int)way : NONE;
}

static int tls_next_of(const struct tls_rule rules[TLS_NUM_STATES][TLS_NUM_INPUTS], unsigned s, unsigned i,
                       unsigned way)
{
    const struct tls_rule *r = &rules[s][i];
    if (!r->handle)
        return way ? NONE : TLS_FAILED; /* unexpected_message */
    bool filler =
        way >= TLS_BRANCHES || (way && r->next[way] == 0); /* no rule leads back to the first state */
    return filler ? NONE : (int)r->next[way];
}

static const char *tls_state_in(const char *role, unsigned s)
{
    const char *name = tls_state_name((enum tls_state)s);
    return !strncmp(name, role, strlen(role)) || s == TLS_FAILED ? name : NULL;
}

static const char *tls_client_state(unsigned s)
{
    return tls_state_in("CLIENT", s);
}

static const char *tls_server_state(unsigned s)
{
    return tls_state_in("SERVER", s);
}

static const char *tls_input(unsigned i)
{
    return tls_input_name((enum tls_input)i);
}

static int tls_client_next(unsigned s, unsigned i, unsigned way)
{
    return tls_next_of(tls_client_rules, s, i, way);
}

static int tls_server_next(unsigned s, unsigned i, unsigned way)
{
    return tls_next_of(tls_server_rules, s, i, way);
}

static const struct machine machines[] = {
    {"context", CSEP_CTX_STATE_COUNT, CSEP_CTX_INPUT_COUNT, context_state, context_input, context_next},
    {"negotiation-client", NEG_STATE_COUNT, NEG_INPUT_COUNT, client_state, client_input, client_next},
    {"negotiation-server", NEG_STATE_COUNT, NEG_INPUT_COUNT, server_state, server_input, server_next},
    {"data", CSEP_DATA_STATE_COUNT, DATA_INPUT_COUNT, data_state, data_input, data_next},
    {"stream", CSEP_DATA_STATE_COUNT, STREAM_INPUT_COUNT, stream_state, stream_input, stream_next},
    {"tls-client", TLS_NUM_STATES, TLS_NUM_INPUTS, tls_client_state, tls_input, tls_client_next},
    {"tls-server", TLS_NUM_STATES, TLS_NUM_INPUTS, tls_server_state, tls_input, tls_server_next},
};
#define NUM_MACHINES (sizeof machines / sizeof machines[0])

/* ---- As text ---- */

/* "CLOSED CLOSING", "drop", "-". */
static void cell(const struct machine *m, unsigned s, unsigned i, char *out, size_t cap)
{
    *out = 0;
    for (unsigned way = 0; way < WAYS_MAX; way++) {
        int to = m->next(s, i, way);
        if (to == NONE)
            continue;
        size_t n = strlen(out);
        snprintf(out + n, cap - n, "%s%s", n ? " " : "", to == DROP ? "drop" : m->state((unsigned)to));
    }
    if (!*out)
        snprintf(out, cap, "-");
}

static void print_tsv(const struct machine *m)
{
    char text[256];
    for (unsigned s = 0; s < m->num_states; s++)
        for (unsigned i = 0; m->state(s) && i < m->num_inputs; i++) {
            if (!m->input(i))
                continue;
            cell(m, s, i, text, sizeof text);
            printf("%s\t%s\t%s\t%s\n", m->name, m->state(s), m->input(i), text);
        }
}

/* One block for each state, its inputs by what they lead to: a table of these columns fits no screen. */
static void print_text(const struct machine *m)
{
    char text[256];
    printf("%s\n", m->name);
    for (unsigned s = 0; s < m->num_states; s++) {
        if (!m->state(s))
            continue;
        printf("  %s\n", m->state(s));
        for (unsigned i = 0; i < m->num_inputs; i++) {
            if (!m->input(i))
                continue;
            cell(m, s, i, text, sizeof text);
            if (strcmp(text, "-") != 0)
                printf("    %-22s %s\n", m->input(i), text);
        }
    }
    printf("\n");
}

/* ---- As drawings: each way of an input is an input of its own ---- */

static const struct machine *drawn;

static const char *dot_input(unsigned i)
{
    return drawn->input(i / WAYS_MAX);
}

static int dot_next(unsigned s, unsigned i)
{
    if (!drawn->input(i / WAYS_MAX))
        return -1;
    int to = drawn->next(s, i / WAYS_MAX, i % WAYS_MAX);
    return to < 0 ? -1 : to;
}

static bool draw(const struct machine *m, const char *folder)
{
    static char text[65536];
    char path[1024];
    drawn = m;
    struct dot_table t = {m->name, m->num_states, m->num_inputs * WAYS_MAX, m->state, dot_input, dot_next};
    size_t n = dot_draw(&t, text, sizeof text);
    snprintf(path, sizeof path, "%s/%s.dot", folder, m->name);
    FILE *f = fopen(path, "w");
    bool ok = f && fwrite(text, 1, n, f) == n;
    if ((f && fclose(f)) || !ok) {
        perror(path);
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    bool tsv = argc == 2 && !strcmp(argv[1], "--tsv"), dot = argc == 3 && !strcmp(argv[1], "--dot"),
         ok = true;
    if (argc > 1 && !tsv && !dot) {
        fprintf(stderr, "usage: %s [--tsv | --dot FOLDER]\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < NUM_MACHINES; i++) {
        if (dot)
            ok &= draw(&machines[i], argv[2]);
        else
            (tsv ? print_tsv : print_text)(&machines[i]);
    }
    return ok ? 0 : 1;
}
