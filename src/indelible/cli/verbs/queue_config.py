"""Limits and weights of a task queue."""

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import RateLimit, RateLimitConfig, TaskQueue, TaskQueueConfig
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    UpdateTaskQueueConfigRequest,
)

from indelible.cli.output import Output, Shown
from indelible.cli.session import Session
from indelible.cli.values import ValueRefusedError, pairs
from indelible.cli.verbs.messages import queue_type, when

_Update = UpdateTaskQueueConfigRequest.RateLimitUpdate
_DEFAULT = "default"


async def get(session: Session) -> None:
    """Show limits and weights."""
    config = await _config(session)
    if config is None:
        session.output.say("Nothing is set for this task queue")
        return
    session.output.message(config)
    print_config(session.output, config)


async def set_config(session: Session) -> None:
    """Change limits and weights."""
    options = session.options
    number = queue_type(options.task_queue_type)
    if number == TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW and options.queue_rps_limit is not None:
        raise ValueRefusedError("a queue of workflow tasks takes no rate limit")
    weights, unset = _weights(options.fairness_key_weight)
    is_clearing = bool(options.fairness_key_weight_clear_all)
    if is_clearing and (weights or unset):
        raise ValueRefusedError(
            "--fairness-key-weight and --fairness-key-weight-clear-all exclude each other"
        )
    request = UpdateTaskQueueConfigRequest(
        namespace=session.namespace,
        identity=session.identity,
        task_queue=options.task_queue,
        task_queue_type=number,
        update_queue_rate_limit=_limit(
            options.queue_rps_limit, options.queue_rps_limit_reason, "--queue-rps-limit"
        ),
        update_fairness_key_rate_limit_default=_limit(
            options.fairness_key_rps_limit_default,
            options.fairness_key_rps_limit_reason,
            "--fairness-key-rps-limit-default",
        ),
        set_fairness_weight_overrides=weights,
        unset_fairness_weight_overrides=unset,
    )
    if is_clearing:
        before = await _config(session)
        request.unset_fairness_weight_overrides.extend(
            sorted(before.fairness_weight_overrides) if before else ()
        )
    elif not (
        weights
        or unset
        or request.HasField("update_queue_rate_limit")
        or request.HasField("update_fairness_key_rate_limit_default")
    ):
        raise ValueRefusedError("nothing to change was given")
    answer = await session.workflows.update_task_queue_config(request)
    session.output.message(answer)
    print_config(session.output, answer.config)


async def _config(session: Session) -> TaskQueueConfig | None:
    answer = await session.workflows.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=session.namespace,
            task_queue=TaskQueue(name=session.options.task_queue),
            task_queue_type=queue_type(session.options.task_queue_type),
            report_config=True,
        )
    )
    return answer.config if answer.HasField("config") else None


def _limit(word: str | None, reason: str | None, flag: str) -> _Update | None:
    if word is None:
        return None
    if word.casefold() == _DEFAULT:
        return _Update(reason=reason or "")
    number = _number(word, flag)
    if number < 0:
        raise ValueRefusedError(f"{flag} takes a number from 0 on, or default")
    return _Update(rate_limit=RateLimit(requests_per_second=number), reason=reason or "")


def _weights(words: list[str]) -> tuple[dict[str, float], list[str]]:
    weights: dict[str, float] = {}
    unset: list[str] = []
    for key, value in pairs(words, "--fairness-key-weight").items():
        if value.casefold() == _DEFAULT:
            unset.append(key)
            continue
        weights[key] = _number(value, f"--fairness-key-weight {key}")
        if weights[key] <= 0:
            raise ValueRefusedError(f"the weight of {key} must be more than 0")
    return weights, unset


def _number(word: str, flag: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise ValueRefusedError(f"{flag} takes a number or default, not {word}") from None


def print_config(output: Output, config: TaskQueueConfig) -> None:
    """Print limits and weights, for people."""
    output.table(
        ("Setting", "Value", "Reason", "UpdatedBy", "UpdatedTime"),
        [
            _row("Queue rate limit", config.queue_rate_limit),
            _row("Rate limit of a fairness key", config.fairness_keys_rate_limit_default),
        ],
    )
    overrides = config.fairness_weight_overrides
    if overrides:
        output.title("Weights:")
        output.table(
            ("FairnessKey", "Weight"), [(key, overrides[key]) for key in sorted(overrides)]
        )


def _row(setting: str, limit: RateLimitConfig) -> tuple[Shown, ...]:
    is_set = limit.HasField("rate_limit")
    value = f"{limit.rate_limit.requests_per_second:g} a second" if is_set else "not set"
    told = limit.metadata
    return (setting, value, told.reason, told.update_identity, when(told.update_time))
