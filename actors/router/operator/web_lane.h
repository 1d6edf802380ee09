/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The lane's side of the web's requests. */
#pragma once

#include "actors/router/operator/web_private.h"

/* Fills in what listeners are given. */
void web_lane_services(struct web *web);
/* The role has the answer: back to the lane, which owns the request from then on. */
void web_request_return(struct web_request *request);
