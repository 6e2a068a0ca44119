#!/usr/bin/env python3
"""lab_test.py PROGRAM: runs the lab's own tests with a verbose log of all their exchanges and checks those
against the official documents; and checks the checker, by exchanges that are wrong in one thing each."""

import copy
import os
import subprocess
import sys
import tempfile
import unittest

from check import Checker, lines_of
from documents import FILES, specs_folder

PROGRAM = None
# Operations of the documents that the lab serves: each must be in the log, answered well.
SERVERS = """change_dns_ptr change_protection change_type create_image detach_iso enable_backup
disable_backup enable_rescue disable_rescue poweron poweroff reboot rebuild request_console reset
reset_password shutdown"""
SERVED = {
    "hetzner": [
        "GET /actions", "GET /actions/{id}", "GET /isos", "GET /locations",
        "GET /locations/{id}", "GET /pricing", "GET /server_types", "GET /server_types/{id}",
        "GET /servers", "POST /servers", "GET /servers/{id}", "PUT /servers/{id}", "DELETE /servers/{id}",
        "GET /servers/{id}/metrics", "GET /servers/actions", "GET /servers/actions/{id}",
        "GET /servers/{id}/actions", "GET /servers/{id}/actions/{action_id}",
        *[f"POST /servers/{{id}}/actions/{action}" for action in SERVERS.split()],
        "GET /primary_ips", "POST /primary_ips", "GET /primary_ips/{id}", "PUT /primary_ips/{id}",
        "DELETE /primary_ips/{id}", "GET /primary_ips/actions", "GET /primary_ips/actions/{id}",
        "GET /primary_ips/{id}/actions",
        *[f"POST /primary_ips/{{id}}/actions/{action}"
          for action in ("assign", "unassign", "change_dns_ptr", "change_protection")],
        "GET /firewalls", "POST /firewalls", "GET /firewalls/{id}", "PUT /firewalls/{id}",
        "DELETE /firewalls/{id}", "GET /firewalls/actions", "GET /firewalls/actions/{id}",
        "GET /firewalls/{id}/actions", "GET /firewalls/{id}/actions/{action_id}",
        *[f"POST /firewalls/{{id}}/actions/{action}"
          for action in ("set_rules", "apply_to_resources", "remove_from_resources")],
        "GET /ssh_keys", "POST /ssh_keys", "GET /ssh_keys/{id}", "PUT /ssh_keys/{id}",
        "DELETE /ssh_keys/{id}",
        "GET /images", "GET /images/{id}", "PUT /images/{id}", "DELETE /images/{id}", "GET /images/actions",
        "GET /images/actions/{id}", "GET /images/{id}/actions", "POST /images/{id}/actions/change_protection",
    ],
    "storage": None,  # all
    "cloudflare": None,
}
# Covered by the settings that have a path of their own in the document.
SISTERS = {"GET /zones/{zone_id}/settings/{setting_id}", "PATCH /zones/{zone_id}/settings/{setting_id}"}


class LabTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.NamedTemporaryFile(suffix=".jsonl") as log:
            environment = dict(os.environ, KAVI_LAB_LOG=log.name)
            done = subprocess.run(
                [PROGRAM], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                check=False,
            )
            if done.returncode != 0:
                print(done.stdout[-3000:])
                raise RuntimeError("the lab's own tests fail")
            cls.lines = list(lines_of(log.name))
        cls.checker = Checker(specs_folder(), refused_may_be_wrong=True)

    def test_every_exchange_is_as_documented(self):
        findings = {}
        for line in self.lines:
            for finding in self.checker.check(line):
                findings.setdefault((finding.side, finding.text), finding.exchange)
        for (side, text), exchange in findings.items():
            print(f"{exchange}: {side}: {text}", file=sys.stderr)
        self.assertFalse(findings)

    def test_the_log_holds_what_the_lab_serves(self):
        for line in self.lines:
            self.checker.check(line)
        for api in FILES:
            met = set(self.checker.covered[api]) | SISTERS
            wanted = SERVED[api] or [str(one) for one in self.checker.documents[api].routes]
            with self.subTest(api):
                self.assertEqual([one for one in wanted if one not in met], [])

    def one(self, api, method, template):
        """An exchange of that operation which was answered well."""
        for line in self.lines:
            if line["api"] != api or line["method"] != method or line["status"] >= 300 or line["status"] == 0:
                continue
            operation, _ = self.checker.documents[api].find(method, line["below_prefix"])
            if operation is not None and operation.template == template:
                return copy.deepcopy(line)
        raise AssertionError(f"no {method} {template} in the log")

    def findings(self, line):
        return [finding.text for finding in Checker(specs_folder()).check(line)]

    def wrong(self, line, change, expected):
        self.assertEqual(self.findings(line), [], "it was wrong before")
        line = copy.deepcopy(line)
        change(line)
        found = self.findings(line)
        self.assertTrue(any(expected in text for text in found), f"'{expected}' isn't among {found}")

    def test_wrong_requests_are_found(self):
        listing, making = self.one("hetzner", "GET", "/servers"), self.one("hetzner", "POST", "/servers")
        box = self.one("storage", "POST", "/storage_boxes/{id}/snapshots")
        record = self.one("cloudflare", "GET", "/zones/{zone_id}/dns_records")
        self.wrong(listing, lambda x: x.update(below_prefix="/server"), "no such path")
        self.wrong(listing, lambda x: x.update(method="PATCH"), "no method PATCH there")
        self.wrong(listing, lambda x: x["parameters"].append(["nme", "a"]), "'nme' isn't documented")
        not_integer = "'first' is not of type 'integer'"
        self.wrong(listing, lambda x: x["parameters"].append(["page", "first"]), not_integer)
        self.wrong(listing, lambda x: x["parameters"].append(["sort", "colour"]), "is not one of")
        self.wrong(listing, lambda x: x.update(has_body=True), "a body where none is documented")
        self.wrong(making, lambda x: x["body"].pop("image"), "'image' is a required property")
        self.wrong(making, lambda x: x["body"].update(image=7), "7 is not of type 'string'")
        self.wrong(making, lambda x: x["body"].update(imagee="a"), "imagee")
        self.wrong(making, lambda x: x.update(has_body=False, body=None), "the body is missing")
        self.wrong(making, lambda x: x.update(content_type="text/plain"), "the body is text/plain")
        self.wrong(box, lambda x: x.update(has_body=False, body=None), "the body is missing")
        self.wrong(record, lambda x: x["parameters"].append(["direction", "up"]), "is not one of")

    def test_wrong_answers_are_found(self):
        listing, box = self.one("hetzner", "GET", "/servers"), self.one("storage", "GET", "/storage_boxes")
        record = self.one("cloudflare", "POST", "/zones/{zone_id}/dns_records")
        self.wrong(listing, lambda x: x.update(status=202), "status 202 isn't documented")
        self.wrong(listing, lambda x: x["answer"].pop("servers"), "'servers' is a required property")
        pages = "$.meta.pagination"
        for change, expected in (({"page": "1"}, ".page: '1' is not of"), ({"pages": 1}, ".pages isn't")):
            self.wrong(
                listing, lambda x, new=change: x["answer"]["meta"]["pagination"].update(new), pages + expected
            )
        self.wrong(listing, lambda x: x.update(answer=None), "None is not of type 'object'")
        self.wrong(box, lambda x: x.update(answer_type="text/html"), "the body is text/html")
        for change, expected in (
            ({"status": "asleep"}, "'asleep' is not one of"),
            ({"created": "today"}, "'today' is not a 'date-time'"),
            ({"name": None}, "None is not of type 'string'"),
        ):
            self.wrong(box, lambda x, new=change: x["answer"]["storage_boxes"][0].update(new), expected)
        self.wrong(record, lambda x: x["answer"].update(success="yes"), "'yes'")

    def test_what_may_be_null_may_be_null(self):
        box = self.one("storage", "GET", "/storage_boxes")
        box["answer"]["storage_boxes"][0].update(server=None, snapshot_plan=None)
        self.assertEqual(self.findings(box), [])


if __name__ == "__main__":
    if specs_folder() is None:
        print("SKIPPED: the official API documents (set KAVI_SPECS to their folder)")
        sys.exit(0)
    PROGRAM = sys.argv.pop(1)
    unittest.main()
