/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines in and out, and what ends over UDP and TCP have in common. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

uint64_t line_number(const json_t *line, const char *name, uint64_t otherwise)
{
    const json_t *v = json_object_get(line, name);
    return json_is_integer(v) ? (uint64_t)json_integer_value(v) : otherwise;
}

bool line_flag(const json_t *line, const char *name, bool otherwise)
{
    const json_t *v = json_object_get(line, name);
    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

static unsigned digit(char c)
{
    return c >= 'a' ? (unsigned)(c - 'a') + 10 : (unsigned)(c - '0');
}

uint8_t *line_bytes(const json_t *line, const char *name, size_t *out_len)
{
    const char *text = json_string_value(json_object_get(line, name));
    size_t n = text ? strlen(text) / 2 : 0;
    uint8_t *b = malloc(n ? n : 1);
    if (!b)
        abort();
    for (size_t i = 0; i < n; i++)
        b[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
    *out_len = n;
    return b;
}

size_t line_copy(const json_t *line, const char *name, uint8_t *out, size_t cap)
{
    size_t n;
    uint8_t *b = line_bytes(line, name, &n);
    n = n < cap ? n : cap;
    memcpy(out, b, n);
    free(b);
    return n;
}

json_t *hex(const uint8_t *b, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    char *text = malloc(2 * n + 1);
    if (!text)
        abort();
    for (size_t i = 0; i < n; i++) {
        text[2 * i] = digits[b[i] >> 4];
        text[2 * i + 1] = digits[b[i] & 15];
    }
    json_t *out = json_stringn(text, 2 * n);
    free(text);
    return out;
}

void tell_out(struct end *e, const uint8_t *b, size_t n)
{
    json_array_append_new(e->out, hex(b, n));
}

void tell_event(struct end *e, json_t *event)
{
    json_array_append_new(e->events, event);
}

/* ---- Data connections ---- */

struct csep_data_config data_config(struct end *e, const json_t *line)
{
    struct csep_data_config c = csep_data_config_default();
    c.random = host_random(e->host);
    c.alloc = host_alloc(e->host);
    c.max_data = line_number(line, "max_data", c.max_data);
    c.max_message = line_number(line, "max_message", c.max_message);
    c.max_cids = (uint8_t)line_number(line, "max_cids", c.max_cids);
    c.aead = (uint16_t)line_number(line, "aead", c.aead);
    c.offer_share = line_flag(line, "share", c.offer_share);
    c.early = line_flag(line, "early", c.early);
    c.protocol = json_string_value(json_object_get(line, "protocol"));
    return c;
}

struct csep_message_options data_options(const json_t *line)
{
    return (struct csep_message_options){
        .channel = line_number(line, "channel", 0),
        .ordered = line_flag(line, "ordered", true),
        .deadline = line_number(line, "deadline", CSEP_NEVER),
        .transmissions = (unsigned)line_number(line, "transmissions", 0),
    };
}

/* An opener's slot: given in the line, or taken from what a negotiation client of this harness was granted.
 */
csep_status data_slot(const json_t *line, uint8_t transport, uint8_t service, csep_time now,
                      struct csep_slot *out)
{
    const char *client = json_string_value(json_object_get(line, "client"));
    if (client)
        return negotiation_take(end_find(client), transport, service, out);
    *out = slot_read(json_object_get(line, "slot"), now);
    out->transport = transport;
    return CSEP_OK;
}

/* An acceptor's tickets: given in the line, or those of a negotiation server of this harness. */
csep_status data_slots(struct slot_book *book, const json_t *line, csep_time now,
                       struct csep_slot_source *out)
{
    const char *server = json_string_value(json_object_get(line, "server"));
    slot_book_add(book, json_object_get(line, "slots"), now);
    *out = server ? negotiation_slots(end_find(server)) : slot_book_source(book);
    return CSEP_OK;
}

static const char *event_name(enum csep_data_event_type t)
{
    static const char *const names[] = {
        [CSEP_DATA_EV_OPENED] = "opened",
        [CSEP_DATA_EV_CONFIRMED] = "confirmed",
        [CSEP_DATA_EV_DATAGRAM] = "datagram",
        [CSEP_DATA_EV_MESSAGE] = "message",
        [CSEP_DATA_EV_STREAM] = "stream",
        [CSEP_DATA_EV_SENT] = "sent",
        [CSEP_DATA_EV_ABANDONED] = "abandoned",
        [CSEP_DATA_EV_TICKETS] = "tickets",
        [CSEP_DATA_EV_HINT] = "hint",
        [CSEP_DATA_EV_REFUSED] = "refused",
        [CSEP_DATA_EV_RETRY] = "retry",
        [CSEP_DATA_EV_PATH] = "path",
        [CSEP_DATA_EV_KEY_UPDATE] = "key_update",
        [CSEP_DATA_EV_WRITABLE] = "writable",
        [CSEP_DATA_EV_CLOSED] = "closed",
    };
    return names[t];
}

void data_tell(struct end *e, const struct csep_data_event *ev)
{
    tell_event(e, json_pack("{s:s, s:b, s:b, s:b, s:s, s:I, s:I, s:I, s:I, s:o}", "event",
                            event_name(ev->type), "early", ev->early, "by_peer", ev->by_peer, "ordered",
                            ev->ordered, "status", csep_status_name(ev->status), "code", (json_int_t)ev->code,
                            "value", (json_int_t)ev->value, "channel", (json_int_t)ev->channel, "sequence",
                            (json_int_t)ev->sequence, "bytes", hex(ev->bytes, ev->bytes ? ev->len : 0)));
}
