use std::fmt;
use std::sync::Arc;

use tokio_rustls::rustls;

/// When the connections of a listener are encrypted, and with which certificate.
#[derive(Clone)]
pub enum TlsMode {
    /// From the first byte on: ports 993 and 465 (RFC 8314 3.2, 3.3).
    Implicit(Arc<rustls::ServerConfig>),
    /// When the client says STARTTLS: ports 143 and 587 (RFC 9051 6.2.1, RFC 3207).
    StartTls(Arc<rustls::ServerConfig>),
    /// Never.
    None,
}

impl fmt::Debug for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Implicit(_) => "Implicit",
            Self::StartTls(_) => "StartTls",
            Self::None => "None",
        })
    }
}
