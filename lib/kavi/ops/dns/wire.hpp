#pragma once

#include <kavi/api/cloudflare.hpp>
#include <kavi/ops/dns/observe.hpp>

/// Between normal form and what the API carries.
namespace kavi::ops {

/// The body that makes a record so. A patch has the record's id; its tags and settings stay as they are.
api::CloudflareRecordBody body_of(const model::Record& record, const std::string& id = {});

}  // namespace kavi::ops
