//! The pages for administrators, asked as Prometheus, probes and browsers do.

mod access;
mod bounds;
mod http;
mod metrics;
mod pages;
mod ready;
mod stage;
