/// A metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name in Prometheus.
    pub name: &'static str,
    /// How its values behave.
    pub kind: MetricKind,
    /// What it is, for people.
    pub help: &'static str,
}

/// How the values of a metric behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// They only grow.
    Counter,
    /// They go up and down.
    Gauge,
    /// They are durations, counted by how long they are.
    Histogram,
}

use MetricKind::{Counter, Gauge, Histogram};

const fn metric(name: &'static str, kind: MetricKind, help: &'static str) -> Metric {
    Metric { name, kind, help }
}

/// All metrics.
pub const METRICS: &[Metric] = &[
    metric("mapi_gateway_accounts", Gauge, "Accounts that are open."),
    metric(
        "mapi_gateway_budget_bytes",
        Gauge,
        "Bytes taken of a budget: of memory, or of the disk for messages that come in.",
    ),
    metric("mapi_gateway_budget_limit_bytes", Gauge, "Bytes that there are of it."),
    metric("mapi_gateway_budget_refused_total", Counter, "Pieces of work refused because there was no room in time."),
    metric("mapi_gateway_budget_wait_seconds", Histogram, "How long work waited for room."),
    metric("mapi_gateway_cache_bytes", Gauge, "Bytes kept in a cache."),
    metric("mapi_gateway_cache_hits_total", Counter, "Messages found in a cache."),
    metric("mapi_gateway_cache_misses_total", Counter, "Messages not found in a cache."),
    metric("mapi_gateway_client_bytes_total", Counter, "Bytes from and to clients, without what TLS adds."),
    metric("mapi_gateway_connections", Gauge, "Connections of clients that are open."),
    metric("mapi_gateway_connections_refused_total", Counter, "Connections of clients that were sent away."),
    metric("mapi_gateway_connections_total", Counter, "Connections of clients."),
    metric("mapi_gateway_imap_command_seconds", Histogram, "How long IMAP commands took until they were answered."),
    metric("mapi_gateway_info", Gauge, "1, with the version."),
    metric("mapi_gateway_ledger_commit_seconds", Histogram, "How long commits to the ledger took."),
    metric("mapi_gateway_logins_total", Counter, "Logins of clients, by what became of them."),
    metric(
        "mapi_gateway_operation_seconds",
        Histogram,
        "How long operations took, each of one or more upstream requests.",
    ),
    metric(
        "mapi_gateway_operations_in_doubt_total",
        Counter,
        "Operations of which it was unknown whether they had happened.",
    ),
    metric("mapi_gateway_operations_retried_total", Counter, "Operations tried again because their session was lost."),
    metric("mapi_gateway_operations_waited_total", Counter, "Waits of operations for a busy upstream."),
    metric("mapi_gateway_restart_needed", Gauge, "1 if the configuration has changes that need a restart."),
    metric("mapi_gateway_rounds_total", Counter, "Synchronisations of folders."),
    metric("mapi_gateway_sessions", Gauge, "Sessions with the upstream."),
    metric(
        "mapi_gateway_smtp_message_seconds",
        Histogram,
        "How long messages took from their last byte to their reply.",
    ),
    metric("mapi_gateway_smtp_replies_total", Counter, "Replies to SMTP commands, by their codes."),
    metric("mapi_gateway_start_time_seconds", Gauge, "When the gateway started, in seconds since 1970."),
    metric("mapi_gateway_upstream_busy_total", Counter, "Answers of the upstream that it is busy."),
    metric("mapi_gateway_upstream_bytes_total", Counter, "Bytes from and to the upstream, without what TLS adds."),
    metric("mapi_gateway_upstream_connections_total", Counter, "Connections to the upstream."),
    metric("mapi_gateway_upstream_paused_hosts", Gauge, "Hosts of the upstream that want to be left alone now."),
    metric("mapi_gateway_upstream_request_seconds", Histogram, "How long requests to the upstream took."),
    metric("mapi_gateway_upstream_retries_total", Counter, "Requests made again because they had not left."),
    metric(
        "mapi_gateway_upstream_throttle_seconds",
        Histogram,
        "How long requests were kept back because the upstream was busy.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The habits of Prometheus: https://prometheus.io/docs/practices/naming/
    #[test]
    fn names_say_what_they_are() {
        for (position, Metric { name, kind, help }) in METRICS.iter().enumerate() {
            assert!(name.starts_with("mapi_gateway_") && help.ends_with('.'), "{name}");
            assert_eq!(*kind == Counter, name.ends_with("_total"), "{name}");
            assert!(*kind != Histogram || name.ends_with("_seconds"), "{name}");
            assert!(position == 0 || METRICS[position - 1].name < *name, "{name} is out of order");
        }
    }
}
