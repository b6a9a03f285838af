/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output.h"

#include <errno.h>
#include <string.h>

static bool complain(const char *path)
{
    fprintf(stderr, "csep-sim: %s cannot be written: %s\n", path, strerror(errno));
    return false;
}

static void part_of(const char *path, char *out, size_t cap)
{
    snprintf(out, cap, "%s" SIM_OUTPUT_PART, path);
}

FILE *sim_output_open(const char *path)
{
    char part[1300];
    part_of(path, part, sizeof part);
    FILE *f = fopen(part, "w");
    if (!f)
        (void)complain(path);
    return f;
}

bool sim_output_finish(const char *path)
{
    char part[1300];
    part_of(path, part, sizeof part);
    return rename(part, path) == 0 || complain(path);
}

bool sim_output_close(FILE *f, const char *path)
{
    bool bad = ferror(f);
    if (fclose(f) || bad)
        return complain(path);
    return sim_output_finish(path);
}

bool sim_output_json(const json_t *j, const char *path, size_t flags)
{
    FILE *f = sim_output_open(path);
    if (!f)
        return false;
    if (json_dumpf(j, f, flags) == 0)
        return sim_output_close(f, path);
    fclose(f);
    return complain(path);
}
