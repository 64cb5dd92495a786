use mapi_core::client::dns::Resolver;

use super::report::Finding;
use crate::autoconfig::{Offer, Record, records};
use crate::config::Config;

/// Whether DNS tells clients where the gateway is, as the configuration wants it.
pub(super) async fn check(config: &Config) -> Finding {
    if !config.autoconfig.is_set() {
        return Finding::ok("autoconfig is not configured: clients are set up by hand");
    }
    let wanted = records(&Offer::of(config));
    let resolver = Resolver::system();
    let mut found = Finding::ok(format!("{} records are wanted", wanted.len()));
    for record in wanted.iter().filter(|record| record.place.is_some()) {
        let Record { name, place: Some(place), .. } = record else { continue };
        let next = "set what `mapi-gateway dns` prints, at the name server of the domain";
        match resolver.srv(name).await {
            Ok(there) => {
                let is_same = |(host, port): (&str, u16)| host.eq_ignore_ascii_case(&place.host) && port == place.port;
                if !there.iter().any(|srv| is_same((srv.host.trim_end_matches('.'), srv.port))) {
                    found.warn(format!("missing: {record}"), next);
                }
            }
            Err(error) => found.warn(error.to_string(), next),
        }
    }
    found
}
