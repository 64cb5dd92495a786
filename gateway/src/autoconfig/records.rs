use std::fmt;

use super::offer::{Offer, Place};

/// A record to be set in DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its name.
    pub name: String,
    /// What is there; `None`: nothing, which an SRV record can say, too (RFC 6186 3.4).
    pub place: Option<Place>,
    /// Which place is preferred.
    pub priority: u16,
}

impl fmt::Display for Record {
    /// As zone files have it (RFC 2782).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(Place { host, port, .. }) => {
                write!(f, "{}. 3600 IN SRV {} 1 {port} {host}.", self.name, self.priority)
            }
            None => write!(f, "{}. 3600 IN SRV 0 0 0 .", self.name),
        }
    }
}

/// The SRV records by which clients find the gateway (RFC 6186 3, RFC 8314 5.1).
pub fn records(offer: &Offer) -> Vec<Record> {
    let mut out = Vec::new();
    for domain in &offer.domains {
        for (service, places, implicit) in [
            ("_imaps", &offer.imap, true),
            ("_imap", &offer.imap, false),
            ("_submissions", &offer.smtp, true),
            ("_submission", &offer.smtp, false),
        ] {
            let name = format!("{service}._tcp.{domain}");
            let own: Vec<&Place> = places.iter().filter(|place| place.implicit == implicit).collect();
            if own.is_empty() {
                out.push(Record { name, place: None, priority: 0 });
                continue;
            }
            for (priority, place) in (0..).zip(own) {
                out.push(Record { name: name.clone(), place: Some(place.clone()), priority });
            }
        }
    }
    out
}
