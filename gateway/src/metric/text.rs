use std::fmt::Write;
use std::sync::atomic::Ordering;

use metrics::Key;

use super::histogram::BOUNDS;
use super::list::{METRICS, Metric, MetricKind};
use super::series::Series;

/// The text format of Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/
pub(super) fn exposition(series: &[(Key, Series)]) -> String {
    let mut out = String::new();
    for Metric { name, kind, help } in METRICS {
        let own: Vec<_> = series.iter().filter(|(key, _)| key.name() == *name).collect();
        if own.is_empty() {
            continue;
        }
        let kind = match kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        // Writing into a string does not fail.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (key, series) in own {
            match series {
                Series::Counter(value) => line(&mut out, key, "", None, &value.load(Ordering::Relaxed).to_string()),
                Series::Gauge(value) => {
                    line(&mut out, key, "", None, &f64::from_bits(value.load(Ordering::Relaxed)).to_string());
                }
                Series::Histogram(buckets) => {
                    let read = buckets.read();
                    for (bound, within) in BOUNDS.iter().zip(read.within) {
                        line(&mut out, key, "_bucket", Some(&bound.to_string()), &within.to_string());
                    }
                    line(&mut out, key, "_bucket", Some("+Inf"), &read.count.to_string());
                    line(&mut out, key, "_sum", None, &read.seconds.to_string());
                    line(&mut out, key, "_count", None, &read.count.to_string());
                }
            }
        }
    }
    out
}

fn line(out: &mut String, key: &Key, suffix: &str, bound: Option<&str>, value: &str) {
    out.push_str(key.name());
    out.push_str(suffix);
    let labels = key.labels().map(|label| (label.key(), label.value())).chain(bound.map(|bound| ("le", bound)));
    let mut separator = '{';
    for (name, value) in labels {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = write!(out, "{separator}{name}=\"{value}\"");
        separator = ',';
    }
    if separator == ',' {
        out.push('}');
    }
    let _ = writeln!(out, " {value}");
}

#[cfg(test)]
mod tests {
    use super::super::Recorder;

    #[test]
    fn known_answer() {
        let recorder = Recorder::default();
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("mapi_gateway_logins_total", "protocol" => "imap", "outcome" => "a\"\\\n").increment(7);
            metrics::histogram!("mapi_gateway_budget_wait_seconds").record(0.2);
            metrics::gauge!("mapi_gateway_sessions").set(1.5);
        });
        let text = recorder.text();
        assert!(text.starts_with(
            "# HELP mapi_gateway_budget_wait_seconds How long work waited for room.\n\
             # TYPE mapi_gateway_budget_wait_seconds histogram\n\
             mapi_gateway_budget_wait_seconds_bucket{le=\"0.001\"} 0\n"
        ));
        assert!(text.contains(
            "mapi_gateway_budget_wait_seconds_bucket{le=\"0.25\"} 1\nmapi_gateway_budget_wait_seconds_bucket{le=\"0.5\"} 1\n"
        ));
        assert!(text.contains("_bucket{le=\"+Inf\"} 1\nmapi_gateway_budget_wait_seconds_sum 0.2\n"));
        assert!(text.contains("\nmapi_gateway_logins_total{protocol=\"imap\",outcome=\"a\\\"\\\\\\n\"} 7\n"), "{text}");
        assert!(text.ends_with("# TYPE mapi_gateway_sessions gauge\nmapi_gateway_sessions 1.5\n"));
    }
}
