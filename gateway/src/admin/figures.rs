use std::time::UNIX_EPOCH;

use super::observed::Observed;

/// Records what is looked at rather than counted: how things are now.
pub(super) fn record(observed: &Observed) {
    metrics::with_local_recorder(&observed.recorder, || {
        let started = observed.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        metrics::gauge!("mapi_gateway_info", "version" => env!("CARGO_PKG_VERSION")).set(1);
        metrics::gauge!("mapi_gateway_start_time_seconds").set(started.as_secs_f64());
        let accounts = observed.accounts.open_accounts();
        let sessions: usize = accounts.iter().map(|account| account.context().upstream.sessions()).sum();
        metrics::gauge!("mapi_gateway_accounts").set(figure(accounts.len()));
        metrics::gauge!("mapi_gateway_sessions").set(figure(sessions));
        for (name, budget) in [("memory", &observed.accounts.bounds().budget), ("disk", &observed.disk)] {
            metrics::gauge!("mapi_gateway_budget_bytes", "budget" => name).set(budget.used() as f64);
            metrics::gauge!("mapi_gateway_budget_limit_bytes", "budget" => name).set(budget.limits().total as f64);
        }
        let caches = observed.accounts.caches();
        for (name, cache) in [("renderings", &caches.renderings), ("outlines", &caches.outlines)] {
            metrics::gauge!("mapi_gateway_cache_bytes", "cache" => name).set(cache.weight() as f64);
            metrics::counter!("mapi_gateway_cache_hits_total", "cache" => name).absolute(cache.hits());
            metrics::counter!("mapi_gateway_cache_misses_total", "cache" => name).absolute(cache.misses());
        }
        let settings = observed.accounts.settings();
        let counted = settings.counters().snapshot();
        metrics::counter!("mapi_gateway_upstream_connections_total").absolute(counted.connections);
        metrics::counter!("mapi_gateway_upstream_bytes_total", "direction" => "sent").absolute(counted.sent);
        metrics::counter!("mapi_gateway_upstream_bytes_total", "direction" => "received").absolute(counted.received);
        metrics::gauge!("mapi_gateway_upstream_paused_hosts").set(figure(settings.paused_hosts().len()));
        let restart = if (observed.restart)().is_empty() { 0.0 } else { 1.0 };
        metrics::gauge!("mapi_gateway_restart_needed").set(restart);
    });
}

fn figure(count: usize) -> f64 {
    count as f64
}
