use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, SharedString, Unit};

use super::histogram::Distribution;
use super::list::{METRICS, MetricKind};
use super::series::Series;
use super::text;

/// Series of one metric. Labels have few values each; should one ever not, this keeps it from growing.
const MAX_SERIES: usize = 500;

/// Keeps what is recorded: a few numbers for each series, whatever happens.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Arc<RwLock<HashMap<Key, Series>>>);

/// A series as people look at it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The values of its labels, in the order in which they were given.
    pub labels: Vec<String>,
    /// A counter's or gauge's value, a histogram's count.
    pub value: f64,
    /// Of a histogram: all durations together, in seconds.
    pub seconds: f64,
    /// Of a histogram: 95 of 100 were not longer.
    pub most: Option<f64>,
}

impl Recorder {
    /// Records everything in this process from now on.
    ///
    /// # Errors
    /// Something else does so already.
    pub fn install(&self) -> Result<(), String> {
        metrics::set_global_recorder(self.clone()).map_err(|error| error.to_string())
    }

    /// Everything, in the text format of Prometheus (version 0.0.4).
    pub fn text(&self) -> String {
        text::exposition(&self.series())
    }

    /// The series of a metric.
    pub fn rows(&self, name: &str) -> Vec<Row> {
        let row = |(key, series): &(Key, Series)| {
            let labels = key.labels().map(|label| label.value().to_owned()).collect();
            match series {
                Series::Counter(value) => {
                    let value = value.load(Ordering::Relaxed) as f64;
                    Row { labels, value, seconds: 0.0, most: None }
                }
                Series::Gauge(value) => {
                    let value = f64::from_bits(value.load(Ordering::Relaxed));
                    Row { labels, value, seconds: 0.0, most: None }
                }
                Series::Histogram(buckets) => {
                    let read: Distribution = buckets.read();
                    Row { labels, value: read.count as f64, seconds: read.seconds, most: read.most() }
                }
            }
        };
        self.series().iter().filter(|(key, _)| key.name() == name).map(row).collect()
    }

    fn series(&self) -> Vec<(Key, Series)> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = all.iter().map(|(key, series)| (key.clone(), series.clone())).collect();
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all
    }

    /// The series; `None` if it is not to be recorded.
    fn find(&self, key: &Key) -> Option<Series> {
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Some(known.clone());
        }
        let metric = METRICS.iter().find(|metric| metric.name == key.name())?;
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = !all.contains_key(key);
        if is_new && all.keys().filter(|other| other.name() == key.name()).count() >= MAX_SERIES {
            return None;
        }
        let new = || match metric.kind {
            MetricKind::Counter => Series::Counter(Arc::default()),
            MetricKind::Gauge => Series::Gauge(Arc::default()),
            MetricKind::Histogram => Series::Histogram(Arc::default()),
        };
        Some(all.entry(key.clone()).or_insert_with(new).clone())
    }
}

impl metrics::Recorder for Recorder {
    // The list has it.
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match self.find(key) {
            Some(Series::Counter(value)) => Counter::from_arc(value),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        match self.find(key) {
            Some(Series::Gauge(value)) => Gauge::from_arc(value),
            _ => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        match self.find(key) {
            Some(Series::Histogram(buckets)) => Histogram::from_arc(buckets),
            _ => Histogram::noop(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_is_recorded_and_nothing_grows_without_a_bound() {
        let recorder = Recorder::default();
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("somebody_elses_total").increment(1);
            metrics::gauge!("mapi_gateway_rounds_total").increment(1.0);
            for number in 0..2 * MAX_SERIES {
                metrics::counter!("mapi_gateway_smtp_replies_total", "code" => number.to_string()).increment(2);
            }
            metrics::histogram!("mapi_gateway_operation_seconds", "operation" => "copy", "outcome" => "done")
                .record(0.2);
            metrics::gauge!("mapi_gateway_sessions").set(3);
        });
        assert!(recorder.rows("somebody_elses_total").is_empty());
        let replies = recorder.rows("mapi_gateway_smtp_replies_total");
        assert!(replies.len() == MAX_SERIES && replies.iter().all(|row| row.value == 2.0));
        assert_eq!(recorder.rows("mapi_gateway_sessions")[0].value, 3.0);
        let copies = &recorder.rows("mapi_gateway_operation_seconds")[0];
        assert_eq!((copies.labels.concat().as_str(), copies.value, copies.most), ("copydone", 1.0, Some(0.25)));
    }
}
