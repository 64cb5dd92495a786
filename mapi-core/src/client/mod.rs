//! The shells around sockets: MAPI/HTTP over hyper, each session on a connection of its own.
//!
//! Connections are not pooled: authentication schemes bind to them, and requests of one session context follow each other
//! anyway. A NotificationWait has a second connection. Redirects are never followed, and requests go only to the endpoints
//! of the settings.

mod any_certificate;
mod channel;
mod connection;
mod counters;
pub mod dns;
mod emsmdb;
mod error;
mod exchange;
mod form;
mod kerberos_login;
mod meter;
mod probe;
mod settings;
mod throttle;
mod tls;
mod transport;
mod url;

pub use any_certificate::AnyCertificate;
pub(crate) use channel::Channel;
pub use counters::{Counters, CountersSnapshot};
pub use emsmdb::{Client, Connected};
pub use error::ClientError;
pub(crate) use exchange::{ExchangeError, Outgoing, Received};
pub use form::{FormAnswer, post_form};
pub use kerberos_login::{Kdcs, KerberosLogin, KerberosSecret};
pub use probe::{Probe, ProbeError, ProbedTls, probe};
pub use settings::{ClientSettings, Endpoints, RetryPolicy, Timeouts};
pub use throttle::Throttles;
pub use tls::{Tls, TlsError, TlsSettings, TlsVerification};
pub(crate) use transport::Transport;
pub use url::{EndpointUrl, UrlError};
