/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames. The first byte says where the payload was found, the rest is the payload. What decodes is
 * encoded again: the second encoding decodes to the same, and encodes to the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "data/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static struct frame_where where_of(uint8_t b)
{
    static const enum frame_place places[] = {PLACE_OPEN, PLACE_EARLY, PLACE_ACCEPT, PLACE_DATA};
    struct frame_where w = {.transport = b & 1 ? CSEP_TRANSPORT_UDP : CSEP_TRANSPORT_TCP,
                            .service = (enum csep_service)((b >> 1) % 3),
                            .place = places[b >> 3 & 3]};
    w.sender =
        w.place == PLACE_ACCEPT || (w.place == PLACE_DATA && b & 32) ? SENT_BY_ACCEPTOR : SENT_BY_OPENER;
    return w;
}

static void put_ack(struct wr *w, const struct frame *f)
{
    struct ack_range ranges[ACK_RANGES_MAX];
    struct ack_ranges it;
    size_t num = 0;
    frame_ack_ranges(&it, &f->u.ack);
    while (num < ACK_RANGES_MAX && frame_ack_next(&it, &ranges[num])) {
        check(ranges[num].low <= ranges[num].high && ranges[num].high <= f->u.ack.largest);
        check(num == 0 || ranges[num].high + 2 <= ranges[num - 1].low);
        num++;
    }
    frame_put_ack(w, (enum csep_frame_type)f->type, f->u.ack.delay_us, ranges, num);
}

/* Decode all and encode all; how the reading ended. */
static csep_status copy(struct view payload, const struct frame_where *where, struct wr *w)
{
    struct frames it;
    struct frame f;
    csep_status st;
    frames_init(&it, payload, where);
    while ((st = frames_next(&it, &f)) == CSEP_OK) {
        check(frame_allowed(f.type, where) == CSEP_OK);
        if (f.type == CSEP_FRAME_ACK || f.type == CSEP_FRAME_ACK_EARLY)
            put_ack(w, &f);
        else
            frame_put(w, &f);
    }
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static uint8_t first[70000], second[70000];
    if (n < 1 || n > 32768)
        return 0;
    struct frame_where where = where_of(data[0]);
    struct view payload = {data + 1, n - 1};
    struct wr w = wr_init(first, sizeof first), again = wr_init(second, sizeof second);
    csep_status checked = frames_check(payload, &where);
    csep_status st = copy(payload, &where, &w);
    check(st == (checked == CSEP_OK ? CSEP_AGAIN : checked));
    if (checked != CSEP_OK)
        return 0;
    check(wr_ok(&w));
    check(copy(view_of(first, w.len), &where, &again) == CSEP_AGAIN);
    check(again.len == w.len && memcmp(first, second, w.len) == 0);
    return 0;
}
