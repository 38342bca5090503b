"""Which values a key takes, and where they apply."""

import json

import pytest

from indelible.base.callback_addresses import AddressRule
from indelible.base.circuit_breaker import BreakerSettings
from indelible.base.ids import NamespaceId, NamespaceName, QueueType
from indelible.base.instants import HOUR, MILLISECOND, MINUTE, NEVER, SECOND, Duration
from indelible.base.limits import DEFAULT_LIMITS, Limits
from indelible.engine.namespace.record import Namespace
from indelible.server.callback_address import CallbackAddress
from indelible.server.dynamic_config import (
    ConstrainedValue,
    Constraints,
    DynamicConfig,
    parse_assignments,
)
from indelible.server.dynamic_keys import KEYS
from indelible.server.dynamic_kinds import Value
from indelible.server.refusal import StartRefusedError
from scripts.dynamic_config_page import PAGE, renewed

_TEMPLATE = "component.nexusoperations.callback.endpoint.template"
NAMESPACE = Namespace(
    id=NamespaceId("id-1"),
    name=NamespaceName("a b/c"),
    retention=Duration(HOUR),
    created_at=NEVER,
    updated_at=NEVER,
)


def config(*words: str) -> DynamicConfig:
    return DynamicConfig(parse_assignments(words))


def test_each_key_sets_a_field_of_its_own() -> None:
    names = [key.field for key in KEYS]
    assert len(set(names)) == len(names)
    assert set(names) <= set(Limits.__struct_fields__)


@pytest.mark.parametrize(
    ("word", "field", "expected"),
    [
        ("limit.historyCount.suggestContinueAsNew=50", "history_events_suggest", 50),
        ("LIMIT.historycount.SUGGESTcontinueasnew=50", "history_events_suggest", 50),
        ("limit.blobSize.error=0", "blob_bytes_max", 0),
        ('history.defaultWorkflowTaskTimeout="3s"', "workflow_task_timeout_default", 3 * SECOND),
        ("history.defaultWorkflowTaskTimeout=3", "workflow_task_timeout_default", 3 * SECOND),
        (
            "history.defaultWorkflowTaskTimeout=0.5",
            "workflow_task_timeout_default",
            500 * MILLISECOND,
        ),
        (
            'system.namespaceMinRetentionLocal="1h30m"',
            "retention_min",
            HOUR + 30 * MINUTE,
        ),
        ('system.namespaceMinRetentionLocal="90"', "retention_min", 90 * SECOND),
        (
            'matching.wv.VersionDrainageStatusVisibilityGracePeriod="2s"',
            "drainage_grace",
            2 * SECOND,
        ),
        (
            "matching.wv.VersionDrainageStatusRefreshInterval=0.5",
            "drainage_check_interval",
            500 * MILLISECOND,
        ),
    ],
)
def test_a_value_reaches_its_limit(word: str, field: str, expected: int) -> None:
    assert getattr(config(word).limits("any"), field) == expected


def test_a_list_of_addresses_keeps_its_order() -> None:
    entries = '[{"Pattern": "a:1"}, {"pattern": "*", "allowInsecure": true}]'
    found = config(f"callback.allowedAddresses={entries}").limits("any").callback_addresses
    assert found == (AddressRule("a:1"), AddressRule("*", allows_insecure=True))


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        (
            "component.nexusoperations.disallowedHeaders",
            '["Own", "mine"]',
            "nexus_headers_disallowed",
            ("own", "mine"),
        ),
        ("frontend.nexusRequestHeadersBlacklist", "[]", "nexus_headers_withheld", ()),
        ("frontend.nexusRequestHeadersBlacklist", '["X-*"]', "nexus_headers_withheld", ("x-*",)),
        (_TEMPLATE, '"unset"', "nexus_callback_template", ""),
        (_TEMPLATE, '"https://host"', "nexus_callback_template", "https://host"),
    ],
)
def test_a_text_reaches_its_limit(
    key: str, value: str, field: str, expected: str | tuple[str, ...]
) -> None:
    assert getattr(config(f"{key}={value}").limits("any"), field) == expected


@pytest.mark.parametrize(
    ("template", "url"),
    [
        ("http://h/cb", "http://h/cb"),
        ("http://h/{{.NamespaceName}}/cb", "http://h/a%20b%2Fc/cb"),
        ("HTTPS://h/{{ .NamespaceID }}?n={{.NamespaceName}}", "HTTPS://h/id-1?n=a%20b%2Fc"),
    ],
)
def test_the_template_of_callbacks_names_the_namespace(template: str, url: str) -> None:
    limits_of = config(f"{_TEMPLATE}={json.dumps(template)}").limits
    assert CallbackAddress("127.0.0.1", limits_of, port=1).of(NAMESPACE) == url


def test_without_a_template_callbacks_lead_to_the_listener_if_there_is_one() -> None:
    limits_of = config().limits
    assert not CallbackAddress("127.0.0.1", limits_of).of(NAMESPACE)
    url = CallbackAddress("::1", limits_of, port=7243).of(NAMESPACE)
    assert url == "http://[::1]:7243/namespaces/a%20b%2Fc/nexus/callback"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{}", BreakerSettings()),
        ('{"MaxRequests": 0, "Timeout": 0}', BreakerSettings()),
        (
            '{"maxRequests": 2, "interval": "1h", "timeout": 5}',
            BreakerSettings(2, HOUR, Duration(5 * SECOND)),
        ),
    ],
)
def test_the_settings_of_circuit_breakers(value: str, expected: BreakerSettings) -> None:
    found = config(f"history.outboundQueue.circuitBreakerSettings={value}").limits("any")
    assert found.circuit_breaker == expected


@pytest.mark.parametrize(
    "word",
    [
        "limit.blobSize.error=-1",
        "frontend.nexusRequestHeadersBlacklist=true",
        "component.nexusoperations.disallowedHeaders=[1]",
        f"{_TEMPLATE}=true",
        f'{_TEMPLATE}=""',
        f'{_TEMPLATE}="host/path"',
        f'{_TEMPLATE}="{{{{.NamespaceName}}}}"',
        f'{_TEMPLATE}="http://h/{{{{.Namespace}}}}"',
        f'{_TEMPLATE}="http://h/{{{{.NamespaceID | urlquery}}}}"',
        "limit.blobSize.error=1.5",
        "limit.blobSize.error=true",
        'limit.blobSize.error="12"',
        'history.defaultWorkflowTaskTimeout="soon"',
        'history.defaultWorkflowTaskTimeout="1s later"',
        'history.defaultWorkflowTaskTimeout=""',
        "history.defaultWorkflowTaskTimeout=-1",
        "history.defaultWorkflowTaskTimeout=false",
        "history.defaultWorkflowTaskTimeout={}",
        "callback.allowedAddresses=true",
        'callback.allowedAddresses={"Pattern": "*"}',
        'callback.allowedAddresses=["*"]',
        'callback.allowedAddresses=[{"AllowInsecure": true}]',
        'callback.allowedAddresses=[{"Pattern": ""}]',
        'callback.allowedAddresses=[{"Pattern": "*", "AllowInsecure": "yes"}]',
        'callback.allowedAddresses=[{"Pattern": "*", "Allowed": true}]',
        "history.outboundQueue.circuitBreakerSettings=[]",
        'history.outboundQueue.circuitBreakerSettings={"MaxRequests": -1}',
        'history.outboundQueue.circuitBreakerSettings={"Timeout": "soon"}',
        'history.outboundQueue.circuitBreakerSettings={"Time": "1s"}',
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_its_name(word: str) -> None:
    with pytest.raises(StartRefusedError, match=word.partition("=")[0]):
        config(word)


@pytest.mark.parametrize("word", ["limit.blobSize.error", "=1", "a.key=plain text"])
def test_a_word_that_is_no_assignment_is_refused(word: str) -> None:
    with pytest.raises(StartRefusedError):
        config(word)


def test_unknown_keys_are_kept_aside_whatever_their_value() -> None:
    found = config("frontend.enableServerVersionCheck=false", 'a.b={"deep": [1]}')
    assert found.unknown_keys == ("frontend.enableServerVersionCheck", "a.b")
    assert found.limits("default") == DEFAULT_LIMITS


def test_the_last_of_two_words_wins() -> None:
    found = config("limit.blobSize.error=1", "limit.blobSize.error=2")
    assert found.limits("default").blob_bytes_max == 2


def values(*given: tuple[Value, Constraints]) -> list[ConstrainedValue]:
    return [ConstrainedValue(value=value, constraints=where) for value, where in given]


EVERYWHERE = Constraints()
IN_N = Constraints(namespace="n")


def test_a_namespace_has_its_own_value_and_shares_the_rest() -> None:
    found = DynamicConfig(
        {
            "limit.blobSize.error": values((10, EVERYWHERE), (20, IN_N)),
            "limit.memoSize.error": values((30, EVERYWHERE)),
        }
    )
    own, shared = found.limits("n"), found.limits("other")
    assert (own.blob_bytes_max, own.memo_bytes_max) == (20, 30)
    assert (shared.blob_bytes_max, shared.memo_bytes_max) == (10, 30)


@pytest.mark.parametrize(
    ("namespace", "queue", "queue_type", "expected"),
    [
        ("n", "q", QueueType.ACTIVITY, 1),
        ("n", "q", QueueType.WORKFLOW, 2),
        ("other", "q", QueueType.WORKFLOW, 3),
        ("n", "r", QueueType.WORKFLOW, 4),
        ("other", "r", QueueType.WORKFLOW, 5),
    ],
)
def test_the_most_precise_value_wins(
    namespace: str, queue: str, queue_type: QueueType, expected: int
) -> None:
    found = DynamicConfig(
        {
            "matching.longPollExpirationInterval": values(
                (5, EVERYWHERE),
                (4, IN_N),
                (3, Constraints(queue="q")),
                (2, Constraints(namespace="n", queue="q")),
                (1, Constraints(namespace="n", queue="q", queue_type=QueueType.ACTIVITY)),
            )
        }
    )
    limits = found.queue_limits(namespace, queue, queue_type)
    assert limits.long_poll_span == expected * SECOND


@pytest.mark.parametrize(
    ("key", "where"),
    [
        ("frontend.rps", IN_N),
        ("limit.blobSize.error", Constraints(queue="q")),
        ("limit.blobSize.error", Constraints(queue_type=QueueType.NEXUS)),
    ],
)
def test_a_key_is_not_constrained_more_closely_than_it_may(key: str, where: Constraints) -> None:
    with pytest.raises(StartRefusedError, match="cannot be constrained"):
        DynamicConfig({key: values((1, where))})


def test_a_file_adds_to_the_command_line_and_never_overrules_it() -> None:
    found = config("limit.blobSize.error=1")
    assert (
        found.read_file(
            {
                "limit.blobSize.error": values((2, EVERYWHERE), (3, IN_N)),
                "limit.memoSize.error": values((4, EVERYWHERE)),
            }
        )
        == []
    )
    assert (found.limits("n").blob_bytes_max, found.limits("n").memo_bytes_max) == (1, 4)


def test_a_new_file_takes_the_place_of_the_old_one() -> None:
    found = DynamicConfig()
    found.read_file({"limit.blobSize.error": values((2, EVERYWHERE))})
    found.read_file({"limit.memoSize.error": values((4, IN_N))})
    assert found.limits("other") == DEFAULT_LIMITS
    assert found.limits("n").memo_bytes_max == 4


def test_a_value_that_does_not_fit_leaves_its_key_as_it_was() -> None:
    found = DynamicConfig()
    found.read_file({"limit.blobSize.error": values((2, EVERYWHERE), (3, IN_N))})
    faults = found.read_file(
        {
            "limit.blobSize.error": values((5, EVERYWHERE), ("much", IN_N)),
            "limit.memoSize.error": values((4, EVERYWHERE)),
            "history.maxTotalUpdates": values((-1, EVERYWHERE)),
        }
    )
    assert [fault.split()[0] for fault in faults] == [
        "limit.blobSize.error",
        "history.maxTotalUpdates",
    ]
    limits = found.limits("other")
    assert (limits.blob_bytes_max, found.limits("n").blob_bytes_max) == (2, 3)
    assert (limits.memo_bytes_max, limits.updates_per_execution_max) == (4, 2_000)


def test_every_field_of_the_limits_has_a_key() -> None:
    without_key = {"workflow_task_timeout_max"}  # the reference's is a constant too
    fields_of_keys = {key.field for key in KEYS}
    assert set(Limits.__struct_fields__) - fields_of_keys == without_key


def test_the_reference_page_tells_of_every_key() -> None:
    page = PAGE.read_text()
    assert renewed(page) == page, "say make docs"
    assert all(f"`{key.name}`" in page for key in KEYS)
