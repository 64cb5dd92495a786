//! What is counted and measured, for Prometheus.
//!
//! Events are recorded where they happen, by the macros of the crate `metrics`; without a [`Recorder`] they cost next to nothing.
//! Only what [`METRICS`] lists is recorded, and of each only so many series: names of users are in none of them.

mod histogram;
mod list;
mod recorder;
mod series;
mod text;

pub use list::{METRICS, Metric, MetricKind};
pub use recorder::{Recorder, Row};
