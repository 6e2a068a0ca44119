"""Where the documents are known to say something else than the real APIs do, each with its reason.

A difference is about an API, operations, a side and findings; `operation` and `finding` are regular
expressions, the latter over the finding's text ("$.name: None is not of type 'string'")."""

import re
from typing import NamedTuple


class Difference(NamedTuple):
    api: str
    operation: str
    side: str  # request, answer
    finding: str
    reason: str
    refused: bool = False  # only of answers with 4xx


KNOWN = [
    Difference(
        "hetzner", ".*", "answer", r"assignee_type: 'unassigned' is not one of \['server'\]",
        "since 2026-08-01 an unassigned primary IP answers assignee_type 'unassigned'; the document is older",
    ),
    Difference(
        "cloudflare", ".*", "answer", r"status 5\d\d isn't documented",
        "the document describes no answer of a server that failed",
    ),
    Difference(
        "cloudflare", ".*", "answer", r"\.comment: None is not of type 'string'",
        "a record without a comment answers null (cloudflare/terraform-provider-cloudflare#5517, #6030)",
    ),
    Difference(
        "cloudflare", "^GET /zones$", "answer", r"^\$\.result_info\.total_pages isn't documented",
        "lists answer total_pages, which the document has for records and not for zones",
    ),
    Difference(
        "cloudflare", ".*", "answer",
        r"^\$\.(success: False is not one of \[True\]|result: None is not of type '\w+')",
        "the document's 4XX is composed of success and failure at once, which nothing can satisfy", True,
    ),
    Difference(
        "cloudflare", ".*", "answer", r"^\$\.errors\[\*\]\.error_chain isn't documented",
        "a malformed Authorization header answers 6003 with 6111 in error_chain", True,
    ),
    Difference(
        "cloudflare", ".*", "answer", r"^\$\.errors\[\*\]\.code: 971 is less than the minimum of 1000",
        "the limit of requests answers 971", True,
    ),
    Difference(
        "cloudflare", r"^(PATCH .*/dns_records/\{dns_record_id\}|POST .*/batch)$", "request",
        r"^\$(\.patches\[\*\])?: '(name|type|content|ttl)' is a required property",
        "a PATCH names what changes alone, though the document takes the whole record's schema for it",
    ),
]


def reason_for(api, operation, side, finding, status):
    """Why that finding is none; None: it is one."""
    for one in KNOWN:
        matches = one.api == api and one.side == side and (not one.refused or 400 <= status < 500)
        if matches and re.search(one.operation, operation) and re.search(one.finding, finding):
            return one.reason
    return None
