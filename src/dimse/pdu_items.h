// SPDX-License-Identifier: Apache-2.0
// Item types of A-ASSOCIATE PDUs, shared by their reader and their writer.
#pragma once

enum pdu_item {
    ITEM_APPLICATION_CONTEXT = 0x10,
    ITEM_CONTEXT_RQ = 0x20,
    ITEM_CONTEXT_AC = 0x21,
    ITEM_ABSTRACT_SYNTAX = 0x30,
    ITEM_TRANSFER_SYNTAX = 0x40,
    ITEM_USER_INFORMATION = 0x50,
    ITEM_MAXIMUM_LENGTH = 0x51,
    ITEM_IMPLEMENTATION_CLASS = 0x52,
    ITEM_WINDOW = 0x53,
    ITEM_ROLE = 0x54,
    ITEM_IMPLEMENTATION_VERSION = 0x55,
    ITEM_EXTENDED = 0x56,
    ITEM_COMMON_EXTENDED = 0x57,
    ITEM_IDENTITY = 0x58,
    ITEM_IDENTITY_ANSWER = 0x59
};

#define ASSOCIATE_FIXED_LEN 68  // version, reserved, titles, reserved
#define PDU_PEER_DEFAULT 16384u // of a peer that does not say what it receives
#define PDU_PEER_MIN 128u       // less is no use to anybody
