/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csep/wire.h - every number that appears on the wire, and nothing else.
 *
 * The meaning of each is in docs/spec.md; section numbers are given. This header is
 * shared with programs that read captures, so it holds macros and enums only.
 */
#ifndef CSEP_WIRE_H
#define CSEP_WIRE_H

#define CSEP_VERSION_1 0x63730001u /* "cs", version 1 */
#define CSEP_ALPN      "csep/1"
#define CSEP_ALPN_LEN  6
#define CSEP_EXPORTER  "EXPERIMENTAL-csep-context"

/* AEADs, IANA "AEAD Algorithms" registry. Section 5.2. */
enum {
    CSEP_AEAD_AES_256_GCM = 2,
    CSEP_AEAD_CHACHA20_POLY1305 = 29,
    CSEP_AEAD_AEGIS_128L = 32,
    CSEP_AEAD_AEGIS_256 = 33,
};

/* Key exchange groups, IANA "TLS Supported Groups". */
enum { CSEP_GROUP_NONE = 0, CSEP_GROUP_X25519 = 29, CSEP_GROUP_X25519MLKEM768 = 0x11ec };

/* Negotiation messages, section 4.1. */
enum csep_message_type {
    CSEP_MSG_GRANT = 1,
    CSEP_MSG_TICKETS = 2,
    CSEP_MSG_REQUEST = 3,
    CSEP_MSG_REVOKE = 4,
    CSEP_MSG_ERROR = 5,
    CSEP_MSG_CONTINUE = 6,
};
#define CSEP_MSG_CRITICAL   0x80u   /* message type bit: refuse if unknown */
#define CSEP_FIELD_CRITICAL 0x8000u /* field id bit: refuse the message if unknown */
#define CSEP_MSG_MAX        65535u  /* largest message body accepted */

/* Field ids without the critical bit, section 4.2. One number space for all messages. */
enum csep_field_id {
    CSEP_FIELD_HANDLE = 1,
    CSEP_FIELD_LIFETIME = 2,
    CSEP_FIELD_REFRESH = 3,
    CSEP_FIELD_AEADS = 4,
    CSEP_FIELD_TRANSPORTS = 5,
    CSEP_FIELD_PROTOCOLS = 6,
    CSEP_FIELD_EXPORTS = 7,
    CSEP_FIELD_UPGRADE = 8,
    CSEP_FIELD_ADDRESS_TOKEN = 9,
    CSEP_FIELD_LIMITS = 10,
    CSEP_FIELD_IDENTITY = 11,
    CSEP_FIELD_REQUEST_ID = 12,
    CSEP_FIELD_TICKET_LIST = 13,
    CSEP_FIELD_TICKET_COUNT = 14,
    CSEP_FIELD_CODE = 15,
    CSEP_FIELD_TEXT = 16,
};

/* Transports, section 4.4; also the transport byte of OPEN. */
enum csep_transport { CSEP_TRANSPORT_UDP = 1, CSEP_TRANSPORT_TCP = 2 };

/* Services, section 4.4: bit (1 << service) in a grant, the number itself in OPEN. */
enum csep_service {
    CSEP_SERVICE_DATAGRAM = 0, /* unreliable datagrams (DATAGRAM frames) */
    CSEP_SERVICE_MESSAGE = 1,  /* messages: each reliable or partially reliable, ordered or not */
    CSEP_SERVICE_STREAM = 2,   /* byte stream, TCP only */
};

/* Flags of a TRANSPORTS entry. */
#define CSEP_TRANSPORT_SHARED    0x01u
#define CSEP_TRANSPORT_FAST_OPEN 0x02u

/* Export protocols, section 12. */
enum csep_export_protocol { CSEP_EXPORT_RECORDS = 1, CSEP_EXPORT_SRTP = 2, CSEP_EXPORT_PSK = 3 };

enum csep_upgrade { CSEP_UPGRADE_OFF = 0, CSEP_UPGRADE_OFFERED = 1, CSEP_UPGRADE_REQUIRED = 2 };

/* Packets, section 6.1. First-byte values 4..15 collide with no protocol of RFC 9443. */
enum csep_packet_type {
    CSEP_PKT_OPEN = 0x04,
    CSEP_PKT_ACCEPT = 0x05,
    CSEP_PKT_REFUSE = 0x06,
    CSEP_PKT_RETRY = 0x07,
    CSEP_PKT_SHORT = 0x08, /* 0000 1kpp: key phase, packet number length - 1 */
};
#define CSEP_SHORT_MASK      0xf8u
#define CSEP_SHORT_KEY_PHASE 0x04u
#define CSEP_SHORT_PN_LEN    0x03u

enum csep_refuse_code { CSEP_REFUSE_TICKET = 1, CSEP_REFUSE_VERSION = 2 };

#define CSEP_OPEN_MIN_DATAGRAM 1200u
#define CSEP_CID_MIN           8u
#define CSEP_CID_MAX           20u
#define CSEP_TICKET_MIN        16u
#define CSEP_TICKET_MAX        255u
#define CSEP_TOKEN_MAX         255u
#define CSEP_HANDLE_LEN        16u
#define CSEP_RANDOM_LEN        32u
#define CSEP_ECHO_LEN          16u
#define CSEP_RESET_TOKEN_LEN   16u
#define CSEP_TAG_LEN           16u
#define CSEP_RECORD_MAX        16640u /* TCP record: ciphertext with tag */

/* Frames, section 7. */
enum csep_frame_type {
    CSEP_FRAME_PADDING = 0x00,
    CSEP_FRAME_PING = 0x01,
    CSEP_FRAME_ACK = 0x02,
    CSEP_FRAME_ACK_EARLY = 0x03,
    CSEP_FRAME_PARAMS = 0x04,
    CSEP_FRAME_DATAGRAM = 0x05,
    CSEP_FRAME_MESSAGE = 0x06,
    CSEP_FRAME_SKIP = 0x07,
    CSEP_FRAME_MAX_DATA = 0x08,
    CSEP_FRAME_BLOCKED = 0x09,
    CSEP_FRAME_TICKETS = 0x0a,
    CSEP_FRAME_HINT = 0x0b,
    CSEP_FRAME_NEW_CID = 0x0c,
    CSEP_FRAME_RETIRE_CID = 0x0d,
    CSEP_FRAME_PATH_CHALLENGE = 0x0e,
    CSEP_FRAME_PATH_RESPONSE = 0x0f,
    CSEP_FRAME_CLOSE = 0x10,
    CSEP_FRAME_STREAM = 0x11,     /* TCP only */
    CSEP_FRAME_END_EARLY = 0x12,  /* TCP only */
    CSEP_FRAME_KEY_UPDATE = 0x13, /* TCP only */
};

/* MESSAGE and SKIP flags. */
#define CSEP_MESSAGE_FIN     0x01u
#define CSEP_MESSAGE_ORDERED 0x02u

enum csep_hint { CSEP_HINT_REFRESH = 1, CSEP_HINT_GOING_AWAY = 2 };

/* Parameters inside PARAMS, section 7.3. */
enum csep_param {
    CSEP_PARAM_MAX_DATA = 1,
    CSEP_PARAM_MAX_MESSAGE = 2,
    CSEP_PARAM_IDLE_TIMEOUT = 3,
    CSEP_PARAM_MAX_ACK_DELAY = 4,
    CSEP_PARAM_MAX_CIDS = 5,
    CSEP_PARAM_MAX_UNIT = 6,
    CSEP_PARAM_PROTOCOL = 7,
    CSEP_PARAM_TICKET_AGE = 8,
    CSEP_PARAM_EARLY = 9,
    CSEP_PARAM_RESET_TOKEN = 10,
};

#endif
