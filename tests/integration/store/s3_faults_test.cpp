#include "places.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <support/catch.hpp>
#include <support/errors.hpp>

// What a bucket's server does to those who write there.

using namespace kavi;
using namespace kavi::test;

namespace {

void strike(lab::LabApis& apis, const std::string& words) {
    apis.add_fault(lab::parse_fault(split("api=s3 " + words, ' ')));
}

}  // namespace

TEST_CASE("an upload in parts gets over broken lines and an overloaded server") {
    const std::string fault = GENERATE("method=PUT status=503 times=3",
                                       "method=PUT skip=1 reset times=2",
                                       "method=PUT skip=2 reset carried-out times=1",
                                       "method=POST status=500 times=2",
                                       "method=POST skip=1 reset times=1",
                                       // Done, and the answer is lost: the second try finds no such upload.
                                       "method=POST skip=1 reset carried-out times=1",
                                       "method=POST skip=1 truncate=10 times=1",
                                       "method=HEAD status=503 times=2");
    CAPTURE(fault);
    Places places;
    const auto box = places.open("s3");
    strike(places.apis(), fault);
    const auto data = pattern((36 << 20) + 1);
    const auto upload = box->create("a/b");
    upload->write(data);
    CHECK(upload->finish());
    CHECK(places.apis().faults().front().times == 0);  // it struck
    CHECK((all_of(*box, "a/b") == data));
    CHECK(box->unfinished("").empty());
}

TEST_CASE("an upload that a server refuses for good leaves nothing") {
    Places places;
    const auto box = places.open("s3");
    strike(places.apis(), "method=PUT skip=1 status=500");
    const auto error = error_of([&] {
        const auto upload = box->create("a/b");
        upload->write(pattern(40 << 20));
        upload->finish();
    });
    CHECK(error.code() == errors::store_failed);
    CHECK(error.message() == "writing part 2 of top/a/b in store box failed");
    places.apis().clear_faults();
    CHECK(box->list("").empty());
    CHECK(box->unfinished("").empty());
}

TEST_CASE("a download gets over broken lines") {
    Places places;
    const auto box = places.open("s3");
    const auto data = pattern((36 << 20) + 1);
    store::write_small(*box, "a", data);
    strike(places.apis(), "method=GET skip=1 truncate=100000 times=2");
    CHECK((all_of(*box, "a") == data));
    strike(places.apis(), "method=GET status=503 times=1");
    CHECK(box->list("").size() == 1);
    for (const auto& fault : places.apis().faults()) CHECK(fault.times == 0);
}

TEST_CASE("wrong keys, a wrong region and a bucket that isn't there are told apart") {
    Places places;
    auto target = places.target("s3");
    SECTION("access key") {
        target.access_key = "NOBODY";
        CHECK(error_of([&] { places.open(target)->list(""); }).code() == errors::credentials_refused);
    }
    SECTION("secret key") {
        target.secret_key = Secret("wrong");
        CHECK(error_of([&] { places.open(target)->list(""); }).code() == errors::credentials_refused);
    }
    SECTION("region") {
        target.region = "fsn1";
        CHECK(error_of([&] { places.open(target)->list(""); }).advice() ==
              "see that fsn1 is the bucket's region");
    }
    SECTION("bucket") {
        target.bucket = "other";
        const auto error = error_of([&] { places.open(target)->list(""); });
        CHECK(error.code() == errors::store_failed);
        CHECK(causes(error).starts_with("NoSuchBucket"));
    }
}
