/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    return sim_cli(argc, argv, stdout);
}
