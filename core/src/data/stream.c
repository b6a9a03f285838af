/* SPDX-License-Identifier: BSD-2-Clause */
/* Data connection over TCP: its life. See data/stream.h for the parts. */
#include "data/stream.h"

#include <assert.h>
#include <string.h>

#include "base/emit.h"
#include "crypto/wipe.h"
#include "data/permit.h"
#include "data/stream_state.h"

#define PENDING_MAX  CSEP_SEC(3)
#define PENDING_POLL CSEP_MS(20)
#define TICKETS_MOST 1024u
/* How much of its use the context may not know of (KEY-8). */
#define REPORT_TIME    CSEP_SEC(1)
#define REPORT_PACKETS 1024u
#define REPORT_BYTES   (1u << 20)

/* ---- Small things ---- */

size_t csep_stream_size(void)
{
    return sizeof(struct csep_stream);
}

void *stream_get(struct csep_stream *s, size_t n)
{
    void *p = s->cfg.alloc.get(s->cfg.alloc.self, n);
    if (p)
        s->heap += n;
    return p;
}

void stream_put(struct csep_stream *s, void *p, size_t n)
{
    if (!p)
        return;
    csep_wipe(p, n);
    s->heap -= n;
    s->cfg.alloc.put(s->cfg.alloc.self, p, n);
}

void stream_post(struct csep_stream *s, enum csep_data_event_type type)
{
    s->simple |= UINT32_C(1) << type;
}

void stream_set_state(struct csep_stream *s, enum csep_data_state to, csep_time now)
{
    if (to == s->state)
        return;
    assert(stream_state_may_follow(s->state, to));
    TRACE(&s->cfg.trace, now, DATA_STATE, s->state, to);
    s->state = to;
}

bool stream_is_over(const struct csep_stream *s)
{
    return s->state == CSEP_DATA_CLOSED;
}

void stream_init(struct csep_stream *s, const struct csep_data_config *cfg, csep_time now)
{
    memset(s, 0, sizeof *s);
    s->cfg = *cfg;
    s->state = CSEP_DATA_IDLE;
    s->idle_timeout = cfg->idle_timeout;
    s->opened_at = s->pending_since = CSEP_NEVER;
    s->heard_at = s->clock = s->reported_at = now;
    s->peer_max_message = 1048576; /* the default, until the peer says otherwise (DATA-111) */
}

/* ---- Keys ---- */

void stream_set_key(struct csep_stream *s, struct stream_key *k, const struct traffic_secret *secret)
{
    k->secret = *secret;
    k->number = 0;
    k->generation = 0;
    schedule_aead(&k->aead, secret, s->aead);
}

void stream_update_key(struct csep_stream *s, struct stream_key *k, bool sending, csep_time now)
{
    schedule_next(&k->secret, &k->secret); //= KEY-18
    schedule_aead(&k->aead, &k->secret, s->aead);
    k->number = 0;
    k->generation++;
    TRACE(&s->cfg.trace, now, DATA_KEY_UPDATE, sending, k->generation & 1, k->generation);
    stream_post(s, CSEP_DATA_EV_KEY_UPDATE);
}

void stream_log_key(struct csep_stream *s, const char *label, const struct traffic_secret *secret)
{
    if (s->cfg.keylog.line) //= API-2
        s->cfg.keylog.line(s->cfg.keylog.self, label, s->client_random, secret->s.b, sizeof secret->s.b);
}

void stream_derive_main(struct csep_stream *s, struct main_secrets *out, const struct x25519_shared *shared)
{
    struct hash both = hash_peek(&s->headers);
    schedule_main(out, &s->derived, shared, &both);
    CSEP_WIPE(s->derived);
    CSEP_WIPE(s->headers);
    s->exporter = out->exporter;
    s->opened = true;
    s->upgraded = shared != NULL;
    stream_log_key(s, "CSEP_CLIENT_DATA", &out->c_data);
    stream_log_key(s, "CSEP_SERVER_DATA", &out->s_data);
}

/* Everything secret that a connection at its end has no more use for. */
static void wipe_keys(struct csep_stream *s)
{
    CSEP_WIPE(s->tx);
    CSEP_WIPE(s->rx);
    CSEP_WIPE(s->priv);
    CSEP_WIPE(s->derived);
    CSEP_WIPE(s->headers);
    CSEP_WIPE(s->after_early);
    CSEP_WIPE(s->slot.secret);
}

/* ---- Usage ---- */

void stream_count(struct csep_stream *s, size_t payload_len)
{
    s->usage.packets++;
    s->usage.bytes += payload_len;
    s->total.packets++;
    s->total.bytes += payload_len;
}

csep_status stream_report(struct csep_stream *s, csep_time now)
{
    struct csep_usage u = s->usage;
    bool open = s->state == CSEP_DATA_ACCEPTED || s->state == CSEP_DATA_CONFIRMED;
    if (!s->slots.report || !(u.packets | u.bytes | u.forgeries | open))
        return CSEP_OK;
    s->usage = (struct csep_usage){0};
    s->reported_at = now;
    return s->slots.report(s->slots.self, s->slot.handle, &u, now);
}

void stream_check_usage(struct csep_stream *s, csep_time now)
{
    //= KEY-8 //= DATA-83
    if (s->state == CSEP_DATA_IDLE)
        return; /* no context yet */
    csep_status st = CSEP_OK;
    if (s->usage.packets >= REPORT_PACKETS || s->usage.bytes >= REPORT_BYTES || s->usage.forgeries ||
        now - s->reported_at >= REPORT_TIME)
        st = stream_report(s, now);
    if (st != CSEP_OK)
        stream_fail(s, st, now);
    if (s->total.packets >= s->slot.left.packets || s->total.bytes >= s->slot.left.bytes)
        stream_fail(s, CSEP_ERR_AEAD_LIMIT, now);
}

struct csep_usage csep_stream_take_usage(struct csep_stream *s)
{
    struct csep_usage u = s->usage;
    s->usage = (struct csep_usage){0};
    return u;
}

/* ---- Parameters ---- */

void stream_own_params(const struct csep_stream *s, struct frame_params *p)
{
    *p = (struct frame_params){.max_message = s->cfg.max_message,
                               .idle_timeout_ms = s->cfg.idle_timeout / CSEP_MS(1)};
    p->given = PARAM_BIT(CSEP_PARAM_MAX_MESSAGE) | PARAM_BIT(CSEP_PARAM_IDLE_TIMEOUT);
    if (s->cfg.max_data != 1048576) { //= DATA-125
        p->max_data = s->cfg.max_data;
        p->given |= PARAM_BIT(CSEP_PARAM_MAX_DATA);
    }
}

void stream_take_params(struct csep_stream *s, const struct frame_params *p)
{
    s->peer_max_message = p->max_message;
    csep_time theirs = p->idle_timeout_ms > CSEP_NEVER / CSEP_MS(1) ? 0 : CSEP_MS(p->idle_timeout_ms);
    if (theirs && (s->idle_timeout == 0 || theirs < s->idle_timeout))
        s->idle_timeout = theirs;
}

/* ---- The end ---- */

void stream_end(struct csep_stream *s, csep_status st, uint64_t code, bool by_peer, csep_time now)
{
    if (stream_is_over(s))
        return;
    s->status = st;
    s->end_code = code;
    s->ended_by_peer = by_peer;
    s->tx_next = TX_NOTHING;
    stream_stop_input(s);
    if (s->is_opener && !s->opened)
        stream_queue_keep_replayable(s);
    else
        stream_queue_clear(s);
    (void)stream_report(s, now);
    wipe_keys(s);
    TRACE(&s->cfg.trace, now, DATA_CLOSED, code, by_peer);
    stream_set_state(s, CSEP_DATA_CLOSED, now);
    stream_post(s, CSEP_DATA_EV_CLOSED);
}

/* CLOSE can go out: its key is there, or will be once END_EARLY is through. */
static bool can_send_close(const struct csep_stream *s)
{
    switch (s->tx_next) {
    case TX_ACCEPT:
    case TX_END_EARLY:
    case TX_FIRST:
    case TX_DATA:
        return true;
    default:
        return false;
    }
}

void stream_fail(struct csep_stream *s, csep_status st, csep_time now)
{
    if (stream_is_over(s) || s->status != CSEP_OK)
        return;
    uint64_t code = csep_status_wire(st == CSEP_ERR_IDLE ? CSEP_ERR_TIMEOUT : st); //= DATA-79
    if (!can_send_close(s)) {
        stream_end(s, st, code, false, now);
        return;
    }
    s->status = st;
    stream_stop_input(s);
    stream_queue_clear(s);
    s->close_wanted = true;
    s->close_code = code;
    stream_set_state(s, CSEP_DATA_CLOSING, now);
}

void csep_stream_close(struct csep_stream *s, uint64_t code, csep_time now)
{
    if (stream_is_over(s) || s->close_wanted)
        return;
    if (code != 0)
        stream_queue_clear(s);
    s->close_wanted = true;
    s->close_code = code;
    if (can_send_close(s))
        stream_set_state(s, CSEP_DATA_CLOSING, now);
    else if (!s->is_opener || code != 0 || s->queue.first == NULL)
        stream_end(s, CSEP_OK, code, false, now);
    /* else the opener waits for ACCEPT, so that what it wrote arrives */
}

/* ---- Time ---- */

static csep_time pending_deadline(const struct csep_stream *s)
{
    return csep_time_min(csep_time_add(s->pending_since, PENDING_MAX),
                         csep_time_add(s->heard_at, PENDING_POLL));
}

static csep_time idle_deadline(const struct csep_stream *s)
{
    return s->idle_timeout ? csep_time_add(s->heard_at, s->idle_timeout) : CSEP_NEVER;
}

static csep_time opening_deadline(const struct csep_stream *s)
{
    return s->opened_at == CSEP_NEVER ? idle_deadline(s) : csep_time_add(s->opened_at, s->cfg.open_timeout);
}

csep_time csep_stream_deadline(const struct csep_stream *s)
{
    if (s->simple || s->content.type || s->abandoned)
        return 0; /* output() made an event: the host comes back at once */
    switch (s->state) {
    case CSEP_DATA_IDLE:
        return s->rx_next == RX_PENDING ? csep_time_min(pending_deadline(s), opening_deadline(s))
                                        : opening_deadline(s);
    case CSEP_DATA_OPENING:
        return csep_time_min(opening_deadline(s), s->slot.expires);
    case CSEP_DATA_OPEN:
    case CSEP_DATA_ACCEPTED:
    case CSEP_DATA_CONFIRMED:
        return csep_time_min(idle_deadline(s), s->slot.expires);
    case CSEP_DATA_CLOSING:
        return idle_deadline(s);
    default:
        return CSEP_NEVER;
    }
}

/* An OPEN whose context is pending: ask again, and not for longer than 3 s. //= NEG-65 */
static void ask_again(struct csep_stream *s, csep_time now)
{
    if (now >= csep_time_add(s->pending_since, PENDING_MAX)) {
        stream_end(s, CSEP_ERR_TIMEOUT, csep_status_wire(CSEP_ERR_TIMEOUT), false, now);
        return;
    }
    s->heard_at = now;
    stream_take_open(s, s->in_len, now);
}

static void ask_context(struct csep_stream *s, csep_time now)
{
    csep_status st = stream_report(s, now);
    if (st != CSEP_OK)
        stream_fail(s, st, now);
}

void csep_stream_expire(struct csep_stream *s, csep_time now)
{
    s->clock = now;
    if (s->rx_next == RX_PENDING)
        ask_again(s, now);
    switch (s->state) {
    case CSEP_DATA_IDLE:
    case CSEP_DATA_OPENING:
        if (now >= opening_deadline(s)) //= DATA-14 //= DATA-101
            stream_fail(s, CSEP_ERR_TIMEOUT, now);
        break;
    case CSEP_DATA_CLOSING:
        if (now >= idle_deadline(s))
            stream_end(s, s->status ? s->status : CSEP_ERR_IDLE, s->close_code, false, now);
        return;
    case CSEP_DATA_CLOSED:
        return;
    default:
        if (now >= idle_deadline(s))
            stream_fail(s, CSEP_ERR_IDLE, now);
        else
            ask_context(s, now);
    }
    if (s->state != CSEP_DATA_IDLE && now >= s->slot.expires)
        stream_fail(s, CSEP_ERR_EXPIRED, now); //= DATA-83
    stream_pump(s, now);
}

/* ---- Events ---- */

static bool next_abandoned(struct csep_stream *s, struct csep_data_event *out)
{
    struct piece *p = s->abandoned;
    if (!p)
        return false;
    s->abandoned = p->next;
    *out = (struct csep_data_event){.type = CSEP_DATA_EV_ABANDONED, .id = p->id, .channel = p->channel};
    stream_free_piece(s, p);
    return true;
}

static bool next_simple(struct csep_stream *s, struct csep_data_event *out)
{
    for (unsigned type = 1; type < CSEP_DATA_EV_CLOSED; type++) {
        if (!(s->simple & UINT32_C(1) << type))
            continue;
        s->simple &= ~(UINT32_C(1) << type);
        *out = (struct csep_data_event){.type = (enum csep_data_event_type)type};
        if (type == CSEP_DATA_EV_OPENED)
            out->early = s->early;
        if (type == CSEP_DATA_EV_REFUSED)
            out->code = s->refuse_code;
        return true;
    }
    return false;
}

bool csep_stream_event(struct csep_stream *s, struct csep_data_event *out)
{
    stream_return_lent(s);
    stream_pump(s, s->clock);
    if (next_simple(s, out) || next_abandoned(s, out))
        return true;
    if (s->content.type) {
        *out = s->content;
        s->content = (struct csep_data_event){0};
        return true;
    }
    if (!(s->simple & UINT32_C(1) << CSEP_DATA_EV_CLOSED))
        return false;
    s->simple = 0; //= API-10
    *out = (struct csep_data_event){
        .type = CSEP_DATA_EV_CLOSED, .status = s->status, .code = s->end_code, .by_peer = s->ended_by_peer};
    return true;
}

enum csep_data_state csep_stream_get_state(const struct csep_stream *s)
{
    return s->state;
}

size_t csep_stream_heap(const struct csep_stream *s)
{
    return s->heap;
}

void csep_stream_wipe(struct csep_stream *s)
{
    stream_drop_input(s);
    stream_queue_clear(s);
    while (s->abandoned) {
        struct piece *p = s->abandoned;
        s->abandoned = p->next;
        stream_free_piece(s, p);
    }
    stream_messages_clear(s);
    stream_sequences_clear(s, &s->tx_sequences);
    stream_sequences_clear(s, &s->rx_sequences);
    stream_put(s, s->stage, STAGE_LEN);
    CSEP_WIPE(*s);
}

/* ---- What an application may ask for ---- */

static csep_status may_send(const struct csep_stream *s, enum csep_service service)
{
    if (s->state == CSEP_DATA_IDLE || s->state == CSEP_DATA_CLOSING || stream_is_over(s) || s->close_wanted)
        return CSEP_ERR_CLOSED;
    return s->service == service ? CSEP_OK : CSEP_ERR_SERVICE; //= DATA-61
}

csep_status csep_stream_write(struct csep_stream *s, const uint8_t *in, size_t n, csep_time now,
                              size_t *out_taken)
{
    (void)now;
    *out_taken = 0;
    csep_status st = may_send(s, CSEP_SERVICE_STREAM);
    if (st != CSEP_OK || n == 0)
        return st;
    size_t room = stream_room(s), take = n < room ? n : room;
    if (take) {
        st = stream_queue(s, PIECE_STREAM, NULL, in, take, NULL);
        if (st != CSEP_OK)
            return st;
    }
    s->queue.blocked |= take < n;
    *out_taken = take;
    return take ? CSEP_OK : CSEP_AGAIN;
}

csep_status csep_stream_send_message(struct csep_stream *s, const struct csep_message_options *opt,
                                     const uint8_t *in, size_t n, csep_time now, uint64_t *out_id)
{
    (void)now;
    csep_status st = may_send(s, CSEP_SERVICE_MESSAGE);
    if (st != CSEP_OK)
        return st;
    if (n > s->peer_max_message || n + sizeof(struct piece) > s->cfg.send_buffer || opt->channel > 65535)
        return CSEP_ERR_OVERSIZE;
    return stream_queue(s, PIECE_MESSAGE, opt, in, n, out_id);
}

bool csep_stream_replayable(struct csep_stream *s, struct csep_message_options *out_opt,
                            const uint8_t **out_bytes, size_t *out_len)
{
    const struct piece *p = stream_is_over(s) ? s->queue.at : NULL;
    if (!p)
        return false;
    s->queue.at = p->next;
    *out_opt = (struct csep_message_options){
        .channel = p->channel, .ordered = p->ordered, .replayable = true, .deadline = CSEP_NEVER};
    *out_bytes = p->data;
    *out_len = p->len;
    return true;
}

static csep_status queue_frame(struct csep_stream *s, const struct frame *f)
{
    uint8_t bytes[TICKETS_MOST + 8];
    struct wr w = wr_init(bytes, sizeof bytes);
    frame_put(&w, f);
    assert(wr_ok(&w));
    return stream_queue(s, PIECE_FRAME, NULL, bytes, w.len, NULL);
}

/* In frames small enough for the smallest record that output() makes for them. */
static csep_status queue_tickets(struct csep_stream *s, struct view list)
{
    while (list.n) {
        size_t n = 0;
        while (n < list.n && n + 1 + list.p[n] <= TICKETS_MOST)
            n += 1 + (size_t)list.p[n];
        csep_status st =
            queue_frame(s, &(struct frame){.type = CSEP_FRAME_TICKETS, .u.tickets = {list.p, n}});
        if (st != CSEP_OK)
            return st;
        list = view_of(list.p + n, list.n - n);
    }
    return CSEP_OK;
}

/* What only an acceptor says. */
static bool may_advise(const struct csep_stream *s)
{
    return !s->is_opener && !stream_is_over(s) && s->state != CSEP_DATA_IDLE && !s->close_wanted;
}

csep_status csep_stream_send_hint(struct csep_stream *s, enum csep_hint code, uint32_t seconds, csep_time now)
{
    (void)now;
    if (!may_advise(s))
        return CSEP_ERR_CLOSED;
    return queue_frame(s, &(struct frame){.type = CSEP_FRAME_HINT, .u.hint = {code, seconds}});
}

csep_status csep_stream_send_tickets(struct csep_stream *s, unsigned num, csep_time now)
{
    uint8_t list[32 * (1 + CSEP_TICKET_MAX)];
    size_t len = 0;
    if (!may_advise(s))
        return CSEP_ERR_CLOSED;
    if (!s->slots.more || s->slots.more(s->slots.self, &s->slot, num, list, sizeof list, &len, now) == 0)
        return CSEP_ERR_LIMIT;
    return queue_tickets(s, view_of(list, len)); //= CTX-10
}

csep_status csep_stream_export(const struct csep_stream *s, const char *label, const uint8_t *context,
                               size_t context_len, uint8_t *out, size_t out_len)
{
    if (!s->opened)
        return CSEP_AGAIN;
    csep_status st = permit_export(s->slot.exports, label, out_len);
    if (!st)
        schedule_export(out, out_len, &s->exporter, label, context, context_len);
    return st;
}

csep_status csep_stream_key_update(struct csep_stream *s, csep_time now)
{
    (void)now;
    if (stream_is_over(s) || s->close_wanted)
        return CSEP_ERR_CLOSED;
    bool sending = s->tx_next == TX_DATA || s->tx_next == TX_FIRST;
    if (!sending || s->update_wanted || s->tx.generation > s->rx.generation)
        return CSEP_AGAIN; //= DATA-120
    s->update_wanted = true;
    return CSEP_OK;
}
