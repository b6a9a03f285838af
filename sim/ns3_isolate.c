/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ns3_isolate.c - runs a function in a child process and brings back its bytes, or a
 * sentence about how it died. ns-3 ends the process on most of its own errors; this
 * is the wall in front of that.
 *
 * Three pipes: what csim_emit() writes, stderr, and one byte that fn's return value
 * goes through, without which the child is known not to have finished.
 */
#include "ns3.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct csim_sink {
    int fd;
    size_t left;
};

enum { BYTES, WORDS, CODE, PIPES };
enum { WORDS_MAX = 1500 };

struct csim_child {
    pid_t pid;
    int fd[PIPES]; /* -1 once at its end */
    uint64_t deadline_ms;
    size_t max_bytes, len, cap, num_words;
    uint8_t *bytes;
    char words[WORDS_MAX]; /* the end of what came on stderr */
    uint8_t code;
    bool has_code, timed_out, overflow, no_memory, ended;
    int wait_status;
};

static uint64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

bool csim_emit(csim_sink *out, const void *data, size_t len)
{
    const uint8_t *p = data;
    if (!out || (!data && len) || len > out->left)
        return false;
    out->left -= len;
    while (len > 0) {
        ssize_t n = write(out->fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

/* ---- the child ---------------------------------------------------------- */

_Noreturn static void run_child(csim_isolated_fn fn, void *arg, size_t max_bytes, int wr[PIPES], pid_t parent)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTERM, SIGINT};
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
        signal(deadly[i], SIG_DFL); /* a test runner's handlers must not run here */
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    if (getppid() != parent || dup2(wr[WORDS], STDERR_FILENO) < 0)
        _exit(100);
    struct csim_sink sink = {wr[BYTES], max_bytes};
    const int result = fn(arg, &sink);
    const uint8_t code = (uint8_t)(result >= 0 && result <= 99 ? result : 99);
    fflush(NULL);
    ssize_t n;
    do
        n = write(wr[CODE], &code, 1);
    while (n < 0 && errno == EINTR);
    _exit(n == 1 ? 0 : 100);
}

static void close_pair(int p[2])
{
    for (int i = 0; i < 2; i++)
        if (p[i] >= 0)
            close(p[i]);
}

/* ---- the parent --------------------------------------------------------- */

csim_status csim_isolated_start(csim_isolated_fn fn, void *arg, const struct csim_isolated_options *options,
                                csim_child **out)
{
    int p[PIPES][2] = {{-1, -1}, {-1, -1}, {-1, -1}}, wr[PIPES];
    if (!fn || !out)
        return CSIM_ERR_ARGUMENT;
    struct csim_child *c = calloc(1, sizeof *c);
    if (!c)
        return CSIM_ERR_MEMORY;
    bool ok = true;
    for (int i = 0; i < PIPES; i++)
        ok = ok && pipe2(p[i], O_CLOEXEC) == 0;
    c->max_bytes = options && options->max_bytes ? options->max_bytes : (size_t)1 << 30;
    c->deadline_ms = options && options->timeout_ms ? now_ms() + options->timeout_ms : UINT64_MAX;
    const pid_t parent = getpid();
    fflush(NULL); /* or the child would write our buffers a second time */
    c->pid = ok ? fork() : -1;
    if (c->pid < 0) {
        for (int i = 0; i < PIPES; i++)
            close_pair(p[i]);
        free(c);
        return CSIM_ERR_SYSTEM;
    }
    for (int i = 0; i < PIPES; i++) {
        if (c->pid == 0)
            close(p[i][0]);
        else
            close(p[i][1]);
        wr[i] = p[i][1];
        c->fd[i] = p[i][0];
    }
    if (c->pid == 0) {
        const size_t max_bytes = c->max_bytes;
        free(c);
        run_child(fn, arg, max_bytes, wr, parent);
    }
    *out = c;
    return CSIM_OK;
}

static void take_bytes(struct csim_child *c, const uint8_t *data, size_t n)
{
    if (c->len + n > c->max_bytes) {
        c->overflow = true;
        return;
    }
    if (c->len + n > c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 65536;
        while (cap < c->len + n)
            cap *= 2;
        uint8_t *more = realloc(c->bytes, cap);
        if (!more) {
            c->no_memory = true;
            return;
        }
        c->bytes = more;
        c->cap = cap;
    }
    memcpy(c->bytes + c->len, data, n);
    c->len += n;
}

static void take_words(struct csim_child *c, const uint8_t *data, size_t n)
{
    if (n >= WORDS_MAX) {
        data += n - WORDS_MAX;
        n = WORDS_MAX;
    }
    const size_t keep = c->num_words + n > WORDS_MAX ? WORDS_MAX - n : c->num_words;
    memmove(c->words, c->words + c->num_words - keep, keep);
    memcpy(c->words + keep, data, n);
    c->num_words = keep + n;
}

static void read_pipe(struct csim_child *c, int i)
{
    uint8_t buf[16384];
    const ssize_t n = read(c->fd[i], buf, sizeof buf);
    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0) {
        close(c->fd[i]);
        c->fd[i] = -1;
        return;
    }
    if (i == BYTES) {
        take_bytes(c, buf, (size_t)n);
    } else if (i == WORDS) {
        take_words(c, buf, (size_t)n);
    } else {
        c->code = buf[0];
        c->has_code = true;
    }
}

/* Pipes end when the child does, unless it left children of its own: then its code is enough. */
static void reap_if_done(struct csim_child *c)
{
    const bool open = c->fd[BYTES] >= 0 || c->fd[WORDS] >= 0 || c->fd[CODE] >= 0;
    if (c->ended || (open && !c->timed_out && !c->no_memory))
        return;
    while (waitpid(c->pid, &c->wait_status, 0) < 0 && errno == EINTR)
        ;
    c->ended = true;
    for (int i = 0; i < PIPES; i++) {
        if (c->fd[i] >= 0)
            close(c->fd[i]);
        c->fd[i] = -1;
    }
}

int csim_isolated_wait(csim_child *const *children, size_t n)
{
    struct pollfd *fds = calloc(n ? n * PIPES : 1, sizeof *fds);
    int found = -1;
    while (fds && children && found < 0) {
        uint64_t nearest = UINT64_MAX;
        size_t alive = 0;
        for (size_t i = 0; i < n && found < 0; i++) {
            struct csim_child *c = children[i];
            for (int k = 0; k < PIPES; k++) {
                fds[i * PIPES + (size_t)k].fd = c ? c->fd[k] : -1;
                fds[i * PIPES + (size_t)k].events = POLLIN;
            }
            if (!c)
                continue;
            alive++;
            if (!c->ended && !c->timed_out && now_ms() >= c->deadline_ms) {
                c->timed_out = true;
                kill(c->pid, SIGKILL);
            }
            if (c->no_memory)
                kill(c->pid, SIGKILL);
            reap_if_done(c);
            if (c->ended)
                found = (int)i;
            else if (c->deadline_ms < nearest)
                nearest = c->deadline_ms;
        }
        if (found >= 0 || alive == 0)
            break;
        const uint64_t now = now_ms();
        const int wait = nearest == UINT64_MAX   ? -1
                         : nearest <= now        ? 0
                         : nearest - now > 60000 ? 60000
                                                 : (int)(nearest - now);
        if (poll(fds, n * PIPES, wait) <= 0)
            continue;
        for (size_t i = 0; i < n * PIPES; i++)
            if (fds[i].fd >= 0 && fds[i].revents)
                read_pipe(children[i / PIPES], (int)(i % PIPES));
    }
    free(fds);
    return found;
}

static void judge(const struct csim_child *c, struct csim_result *r)
{
    char *t = r->text;
    const size_t cap = sizeof r->text;
    r->exit_code = -1;
    r->status = CSIM_ERR_FAULT;
    if (c->timed_out) {
        r->status = CSIM_ERR_TIMEOUT;
        snprintf(t, cap, "stopped: it ran longer than allowed");
    } else if (c->no_memory) {
        r->status = CSIM_ERR_MEMORY;
        snprintf(t, cap, "stopped: no memory for its output");
    } else if (WIFSIGNALED(c->wait_status)) {
        r->signal = WTERMSIG(c->wait_status);
        const char *abbrev = sigabbrev_np(r->signal), *descr = sigdescr_np(r->signal);
        snprintf(t, cap, "killed by SIG%s (%s)", abbrev ? abbrev : "?", descr ? descr : "?");
    } else if (!c->has_code) {
        snprintf(t, cap, "left by exit(%d) in the middle of its work", WEXITSTATUS(c->wait_status));
    } else if (c->code != 0) {
        r->exit_code = c->code;
        snprintf(t, cap, "returned %d", c->code);
    } else if (c->overflow) {
        snprintf(t, cap, "wrote more than %zu bytes", c->max_bytes);
    } else {
        r->exit_code = 0;
        r->status = CSIM_OK;
        return;
    }
    size_t n = c->num_words;
    while (n > 0 && (c->words[n - 1] == '\n' || c->words[n - 1] == ' '))
        n--;
    const size_t at = strlen(t);
    if (n > 0)
        snprintf(t + at, cap - at, "; last words: %.*s", (int)n, c->words);
}

csim_status csim_isolated_collect(csim_child *child, struct csim_result *out)
{
    if (!child || !out)
        return CSIM_ERR_ARGUMENT;
    memset(out, 0, sizeof *out);
    if (!child->ended && csim_isolated_wait(&child, 1) < 0) { /* no memory even for poll's list */
        kill(child->pid, SIGKILL);
        child->no_memory = true;
        reap_if_done(child);
    }
    judge(child, out);
    out->bytes = child->bytes;
    out->len = child->len;
    const csim_status st = out->status;
    free(child);
    return st;
}

csim_status csim_isolated(csim_isolated_fn fn, void *arg, const struct csim_isolated_options *options,
                          struct csim_result *out)
{
    csim_child *c;
    if (!out)
        return CSIM_ERR_ARGUMENT;
    memset(out, 0, sizeof *out);
    const csim_status st = csim_isolated_start(fn, arg, options, &c);
    if (st != CSIM_OK) {
        out->status = st;
        out->exit_code = -1;
        snprintf(out->text, sizeof out->text, "could not be started: %s", csim_status_text(st));
        return st;
    }
    return csim_isolated_collect(c, out);
}

void csim_result_free(struct csim_result *r)
{
    if (!r)
        return;
    free(r->bytes);
    r->bytes = NULL;
    r->len = 0;
}
