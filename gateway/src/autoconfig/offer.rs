use std::net::SocketAddr;

use crate::config::{Config, ListenerTls};

/// What clients are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What the service is called.
    pub name: String,
    /// Whose addresses it is for.
    pub domains: Vec<String>,
    /// Where IMAP is, the best place first.
    pub imap: Vec<Place>,
    /// Where messages are submitted.
    pub smtp: Vec<Place>,
    /// Whether Autodiscover is answered.
    pub pox: bool,
}

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Encrypted from the first byte; otherwise by STARTTLS.
    pub implicit: bool,
}

impl Offer {
    /// What a configuration offers, with listeners at these addresses. Those without TLS are offered to nobody.
    pub fn new(config: &Config, imap: &[SocketAddr], smtp: &[SocketAddr]) -> Self {
        let own = &config.autoconfig;
        let smtp_host = own.smtp_host.as_ref().unwrap_or(&own.imap_host);
        let imap = imap.iter().zip(config.imap.listener.iter().map(|listener| listener.tls));
        let smtp = smtp.iter().zip(config.smtp.listener.iter().map(|listener| listener.tls));
        Self {
            name: if own.name.is_empty() { own.imap_host.clone() } else { own.name.clone() },
            domains: config.upstream.domains.iter().map(|domain| domain.to_lowercase()).collect(),
            imap: places(&own.imap_host, imap),
            smtp: places(smtp_host, smtp),
            pox: own.pox,
        }
    }

    /// What a configuration offers, with listeners where it has them.
    pub fn of(config: &Config) -> Self {
        let imap: Vec<_> = config.imap.listener.iter().map(|listener| listener.address.0).collect();
        let smtp: Vec<_> = config.smtp.listener.iter().map(|listener| listener.address.0).collect();
        Self::new(config, &imap, &smtp)
    }

    /// Whether it is for this address.
    pub(super) fn is_for(&self, address: &str) -> bool {
        let plain = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.@".contains(c);
        let Some((local, domain)) = address.rsplit_once('@') else { return false };
        !local.is_empty()
            && address.len() <= 254
            && address.chars().all(plain)
            && self.domains.iter().any(|own| *own == domain.to_lowercase())
    }
}

fn places<'a>(host: &str, listeners: impl Iterator<Item = (&'a SocketAddr, ListenerTls)>) -> Vec<Place> {
    let encrypted = listeners.filter(|(_, tls)| *tls != ListenerTls::None);
    let mut places: Vec<Place> = encrypted
        .map(|(address, tls)| Place {
            host: host.to_owned(),
            port: address.port(),
            implicit: tls == ListenerTls::Implicit,
        })
        .collect();
    // RFC 8314 3: TLS from the first byte is to be preferred.
    places.sort_by_key(|place| !place.implicit);
    places.dedup();
    places
}
