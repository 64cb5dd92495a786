//! The server: HTTP, session contexts, the endpoints.

mod answer;
mod autodiscover;
mod context;
mod counters;
mod listener;
mod mailbox;
mod nspi;
mod service;
mod settings;
mod strike;

pub use answer::Style;
pub use autodiscover::endpoint_url;
pub use counters::{CounterSnapshot, Counters};
pub use listener::Listener;
pub use service::Service;
pub use settings::Settings;
