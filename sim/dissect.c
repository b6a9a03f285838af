/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dissect.h"

#include <stdio.h>
#include <string.h>

#include "csep/wire.h"

static bool transport(const uint8_t *p, size_t n, struct sim_wire *out)
{
    size_t header = 8;
    if (out->protocol == 6) {
        if (n < 20)
            return false;
        header = (size_t)(p[12] >> 4) * 4;
        out->tcp_flags = p[13];
    } else if (out->protocol != 17) {
        header = 0;
    }
    if (n < header)
        return false;
    out->payload = p + header;
    out->len = n - header;
    return true;
}

bool sim_dissect(const uint8_t *ip, size_t n, struct sim_wire *out)
{
    memset(out, 0, sizeof *out);
    if (n >= 20 && ip[0] >> 4 == 4) {
        size_t header = (size_t)(ip[0] & 15) * 4, total = (size_t)(ip[2] << 8 | ip[3]);
        out->protocol = ip[9];
        return header >= 20 && total >= header && total <= n && transport(ip + header, total - header, out);
    }
    if (n >= 40 && ip[0] >> 4 == 6) {
        out->protocol =
            ip[6]; /* the simulator makes no extension headers but for fragments, which are not looked into */
        return transport(ip + 40, n - 40, out);
    }
    return false;
}

const char *const sim_csep_types[] = {"OPEN", "ACCEPT", "REFUSE", "RETRY", "short", NULL};

const char *sim_csep_type(const struct sim_wire *w)
{
    if (w->protocol != 17 || !w->len || w->payload[0] < 4 || w->payload[0] > 15)
        return NULL;
    return sim_csep_types[w->payload[0] < 8 ? w->payload[0] - 4 : 4];
}

static void tcp_flags(uint8_t flags, char *buf, size_t cap)
{
    static const char *const names[] = {"FIN", "SYN", "RST"};
    size_t n = 0;
    *buf = 0;
    for (int i = 0; i < 3; i++)
        if (flags & 1 << i)
            n += (size_t)snprintf(buf + n, cap - n, "%s%s", n ? ", " : "", names[i]);
    if (flags & 16 && (flags & 7) != 1 && n < cap)
        snprintf(buf + n, cap - n, "%sACK", n ? ", " : "");
}

const char *sim_describe(const struct sim_wire *w, char *buf, size_t cap)
{
    const char *csep = sim_csep_type(w);
    if (csep)
        snprintf(buf, cap, "%s", csep);
    else if (w->protocol == 17)
        snprintf(buf, cap, "UDP");
    else if (w->protocol == 6 && w->len >= 5 && w->payload[0] >= 20 && w->payload[0] <= 23 &&
             w->payload[1] == 3)
        snprintf(buf, cap, w->payload[0] == 23 ? "TLS data" : "TLS handshake");
    else if (w->protocol == 6 && w->len)
        snprintf(buf, cap, "TCP data");
    else if (w->protocol == 6)
        tcp_flags(w->tcp_flags, buf, cap);
    else
        snprintf(buf, cap, "IP protocol %u", w->protocol);
    return buf;
}
