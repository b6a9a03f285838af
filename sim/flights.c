/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flights of the protocols that no real stack plays here. Sizes are UDP or TCP
 * payload bytes. All of them assume the profile of the real rows where they can: one Ed25519
 * certificate of 229 bytes, X25519, a session ticket of 32 bytes. Where they come from:
 *
 *   TLS 1.3   what OpenSSL 3.0 sends in rows B1 and B2
 *   QUIC      RFC 9000: 14.1 (datagrams with Initial packets have 1200 bytes), 8.1 (three times what came
 *             in until the address is proved), 17.2.5 (Retry); RFC 9001: 5.3 (tag of 16)
 *   DTLS 1.3  RFC 9147: 4 (header of 13 and 5), 5.1 (cookie in HelloRetryRequest); messages as in TLS
 *   IKEv2     RFC 7296: 1.2, 2.6 (COOKIE); 28 header, SA 44, KE 40, Ni 36, NAT detection 56; with the same
 * certificate and a signature of 64; ESP RFC 4303 in UDP (RFC 3948): SPI, number, IV 8, padding 2, tag 16 NTS
 * RFC 8915: 4 (records), 5.7: eight cookies of 104 bytes; NTP packet 48 with fields 180 TCP       Fast Open,
 * RFC 7413: a SYN of 52 bytes with its cookie, here a UDP datagram of 44 bytes more
 */
#include "model.h"

enum {
    CH = 177,     /* TLS ClientHello record */
    CH_PSK = 266, /* with ticket and binder */
    SH_FIN = 577, /* ServerHello ... Finished, full handshake */
    SH_PSK = 229, /* ServerHello, EncryptedExtensions, Finished */
    FIN = 64,     /* change cipher spec, Finished */
    END_EARLY = 84,
    RECORD = 22, /* TLS 1.3 record header, type and tag */
    QUIC = 1200,
    QUIC_SHORT = 29, /* first byte, id of 8, number of 2, frame of 2, tag of 16 */
    DTLS = 18,
};

/* clang-format off */
#define UP(label_, ...)    {SIM_UP, SIM_VIA_UDP, SIM_PLAIN, label_, {__VA_ARGS__}}
#define DOWN(label_, ...)  {SIM_DOWN, SIM_VIA_UDP, SIM_PLAIN, label_, {__VA_ARGS__}}
#define TCP_UP(label_, n)  {SIM_UP, SIM_VIA_TCP, SIM_PLAIN, label_, {n}}
#define TCP_DOWN(label_, n) {SIM_DOWN, SIM_VIA_TCP, SIM_PLAIN, label_, {n}}
#define REQUEST(label_, n) {SIM_UP, SIM_VIA_UDP, SIM_REQUEST, label_, {n}}
#define REPLY(label_, n)   {SIM_DOWN, SIM_VIA_UDP, SIM_REPLY, label_, {n}}
/* clang-format on */

const struct sim_model sim_model_b4 = {
    .flights =
        {
            UP("Initial: ClientHello", QUIC),
            DOWN("Initial: ServerHello, Handshake: ... Finished", QUIC),
            REQUEST("Handshake: Finished, 1-RTT: request", 90 + QUIC_SHORT),
            REPLY("1-RTT: reply", QUIC_SHORT),
        },
    .repeated = {
        REQUEST("Initial: ClientHello, 0-RTT: request", QUIC - 100),
        DOWN("Initial: ServerHello, Handshake: ... Finished", QUIC),
        REPLY("1-RTT: reply", QUIC_SHORT),
    }};

const struct sim_model sim_model_b4_retry = {
    .flights = {
        UP("Initial: ClientHello", QUIC),
        DOWN("Retry", 130),
        UP("Initial: token, ClientHello", QUIC),
        DOWN("Initial: ServerHello, Handshake: ... Finished", QUIC),
        REQUEST("Handshake: Finished, 1-RTT: request", 90 + QUIC_SHORT),
        REPLY("1-RTT: reply", QUIC_SHORT),
    }};

const struct sim_model sim_model_b4_cert = {
    .flights = {
        UP("Initial: ClientHello", QUIC),
        DOWN("Initial: ServerHello, Handshake: Certificate", QUIC, QUIC, QUIC),
        UP("Initial: ACK, Handshake: ACK", QUIC),
        DOWN("Handshake: Certificate, CertificateVerify, Finished", QUIC, 800),
        REQUEST("Handshake: Finished, 1-RTT: request", 90 + QUIC_SHORT),
        REPLY("1-RTT: reply", QUIC_SHORT),
    }};

const struct sim_model sim_model_b5 = {.flights = {
                                           REQUEST("Initial: ClientHello, 0-RTT: request", QUIC - 100),
                                           DOWN("Initial: ServerHello, Handshake: ... Finished", QUIC),
                                           REPLY("1-RTT: reply", QUIC_SHORT),
                                       }};

const struct sim_model sim_model_b5_retry = {
    .flights = {
        UP("Initial: ClientHello, 0-RTT: request", QUIC),
        DOWN("Retry", 130),
        REQUEST("Initial: token, ClientHello, 0-RTT: request", QUIC - 100),
        DOWN("Initial: ServerHello, Handshake: ... Finished", QUIC),
        REPLY("1-RTT: reply", QUIC_SHORT),
    }};

const struct sim_model sim_model_b6 = {.flights = {
                                           UP("ClientHello", CH + DTLS),
                                           DOWN("ServerHello ... Finished", SH_FIN + 2 * DTLS),
                                           REQUEST("Finished, request", FIN + 2 * DTLS),
                                           REPLY("reply", DTLS + 5),
                                       }};

const struct sim_model sim_model_b6_cookie = {.flights = {
                                                  UP("ClientHello", CH + DTLS),
                                                  DOWN("HelloRetryRequest with cookie", 150),
                                                  UP("ClientHello with cookie", CH + DTLS + 60),
                                                  DOWN("ServerHello ... Finished", SH_FIN + 2 * DTLS),
                                                  REQUEST("Finished, request", FIN + 2 * DTLS),
                                                  REPLY("reply", DTLS + 5),
                                              }};

const struct sim_model sim_model_b8 = {.flights = {
                                           UP("IKE_SA_INIT request", 248),
                                           DOWN("IKE_SA_INIT response", 256),
                                           UP("IKE_AUTH request", 720),
                                           DOWN("IKE_AUTH response", 640),
                                           REQUEST("ESP: request", 34),
                                           REPLY("ESP: reply", 34),
                                       }};

const struct sim_model sim_model_b8_cookie = {.flights = {
                                                  UP("IKE_SA_INIT request", 248),
                                                  DOWN("IKE_SA_INIT response: COOKIE", 72),
                                                  UP("IKE_SA_INIT request with cookie", 292),
                                                  DOWN("IKE_SA_INIT response", 256),
                                                  UP("IKE_AUTH request", 720),
                                                  DOWN("IKE_AUTH response", 640),
                                                  REQUEST("ESP: request", 34),
                                                  REPLY("ESP: reply", 34),
                                              }};

const struct sim_model sim_model_b9 = {.flights = {
                                           TCP_UP("ClientHello", CH),
                                           TCP_DOWN("ServerHello ... Finished", SH_FIN),
                                           TCP_UP("Finished, NTS-KE request", FIN + RECORD + 16),
                                           TCP_DOWN("NTS-KE response with 8 cookies", RECORD + 16 + 8 * 108),
                                           REQUEST("NTP request", 228),
                                           REPLY("NTP reply", 228),
                                       }};

/* The request for a grant travels as early data, so the grant answers it at 2R, where it comes unasked
 * anyway. */
const struct sim_model sim_model_s11 = {
    .flights = {
        TCP_UP("ClientHello, 0-RTT: REQUEST", CH_PSK + RECORD + 20),
        TCP_DOWN("ServerHello ... Finished, GRANT, TICKETS", SH_PSK + 2 * RECORD + 180 + 8 * 33),
        {SIM_UP, SIM_VIA_TCP, SIM_ASIDE, "EndOfEarlyData, Finished, close_notify", {END_EARLY + 24}},
        REQUEST("OPEN: request", QUIC - 100),
        REPLY("ACCEPT: reply", 150),
    }};
