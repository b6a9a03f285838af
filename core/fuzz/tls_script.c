/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls_script.h"

#include <stdlib.h>
#include <string.h>

#include "tls_puppet.h"

#define MAX_STEPS 64u

static void need(bool ok)
{
    if (!ok)
        abort();
}

static void say_bent(struct puppet *p, enum tls_input what, struct rd *r)
{
    uint8_t msg[4096];
    size_t n = puppet_make(p, what, msg);
    for (unsigned edits = rd_u8(r) & 7; edits > 0; edits--) {
        size_t at = rd_u16(r);
        msg[at % n] = rd_u8(r);
    }
    puppet_send(p, msg, n);
}

static void step(struct puppet *p, struct rd *r)
{
    unsigned op = rd_u8(r), what = op & 0x3f, len = op & 0x1f;
    if (op < 0x40 || op >= 0x80) {
        what %= TLS_NUM_INPUTS;
        if (op >= 0x80 && what != TLS_INPUT_APPLICATION_DATA && what != TLS_INPUT_CHANGE_CIPHER_SPEC)
            say_bent(p, what, r);
        else
            puppet_say(p, what);
        return;
    }
    unsigned type = op >= 0x60 ? rd_u8(r) : 0;
    struct rd bytes = rd_sub(r, len);
    if (bytes.bad)
        return;
    if (op >= 0x60)
        puppet_record(p, type, bytes.p, bytes.n);
    else
        end_feed(p->engine, bytes.p, bytes.n);
    puppet_listen(p);
}

static void check(struct puppet *p)
{
    struct csep_secure *s = end_secure(p->engine);
    uint8_t buf[256], out[32];
    csep_status failure = end_failure(p->engine);
    unsigned flags = s->ops->flags(s);

    if (failure) {
        need((flags & ~(unsigned)(CSEP_SECURE_PEER_CLOSED | CSEP_SECURE_CLOSED | CSEP_SECURE_RESUMED)) ==
             CSEP_SECURE_FAILED);
        need(s->ops->input(s, buf, 0, 0) == failure);
        need(s->ops->exporter(s, "EXPERIMENTAL-x", NULL, 0, out, sizeof out) == failure);
        need(s->ops->read(s, buf, sizeof buf) == 0);
        return;
    }
    while (s->ops->read(s, buf, sizeof buf) > 0)
        ;
    if (flags & CSEP_SECURE_CAN_WRITE)
        need(s->ops->write(s, buf, 10, 0) == CSEP_OK);
    if (flags & CSEP_SECURE_CONFIRMED) {
        struct csep_identity id;
        s->ops->peer_identity(s, &id);
        need(id.present || !p->server); /* a client always knows whom it talks to */
    }
}

void tls_script_run(bool engine_is_server, const uint8_t *data, size_t n)
{
    struct rd r = rd_init(data, n);
    unsigned o = rd_u8(&r);
    struct puppet_options how = {{.server = engine_is_server,
                                  .retry = o & 1,
                                  .raw_key = o & 2,
                                  .own_key = o & 4,
                                  .require_certificate = o & 8,
                                  .no_compat = o & 16,
                                  .no_tickets = o & 32,
                                  .name = o & 64 ? "a.example" : NULL},
                                 (o & 128) != 0};
    end_restart_seeds();
    struct puppet *p = puppet_new(how);
    p->lenient = true;
    for (unsigned steps = 0; rd_more(&r) && steps < MAX_STEPS; steps++) {
        step(p, &r);
        check(p);
    }
    end_close(p->engine);
    puppet_listen(p);
    puppet_free(p); /* asserts that all memory came back, wiped */
}
