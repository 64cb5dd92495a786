use std::time::{Duration, Instant, SystemTime};

use mapi_core::client::{Probe, probe as connect};

use super::autodiscover::Located;
use super::certificate::Validity;
use super::checked::Checked;
use super::explain;
use super::report::{Finding, Steps};
use super::step::CONNECTION;
use crate::config::TlsVerification;
use crate::line::connector::Connector;

/// Certificates that expire sooner are warned of.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// Connects to the mailbox's host, or to the one that kept Autodiscover from finding it. Whether it went well.
pub(super) async fn probe(steps: &mut Steps<'_>, checked: &Checked, connector: &Connector, located: &Located) -> bool {
    let began = Instant::now();
    let (Some(url), Ok(discovery)) = (&located.url, connector.discovery()) else { return false };
    let host = url.host_header();
    let (found, good) = match connect(url, &discovery.tls, discovery.timeouts.connect).await {
        Ok(probe) => (described(&host, &probe, checked), true),
        Err(error) => {
            let (reason, next) = explain::connection(&error, url.host());
            (Finding::failed(format!("{host}: {reason}"), next), false)
        }
    };
    steps.record(CONNECTION, began, found);
    good
}

fn described(host: &str, probe: &Probe, checked: &Checked) -> Finding {
    let mut found = Finding::ok(format!("{host} at {}", probe.address));
    let Some(tls) = &probe.tls else {
        found.warn(
            "plain http: anybody on the way can read passwords",
            "use https:// URLs and remove upstream.allow_plain_http, unless this is a test on one machine",
        );
        return found;
    };
    found.add(tls.version.replace('_', "."));
    if checked.config.upstream.tls_verification == TlsVerification::DangerousNone {
        found.warn(
            "upstream.tls_verification = \"dangerous-none\": the certificate is not checked, anybody on the way can read passwords",
            "name the certificate's issuer in upstream.ca_file and remove upstream.tls_verification",
        );
    }
    if let Some(validity) = Validity::of(&tls.certificate) {
        found.add(format!("certificate valid until {validity}"));
        let left = validity.not_after().duration_since(SystemTime::now()).unwrap_or_default();
        if left < SOON {
            let days = left.as_secs() / (24 * 3600);
            found.warn(format!("the certificate expires in {days} days"), "have the server's certificate renewed");
        }
    }
    found
}
