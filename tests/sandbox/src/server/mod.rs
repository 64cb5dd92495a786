//! The server: HTTP, session contexts, the endpoints.

mod answer;
mod auth;
mod auth_kerberos;
mod auth_ntlm;
mod autodiscover;
mod context;
mod counters;
mod endpoint;
mod listener;
mod mailbox;
mod nspi;
mod oauth;
mod request;
mod router;
mod service;
mod settings;
mod strike;

pub use answer::Style;
pub(crate) use auth::ConnectionAuth;
pub use auth::{Auth, AuthPolicy, ChannelBinding, Scheme};
pub use auth_kerberos::KerberosPolicy;
pub use auth_ntlm::Refusal;
pub use autodiscover::endpoint_url;
pub use counters::{CounterSnapshot, Counters};
pub use listener::Listener;
pub use oauth::TokenIssuer;
pub use service::Service;
pub use settings::Settings;
