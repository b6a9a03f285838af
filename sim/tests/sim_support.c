/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim_support.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

char sim_out[SIM_CAUGHT_MAX], sim_err[SIM_CAUGHT_MAX];
static char folder[64];
static pid_t owner;

static void remove_folder(void)
{
    char command[128];
    if (getpid() != owner)
        return; /* a forked point */
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command))
        fprintf(stderr, "%s is left behind\n", folder);
}

const char *sim_folder(void)
{
    if (!*folder) {
        snprintf(folder, sizeof folder, "/tmp/csep-sim-test-XXXXXX");
        if (!mkdtemp(folder))
            abort();
        owner = getpid();
        atexit(remove_folder);
    }
    return folder;
}

const char *sim_file(const char *name, const char *text)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", sim_folder(), name);
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f))
        abort();
    return path;
}

static void take(FILE *f, char out[SIM_CAUGHT_MAX])
{
    rewind(f);
    out[fread(out, 1, SIM_CAUGHT_MAX - 1, f)] = 0;
    fclose(f);
}

int sim_call(const char *first, ...)
{
    char *argv[40] = {(char *)"csep-sim", (char *)first};
    int argc = 2, kept = dup(2), status;
    FILE *out = tmpfile(), *err = tmpfile();
    va_list ap;
    va_start(ap, first);
    for (char *a; (a = va_arg(ap, char *)) && argc < 39;)
        argv[argc++] = a;
    va_end(ap);
    if (!out || !err || kept < 0)
        abort();
    fflush(stderr);
    dup2(fileno(err), 2);
    status = sim_cli(argc, argv, out);
    fflush(stderr);
    dup2(kept, 2);
    close(kept);
    take(out, sim_out);
    take(err, sim_err);
    return status;
}
