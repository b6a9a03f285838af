/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `make ct`: whole TLS conversations in which key shares, PSKs, signing keys and all that is derived
 * from them are secret: full, with client authentication, after a retry, resumed, with key updates.
 */
#include "tls_peer.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/wipe.h"

static void need(bool ok)
{
    if (!ok)
        abort();
}

static void talk(struct end_options co, struct end_options so, bool resumed)
{
    uint8_t a[32], b[32], got[64];
    so.server = true;
    struct end *s = end_new(END_OURS, so), *c = end_new(END_OURS, co);
    end_pump(c, s, 0);
    need(end_established(c) && end_established(s) && end_resumed(s) == resumed);
    end_key_update(c, true);
    end_pump(c, s, 0);
    end_write(c, "request", 7);
    end_write(s, "answer", 6);
    end_pump(c, s, 0);
    need(end_read(s, got, sizeof got) == 7 && end_read(c, got, sizeof got) == 6);
    end_export(c, "EXPERIMENTAL-ct", (const uint8_t *)"x", 1, a);
    end_export(s, "EXPERIMENTAL-ct", (const uint8_t *)"x", 1, b);
    need(csep_equal(a, b, sizeof a));
    end_close(c);
    end_close(s);
    end_pump(c, s, 0);
    end_free(c);
    end_free(s);
}

/* A record, a Finished and a binder that are wrong take the same way up to the verdict. */
static void refuse(void)
{
    uint8_t buf[8192];
    struct end *s = end_new(END_OURS, (struct end_options){.server = true});
    struct end *c = end_new(END_OURS, (struct end_options){0});
    need(end_feed(s, buf, end_take(c, buf, sizeof buf)));
    size_t n = end_take(s, buf, sizeof buf);
    buf[n - 1] ^= 1;
    need(!end_feed(c, buf, n));
    end_free(c);
    end_free(s);
}

int main(void)
{
    struct end_store store = {0};
    talk((struct end_options){.name = "server.example"}, (struct end_options){0}, false);
    talk((struct end_options){.retry = true}, (struct end_options){.retry = true}, false);
    talk((struct end_options){.raw_key = true, .own_key = true, .store = &store},
         (struct end_options){.raw_key = true, .require_certificate = true}, false);
    talk((struct end_options){.raw_key = true, .own_key = true, .store = &store},
         (struct end_options){.raw_key = true, .require_certificate = true}, true);
    refuse();
    return 0;
}
