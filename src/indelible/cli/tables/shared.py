"""Options that many commands have.

Owns the sets by name. Names and short names are those of the reference's command line.
"""

from typing import Final

from indelible.cli.tables.model import Option, decimal, flag, instant, span, text, whole

# ------------------------------------------------------------------------ of every command
GLOBAL: Final = (
    text("--output -o", "how results look", of=("text", "json", "jsonl", "none"), default="text"),
    text(
        "--time-format",
        "how times look in text",
        of=("relative", "iso", "raw"),
        default="relative",
    ),
    text(
        "--color",
        "colours: on a terminal only, always, never",
        of=("auto", "always", "never"),
        default="auto",
    ),
    flag("--no-json-shorthand-payloads", "write payloads as metadata and base64 in JSON"),
    span("--command-timeout", "give up after this time"),
    span("--client-connect-timeout", "give up connecting after this time"),
    text(
        "--config-file",
        "TOML file with the profiles of clients",
        metavar="FILE",
        variable="TEMPORAL_CONFIG_FILE",
    ),
    text("--profile", "profile in that file", metavar="NAME", variable="TEMPORAL_PROFILE"),
    text("--env", "environment with presets", metavar="NAME", variable="TEMPORAL_ENV"),
    text("--env-file", "YAML file with them", metavar="FILE", variable="TEMPORAL_ENV_FILE"),
    flag("--disable-config-file", "read no file with profiles"),
    flag("--disable-config-env", "read no environment variables"),
)

CONNECTION: Final = (
    text(
        "--address",
        "where the server listens (localhost:7233)",
        metavar="HOST:PORT",
        variable="TEMPORAL_ADDRESS",
        prop="address",
    ),
    text(
        "--client-authority",
        "the :authority of requests, if it is not the address; with TLS only",
        metavar="NAME",
        prop="authority",
    ),
    text(
        "--namespace -n",
        "namespace (default)",
        metavar="NAME",
        variable="TEMPORAL_NAMESPACE",
        prop="namespace",
    ),
    text(
        "--api-key",
        "key that the server asks for",
        metavar="KEY",
        variable="TEMPORAL_API_KEY",
        prop="api_key",
    ),
    text(
        "--grpc-meta",
        "header of every request",
        metavar="KEY=VALUE",
        many=True,
        prop="grpc_meta.KEY",
    ),
    flag("--tls", "speak TLS; --tls=false forbids it", variable="TEMPORAL_TLS", prop="tls"),
    text(
        "--tls-cert-path",
        "certificate of this client",
        metavar="FILE",
        variable="TEMPORAL_TLS_CLIENT_CERT_PATH",
        prop="tls.client_cert_path",
    ),
    text(
        "--tls-cert-data",
        "certificate of this client, as text",
        metavar="PEM",
        variable="TEMPORAL_TLS_CLIENT_CERT_DATA",
        prop="tls.client_cert_data",
    ),
    text(
        "--tls-key-path",
        "key of this client",
        metavar="FILE",
        variable="TEMPORAL_TLS_CLIENT_KEY_PATH",
        prop="tls.client_key_path",
    ),
    text(
        "--tls-key-data",
        "key of this client, as text",
        metavar="PEM",
        variable="TEMPORAL_TLS_CLIENT_KEY_DATA",
        prop="tls.client_key_data",
    ),
    text(
        "--tls-ca-path",
        "authority that the server's certificate comes from",
        metavar="FILE",
        variable="TEMPORAL_TLS_SERVER_CA_CERT_PATH",
        prop="tls.server_ca_cert_path",
    ),
    text(
        "--tls-ca-data",
        "authority that the server's certificate comes from, as text",
        metavar="PEM",
        variable="TEMPORAL_TLS_SERVER_CA_CERT_DATA",
        prop="tls.server_ca_cert_data",
    ),
    text(
        "--tls-server-name",
        "name that the server's certificate bears",
        metavar="NAME",
        variable="TEMPORAL_TLS_SERVER_NAME",
        prop="tls.server_name",
    ),
    text(
        "--codec-endpoint",
        "codec server that encodes and decodes payloads; {namespace} stands for the namespace",
        metavar="URL",
        variable="TEMPORAL_CODEC_ENDPOINT",
        prop="codec.endpoint",
    ),
    text(
        "--codec-auth",
        "Authorization header for that server",
        metavar="TEXT",
        variable="TEMPORAL_CODEC_AUTH",
        prop="codec.auth",
    ),
    text("--codec-header", "header for that server", metavar="KEY=VALUE", many=True),
    text("--identity", "who asks (indelible-cli:USER@HOST)", metavar="NAME"),
)

# ------------------------------------------------------------------------------ of several
WORKFLOW_ID: Final = text("--workflow-id -w", "the workflow", metavar="ID", required=True)
RUN_ID: Final = text("--run-id -r", "one run of it (default: the current)", metavar="ID")
WORKFLOW: Final = (WORKFLOW_ID, RUN_ID)
QUERY: Final = text("--query -q", "list filter: which ones", metavar="FILTER")
LIMIT: Final = whole("--limit", "at most so many")
PAGE_SIZE: Final = whole("--page-size", "so many per request")
YES: Final = flag("--yes -y", "do not ask")
REASON: Final = text("--reason", "why; it is kept")
HEADERS: Final = text("--headers", "header of the request", metavar="KEY=JSON", many=True)
TASK_QUEUE: Final = text("--task-queue -t", "the task queue", metavar="NAME", required=True)
DETAILED: Final = flag("--detailed", "show every field of the events")
RAW: Final = flag("--raw", "print the answer as it came, even in text")
REJECT: Final = text(
    "--reject-condition",
    "refuse the query if the workflow is",
    of=("not_open", "not_completed_cleanly"),
)

PAYLOADS: Final = (
    text("--input -i", "one argument, as JSON", metavar="JSON", many=True),
    text("--input-file", "file with one argument", metavar="FILE", many=True),
    text(
        "--input-meta",
        "metadata of the arguments (encoding=json/plain)",
        metavar="KEY=VALUE",
        many=True,
    ),
    flag("--input-base64", "the arguments are base64"),
)

WORKFLOW_OR_BATCH: Final = (
    text("--workflow-id -w", "one workflow; or --query for many", metavar="ID"),
    RUN_ID,
    QUERY,
    REASON,
    YES,
    decimal("--rps", "with --query: at most so many a second"),
    HEADERS,
)

PRIORITY: Final = (
    whole("--priority-key", "1 (first) to 5 (last)"),
    text("--fairness-key", "whose turn it is within a priority", metavar="KEY"),
    decimal("--fairness-weight", "its share"),
)

STATIC_TEXTS: Final = (
    text("--static-summary", "one line that says what it is, for people"),
    text("--static-details", "more of that, Markdown allowed"),
)

WORKFLOW_START: Final = (
    text("--workflow-id -w", "id to start under (default: a fresh one)", metavar="ID"),
    text("--type --name", "workflow type", metavar="NAME", required=True),
    TASK_QUEUE,
    span("--run-timeout", "limit of one run"),
    span("--execution-timeout", "limit of the chain of runs"),
    span("--task-timeout", "limit of a workflow task", default="10s"),
    text("--search-attribute", "search attribute", metavar="KEY=JSON", many=True),
    HEADERS,
    text("--memo", "entry of the memo", metavar="KEY=JSON", many=True),
    *STATIC_TEXTS,
    *PRIORITY,
)

WORKFLOW_START_ALONE: Final = (
    text("--cron", "cron schedule (schedules do this better)", metavar="SPEC"),
    flag("--fail-existing", "fail if it is running already"),
    span("--start-delay", "wait so long before the first task"),
    text(
        "--id-reuse-policy",
        "if a closed run has the id",
        of=(
            "AllowDuplicate",
            "AllowDuplicateFailedOnly",
            "RejectDuplicate",
            "TerminateIfRunning",
        ),
    ),
    text(
        "--id-conflict-policy",
        "if a running one has the id",
        of=("Fail", "UseExisting", "TerminateExisting"),
    ),
)

UPDATE_NAME: Final = text("--name --type", "name of the update", metavar="NAME", required=True)
WAIT_FOR_STAGE: Final = ("accepted",)


def prefixed(prefix: str, options: tuple[Option, ...]) -> tuple[Option, ...]:
    """Return the same options under names that begin with a prefix, without short names."""
    return tuple(
        Option(
            names=(f"--{prefix}-{option.names[0].removeprefix('--')}",),
            about=f"{prefix}: {option.about}",
            kind=option.kind,
            metavar=option.metavar,
            is_repeatable=option.is_repeatable,
        )
        for option in options
    )


SPAN_OF_TIME: Final = (
    instant("--start-time", "from when", required=True),
    instant("--end-time", "until when", required=True),
)
