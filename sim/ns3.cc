/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ns3.cc - the simulation itself: errors, life cycle, time, timers, randomness.
 * Nodes and addresses are in ns3_net.cc, links in ns3_link.cc, sockets in ns3_udp.cc,
 * ns3_tcp.cc and ns3_tcp_sock.cc.
 */
#include "ns3_private.h"

#include <algorithm>
#include <cinttypes>
#include <cstdarg>

#include "ns3/boolean.h"
#include "ns3/global-value.h"
#include "ns3/object-factory.h"
#include "ns3/rng-seed-manager.h"

using namespace ns3;

/* ---- status and errors -------------------------------------------------- */

static char error_text[512];
static csim *the_one; /* ns-3 has one simulator per process, in global variables */

csim_status csim_fail(csim_status s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(error_text, sizeof error_text, fmt, ap);
    va_end(ap);
    return s;
}

const char *csim_error(void)
{
    return error_text;
}

static const struct {
    const char *name, *text;
} status_row[] = {
#define CSIM_STATUS_ROW(name, text) {#name, text},
    CSIM_STATUS_LIST(CSIM_STATUS_ROW)
#undef CSIM_STATUS_ROW
};

const char *csim_status_name(csim_status s)
{
    return csim_raw(s) < CSIM_STATUS_COUNT ? status_row[s].name : "UNKNOWN";
}

const char *csim_status_text(csim_status s)
{
    return csim_raw(s) < CSIM_STATUS_COUNT ? status_row[s].text : "unknown status";
}

/* ---- life cycle --------------------------------------------------------- */

void csim_options_default(struct csim_options *o)
{
    if (!o)
        return;
    memset(o, 0, sizeof *o);
    o->checksums = true;
    o->trace_hash = true;
    csim_tcp_options_default(&o->tcp);
}

csim_status csim_create(uint64_t seed, uint64_t run, const struct csim_options *options, csim **out)
{
    if (!out)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_create: null pointer");
    *out = nullptr;
    if (the_one)
        return csim_fail(CSIM_ERR_BUSY, "csim_create: the earlier simulation has not been destroyed");
    struct csim_options opt;
    csim_options_default(&opt);
    if (options)
        opt = *options;
    csim_status st = csim_tcp_options_check(&opt.tcp);
    if (st != CSIM_OK)
        return st;
    return csim_guard("csim_create", [&] {
        std::unique_ptr<csim> s(new csim());
        s->seed = seed;
        s->run = run;
        s->opt = opt;
        s->hash = CSIM_FNV_START;
        /* ns-3's own generator wants 1 <= seed < 4294944443 and checks it with an abort. */
        RngSeedManager::SetSeed((uint32_t)(1 + seed % UINT64_C(4294944442)));
        RngSeedManager::SetRun(run);
        if (!GlobalValue::BindFailSafe("ChecksumEnabled", BooleanValue(opt.checksums)))
            return csim_fail(CSIM_ERR_FAULT, "csim_create: ns-3 has no ChecksumEnabled");
        ObjectFactory scheduler;
        scheduler.SetTypeId("ns3::PriorityQueueScheduler");
        Simulator::SetScheduler(scheduler);
        *out = the_one = s.release();
        return CSIM_OK;
    });
}

csim_status csim_destroy(csim *s)
{
    if (!s)
        return CSIM_OK;
    if (s->running)
        return csim_fail(CSIM_ERR_STATE, "csim_destroy: called from a callback");
    csim_status st = csim_guard("csim_destroy", [&] {
        csim_udp_detach_all(s);
        csim_tcp_detach_all(s);
        Simulator::Destroy();
        csim_links_close(s);
        if (!s->write_error.empty())
            return csim_fail(CSIM_ERR_FILE, "capture %s could not be written completely",
                             s->write_error.c_str());
        return CSIM_OK;
    });
    the_one = nullptr;
    delete s;
    return st;
}

/* ---- time --------------------------------------------------------------- */

uint64_t csim_now(const csim *s)
{
    return s ? (uint64_t)Simulator::Now().GetNanoSeconds() : 0;
}

uint64_t csim_events(const csim *s)
{
    return s ? Simulator::GetEventCount() : 0;
}

static csim_status run(csim *s, const char *where)
{
    s->running = true;
    s->stop_requested = false;
    csim_status st = csim_guard(where, [] {
        Simulator::Run();
        return CSIM_OK;
    });
    s->running = false;
    s->run_generation++;
    return st;
}

csim_status csim_run(csim *s)
{
    if (!s)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_run: null pointer");
    if (s->running)
        return csim_fail(CSIM_ERR_STATE, "csim_run: called from a callback");
    return run(s, "csim_run");
}

/*
 * Stops the run when nothing is left to do at the present time. Events at the same
 * time run in the order in which they were made, and may make more; so this one puts
 * itself at the end again until no other ran in between.
 */
static void stop_when_quiet(csim *s, uint64_t generation, uint64_t seen)
{
    if (generation != s->run_generation)
        return;
    const uint64_t count = Simulator::GetEventCount();
    if (seen != 0 && count - seen <= 1)
        Simulator::Stop();
    else
        Simulator::ScheduleNow(&stop_when_quiet, s, generation, count);
}

csim_status csim_run_until(csim *s, uint64_t time)
{
    if (!s)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_run_until: null pointer");
    if (s->running)
        return csim_fail(CSIM_ERR_STATE, "csim_run_until: called from a callback");
    const uint64_t now = csim_now(s);
    if (time < now || time > CSIM_TIME_MAX)
        return csim_fail(CSIM_ERR_ARGUMENT,
                         "csim_run_until: time %" PRIu64 " ns is before now (%" PRIu64 ") or over 2^60", time,
                         now);
    csim_status st = csim_guard("csim_run_until", [&] {
        Simulator::Schedule(NanoSeconds(time - now), &stop_when_quiet, s, s->run_generation, UINT64_C(0));
        return CSIM_OK;
    });
    return st == CSIM_OK ? run(s, "csim_run_until") : st;
}

void csim_stop(csim *s)
{
    if (!s || !s->running)
        return;
    s->stop_requested = true;
    Simulator::Stop();
}

csim_status csim_at(csim *s, uint64_t time, void (*fn)(void *arg), void *arg)
{
    if (!s || !fn)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_at: null pointer");
    const uint64_t now = csim_now(s);
    if (time < now || time > CSIM_TIME_MAX)
        return csim_fail(CSIM_ERR_ARGUMENT,
                         "csim_at: time %" PRIu64 " ns is before now (%" PRIu64 ") or over 2^60", time, now);
    return csim_guard("csim_at", [&] {
        Simulator::Schedule(NanoSeconds(time - now), fn, arg);
        return CSIM_OK;
    });
}

/* Lazy: an event that comes too early looks at the deadline and goes on waiting. */
static void timer_arm(csim_timer *t, uint64_t at);

static void timer_event(csim_timer *t, uint64_t generation)
{
    if (generation != t->generation)
        return;
    t->event_at = CSEP_NEVER;
    if (t->deadline == CSEP_NEVER)
        return;
    if (t->deadline > csim_now(t->sim)) {
        timer_arm(t, t->deadline);
        return;
    }
    t->deadline = CSEP_NEVER;
    t->fn(t->arg);
}

static void timer_arm(csim_timer *t, uint64_t at)
{
    t->generation++;
    t->event_at = at;
    Simulator::Schedule(NanoSeconds(at - csim_now(t->sim)), &timer_event, t, t->generation);
}

csim_status csim_timer_new(csim *s, void (*fn)(void *arg), void *arg, csim_timer **out)
{
    if (!s || !fn || !out)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_timer_new: null pointer");
    return csim_guard("csim_timer_new", [&] {
        s->timers.emplace_back(new csim_timer{s, fn, arg, CSEP_NEVER, CSEP_NEVER, 0});
        *out = s->timers.back().get();
        return CSIM_OK;
    });
}

csim_status csim_timer_set(csim_timer *t, uint64_t deadline)
{
    if (!t)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_timer_set: null pointer");
    if (deadline != CSEP_NEVER && deadline > CSIM_TIME_MAX)
        deadline = CSIM_TIME_MAX;
    const uint64_t now = csim_now(t->sim);
    t->deadline = std::max(deadline, now);
    if (t->deadline == CSEP_NEVER || t->deadline >= t->event_at)
        return CSIM_OK;
    return csim_guard("csim_timer_set", [&] {
        timer_arm(t, t->deadline);
        return CSIM_OK;
    });
}

uint64_t csim_timer_deadline(const csim_timer *t)
{
    return t ? t->deadline : CSEP_NEVER;
}

/* ---- randomness: xoshiro256** seeded by splitmix64, integers only -------- */

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = *x += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

csim_rng *csim_rng_get(csim *s, const std::string &name)
{
    std::unique_ptr<csim_rng> &slot = s->rngs[name];
    if (!slot) {
        slot.reset(new csim_rng());
        uint64_t x = s->seed;
        x = splitmix(&x) ^ s->run;
        x = splitmix(&x) ^ csim_fnv(CSIM_FNV_START, name.data(), name.size());
        for (uint64_t &w : slot->s)
            w = splitmix(&x);
    }
    return slot.get();
}

csim_rng *csim_rng_open(csim *s, const char *name)
{
    csim_rng *r = nullptr;
    if (!s || !name) {
        csim_fail(CSIM_ERR_ARGUMENT, "csim_rng_open: null pointer");
        return nullptr;
    }
    (void)csim_guard("csim_rng_open", [&] {
        r = csim_rng_get(s, std::string("user/") + name);
        return CSIM_OK;
    });
    return r;
}

static uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

uint64_t csim_rng_u64(csim_rng *r)
{
    uint64_t *s = r->s;
    const uint64_t result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t csim_rng_below(csim_rng *r, uint64_t n)
{
    if (n == 0)
        return 0;
    const uint64_t reject = (0 - n) % n; /* so that every value has the same share */
    for (;;) {
        uint64_t x = csim_rng_u64(r);
        if (x >= reject)
            return x % n;
    }
}

double csim_rng_unit(csim_rng *r)
{
    return (double)(csim_rng_u64(r) >> 11) * 0x1p-53;
}

void csim_rng_fill(void *rng, uint8_t *out, size_t n)
{
    csim_rng *r = static_cast<csim_rng *>(rng);
    while (n > 0) {
        uint64_t x = csim_rng_u64(r);
        for (int i = 0; i < 8 && n > 0; i++, n--, x >>= 8)
            *out++ = (uint8_t)x;
    }
}
