// SPDX-License-Identifier: Apache-2.0
// The table of doors, and the handlers behind them by room. PS3.18 sections stand beside the rows.
#pragma once

struct web_request;

#define DW "/dicom-web"
#define DW_STUDY DW "/studies/{study}"
#define DW_SERIES DW_STUDY "/series/{series}"
#define DW_INSTANCE DW_SERIES "/instances/{instance}"

// X(method, path, action, handler, where it runs)
#define WEB_ROUTE_LIST(X)                                                                          \
    /* frames first: they are asked for most */                                                    \
    X(GET, DW_INSTANCE "/frames/{frames}", IMAGE_READ, web_frames_get, HERE)                       \
    X(GET, DW_INSTANCE "/frames/{frames}/rendered", IMAGE_READ, web_rendered_get, HERE)            \
    X(GET, DW_INSTANCE "/frames/{frames}/thumbnail", IMAGE_READ, web_thumbnail_get, HERE)          \
    X(GET, DW_INSTANCE "/metadata", IMAGE_READ, web_metadata_get, CATALOGUE)                       \
    X(GET, DW_INSTANCE "/bulkdata/{rest}", IMAGE_READ, web_bulk_get, CATALOGUE)                    \
    X(GET, DW_INSTANCE "/rendered", IMAGE_READ, web_rendered_get, HERE)                            \
    X(GET, DW_INSTANCE "/thumbnail", IMAGE_READ, web_thumbnail_get, HERE)                          \
    X(GET, DW_INSTANCE, IMAGE_READ, web_instances_get, CATALOGUE)                                  \
    X(GET, DW_SERIES "/metadata", IMAGE_READ, web_metadata_get, CATALOGUE)                         \
    X(GET, DW_SERIES "/rendered", IMAGE_READ, web_rendered_get, HERE)                              \
    X(GET, DW_SERIES "/thumbnail", IMAGE_READ, web_thumbnail_get, HERE)                            \
    X(GET, DW_SERIES "/instances", CATALOGUE_SEARCH, web_search_get, CATALOGUE)                    \
    X(GET, DW_SERIES, IMAGE_READ, web_instances_get, CATALOGUE)                                    \
    X(GET, DW_STUDY "/metadata", IMAGE_READ, web_metadata_get, CATALOGUE)                          \
    X(GET, DW_STUDY "/rendered", IMAGE_READ, web_rendered_get, HERE)                               \
    X(GET, DW_STUDY "/thumbnail", IMAGE_READ, web_thumbnail_get, HERE)                             \
    X(GET, DW_STUDY "/series", CATALOGUE_SEARCH, web_search_get, CATALOGUE)                        \
    X(GET, DW_STUDY "/instances", CATALOGUE_SEARCH, web_search_get, CATALOGUE)                     \
    X(GET, DW_STUDY, IMAGE_READ, web_instances_get, CATALOGUE)                                     \
    X(POST, DW_STUDY, IMAGE_RECEIVE, web_stow_post, STREAM)                                        \
    X(GET, DW "/studies", CATALOGUE_SEARCH, web_search_get, CATALOGUE)                             \
    X(POST, DW "/studies", IMAGE_RECEIVE, web_stow_post, STREAM)                                   \
    X(GET, DW "/series", CATALOGUE_SEARCH, web_search_get, CATALOGUE)                              \
    X(GET, DW "/instances", CATALOGUE_SEARCH, web_search_get, CATALOGUE)                           \
    X(GET, DW, SUITE_SHOW, web_capabilities_get, HERE)                                             \
    X(GET, "/wado", IMAGE_READ, web_wado_uri_get, HERE)                                            \
    X(GET, "/api/suite", SUITE_SHOW, web_suite_get, CATALOGUE)                                     \
    X(GET, "/api/studies", CATALOGUE_SEARCH, web_studies_get, CATALOGUE)                           \
    X(GET, "/api/studies/{study}", CATALOGUE_SEARCH, web_study_get, CATALOGUE)                     \
    X(GET, "/api/network", PEER_SHOW, web_network_get, CATALOGUE)                                  \
    X(GET, "/api/peers", PEER_SHOW, web_peers_get, CATALOGUE)                                      \
    X(POST, "/api/peers", PEER_MANAGE, web_peers_post, BODY)                                       \
    X(PUT, "/api/peers/{aet}", PEER_MANAGE, web_peer_put, BODY)                                    \
    X(DELETE, "/api/peers/{aet}", PEER_MANAGE, web_peer_delete, CATALOGUE)                         \
    X(POST, "/api/peers/{aet}/echo", PEER_SHOW, web_peer_echo_post, NETWORK)                       \
    X(GET, "/api/routes", ROUTE_SHOW, web_routes_get, CATALOGUE)                                   \
    X(POST, "/api/routes", ROUTE_ORDER, web_routes_post, BODY)                                     \
    X(GET, "/api/routes/{order}", ROUTE_SHOW, web_route_get, CATALOGUE)                            \
    X(DELETE, "/api/routes/{order}", ROUTE_ORDER, web_route_delete, CATALOGUE)                     \
    X(POST, "/api/routes/{order}/again", ROUTE_ORDER, web_route_again_post, CATALOGUE)             \
    X(GET, "/api/deliveries", GATE_SHOW, web_deliveries_get, CATALOGUE)                            \
    X(GET, "/api/deliveries/{delivery}", GATE_SHOW, web_delivery_get, CATALOGUE)                   \
    X(GET, "/api/deliveries/{delivery}/certificate.json", GATE_SHOW, web_certificate_json_get,     \
      CATALOGUE)                                                                                   \
    X(GET, "/api/deliveries/{delivery}/certificate.pdf", GATE_SHOW, web_certificate_pdf_get,       \
      CATALOGUE)                                                                                   \
    X(GET, "/api/holds", GATE_SHOW, web_holds_get, CATALOGUE)                                      \
    X(GET, "/api/holds/{hold}", GATE_SHOW, web_hold_get, CATALOGUE)                                \
    X(GET, "/api/holds/{hold}/frames/{frames}/source", HOLD_LOOK, web_hold_source_get, RENDER)     \
    X(GET, "/api/holds/{hold}/frames/{frames}/result", GATE_SHOW, web_hold_result_get, RENDER)     \
    X(GET, "/api/holds/{hold}/face/before", HOLD_LOOK, web_hold_before_get, RENDER)                \
    X(GET, "/api/holds/{hold}/face/after", GATE_SHOW, web_hold_after_get, RENDER)                  \
    X(GET, "/api/holds/{hold}/header", GATE_SHOW, web_hold_header_get, RENDER)                     \
    X(PUT, "/api/holds/{hold}/boxes", HOLD_DECIDE, web_hold_boxes_put, BODY)                       \
    X(POST, "/api/holds/{hold}/decision", HOLD_DECIDE, web_hold_decision_post, BODY)               \
    X(GET, "/api/openapi.json", SUITE_SHOW, web_openapi_get, HERE)                                 \
    X(GET, "/healthz", SUITE_HEALTH, web_health_get, CATALOGUE)                                    \
    X(GET, "/metrics", SUITE_HEALTH, web_metrics_get, HERE)                                        \
    X(GET, "/api/{rest}", SUITE_SHOW, web_nothing_get, HERE)                                       \
    X(GET, "/dicom-web/{rest}", SUITE_SHOW, web_nothing_get, HERE)                                 \
    X(GET, "/", SUITE_SHOW, web_page_get, HERE)                                                    \
    X(GET, "/{rest}", SUITE_SHOW, web_page_get, HERE)

// door_deliveries.c
void web_deliveries_get(struct web_request *r);
void web_delivery_get(struct web_request *r);
void web_certificate_json_get(struct web_request *r);
void web_certificate_pdf_get(struct web_request *r);
// door_holds.c, door_hold_work.c: what the gate held
void web_holds_get(struct web_request *r);
void web_hold_get(struct web_request *r);
void web_hold_source_get(struct web_request *r);
void web_hold_result_get(struct web_request *r);
void web_hold_before_get(struct web_request *r);
void web_hold_after_get(struct web_request *r);
void web_hold_header_get(struct web_request *r);
void web_hold_boxes_put(struct web_request *r);
void web_hold_decision_post(struct web_request *r);

void web_frames_get(struct web_request *r); // frames.c: PS3.18 10.4.1.1.6, stored or decoded pixels
void web_rendered_get(struct web_request *r);     // rendered.c: PS3.18 10.4.1.1.3
void web_thumbnail_get(struct web_request *r);    // rendered.c: PS3.18 10.4.1.1.4
void web_metadata_get(struct web_request *r);     // metadata.c: PS3.18 10.4.1.1.2
void web_bulk_get(struct web_request *r);         // metadata.c: PS3.18 10.4.1.1.5
void web_instances_get(struct web_request *r);    // instances.c: PS3.18 10.4.1.1.1
void web_search_get(struct web_request *r);       // search.c: PS3.18 10.6
void web_stow_post(struct web_request *r);        // stow.c: PS3.18 10.5
void web_capabilities_get(struct web_request *r); // capabilities.c: PS3.18 8.9
void web_wado_uri_get(struct web_request *r);     // wado_uri.c: PS3.18 9
void web_suite_get(struct web_request *r);        // api_suite.c
void web_openapi_get(struct web_request *r);      // api_suite.c
void web_health_get(struct web_request *r);       // api_suite.c
void web_metrics_get(struct web_request *r);      // api_suite.c
void web_studies_get(struct web_request *r);      // api_studies.c
void web_study_get(struct web_request *r);        // api_studies.c
void web_network_get(struct web_request *r);      // door_network.c
void web_peers_get(struct web_request *r);        // door_peers.c
void web_peers_post(struct web_request *r);       // door_peers.c
void web_peer_put(struct web_request *r);         // door_peers.c
void web_peer_delete(struct web_request *r);      // door_peers.c
void web_peer_echo_post(struct web_request *r);   // door_peers.c
void web_routes_get(struct web_request *r);       // door_routes.c
void web_routes_post(struct web_request *r);      // door_routes.c
void web_route_get(struct web_request *r);        // door_routes.c
void web_route_delete(struct web_request *r);     // door_routes.c
void web_route_again_post(struct web_request *r); // door_routes.c
void web_page_get(struct web_request *r);         // api_suite.c
void web_nothing_get(struct web_request *r);      // api_suite.c
