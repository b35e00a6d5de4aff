// SPDX-License-Identifier: Apache-2.0
// All of edgesync except the Asio face, which is <edgesync/asio.hpp>.
#pragma once

#include <edgesync/access.hpp>
#include <edgesync/audit.hpp>
#include <edgesync/config.hpp>
#include <edgesync/consumer.hpp>
#include <edgesync/edit.hpp>
#include <edgesync/error.hpp>
#include <edgesync/event.hpp>
#include <edgesync/hub.hpp>
#include <edgesync/json_schema.hpp>
#include <edgesync/layers.hpp>
#include <edgesync/log_stream.hpp>
#include <edgesync/mask.hpp>
#include <edgesync/node.hpp>
#include <edgesync/options.hpp>
#include <edgesync/projection.hpp>
#include <edgesync/records.hpp>
#include <edgesync/rollout.hpp>
#include <edgesync/rollout_plan.hpp>
#include <edgesync/signing.hpp>
#include <edgesync/state.hpp>
#include <edgesync/status.hpp>
#include <edgesync/stream.hpp>
#include <edgesync/value.hpp>
#include <edgesync/version.hpp>
