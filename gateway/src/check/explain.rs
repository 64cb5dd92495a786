use mapi_core::ErrorCode;
use mapi_core::auth::AuthError;
use mapi_core::autodiscover::AutodiscoverError;
use mapi_core::client::{ClientError, ProbeError};
use mapi_core::mailbox::MailboxError;
use rustls::CertificateError;

use super::anonymous::scheme_names;

/// What to do about an Autodiscover that failed.
pub(super) fn autodiscover(error: &AutodiscoverError) -> String {
    match error {
        AutodiscoverError::Refused(..) => {
            "check that the user has a mailbox on this server, and its primary address; or set upstream.emsmdb_url".into()
        }
        AutodiscoverError::Unauthorized(_) => "see the step on authentication".into(),
        AutodiscoverError::NotAllowed(host) => format!("if {host} is yours, add it to upstream.hosts"),
        AutodiscoverError::TooManyRedirects => "correct the redirects on the server, or set upstream.autodiscover_url".into(),
        AutodiscoverError::HttpStatus(_) | AutodiscoverError::Unreadable(_) => {
            "set upstream.autodiscover_url to the server's autodiscover.xml (not to a login page or a web site)".into()
        }
        AutodiscoverError::Unreachable(_) => {
            "see the next step; if Autodiscover is elsewhere, set upstream.autodiscover_url".into()
        }
        AutodiscoverError::Url(..) => {
            "correct the URL that the server gives out; http:// needs upstream.allow_plain_http".into()
        }
        AutodiscoverError::NoMapiHttp => {
            "enable MAPI/HTTP for the organisation and the mailbox (Set-OrganizationConfig -MapiHttpEnabled $true, Set-CASMailbox -MapiHttpEnabled $true)".into()
        }
    }
}

/// Why there was no connection, and what to do.
pub(super) fn connection(error: &ProbeError, host: &str) -> (String, String) {
    let reason = error.to_string();
    let next = match error {
        ProbeError::Name(_) => format!("check that this machine's DNS knows {host}, and the spelling in [upstream]"),
        ProbeError::Connect(_) => {
            "check that the server runs, the port, and the firewall between here and there".into()
        }
        ProbeError::Timeout(_) => {
            "check the firewall between here and there; a slow way needs a larger upstream.connect_timeout_seconds"
                .into()
        }
        ProbeError::Handshake(_) => "check that this port speaks TLS and that nothing on the way cuts it off".into(),
        ProbeError::Tls(rustls::Error::InvalidCertificate(error)) => return certificate(error, host),
        ProbeError::Tls(rustls::Error::InvalidMessage(_)) => {
            "this port doesn't speak TLS: check the port, or whether the URL should be http://".into()
        }
        ProbeError::Tls(_) => "the server must offer TLS 1.2 or 1.3 with a modern cipher suite".into(),
    };
    (reason, next)
}

/// Why a certificate is not accepted, and what to do.
fn certificate(error: &CertificateError, host: &str) -> (String, String) {
    match error {
        CertificateError::UnknownIssuer => (
            "the certificate's issuer is not trusted (unknown issuer)".into(),
            "put the issuer's certificate (of a self-signed one: itself) into a PEM file and name it in upstream.ca_file"
                .into(),
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            format!("the certificate is for another name than {host}: {error}"),
            "use the host name of the certificate in [upstream], or have the certificate issued for this name, too".into(),
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            format!("the certificate has expired: {error}"),
            "have the server's certificate renewed; check this machine's clock".into(),
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            (format!("the certificate is not valid yet: {error}"), "check the clocks of this machine and the server".into())
        }
        CertificateError::Revoked => {
            ("the certificate is revoked".into(), "have the server's certificate replaced".into())
        }
        CertificateError::Other(_) => (
            format!("the certificate can't be accepted: {error}"),
            "if it is the server's own self-signed certificate, name it in upstream.ca_file".into(),
        ),
        error => (format!("the certificate can't be accepted: {error}"), "have the server's certificate replaced".into()),
    }
}

/// Why the server does not let the user in, and what to do. `offered` are the WWW-Authenticate values, if known;
/// `configured` is what the configuration says of schemes.
pub(super) fn authentication(error: &AuthError, offered: Option<&[String]>, configured: &str) -> (String, String) {
    match error {
        AuthError::Refused => (
            "the server refuses this user name and password".into(),
            "try both in Outlook on the web; check whether the account is locked or expired, and whether it may use this scheme"
                .into(),
        ),
        AuthError::RefusedByKdc(refusal) => (
            format!("the KDC refuses this user: {refusal}"),
            "try the password with kinit or in Outlook on the web; check whether the account is locked or expired".into(),
        ),
        AuthError::NoTicket(_) => (
            error.to_string(),
            "correct that, or allow another scheme beside \"kerberos\" in upstream.auth".into(),
        ),
        AuthError::TokenRefused(_) => (
            error.to_string(),
            "have a new token issued, for the audience and scope of this server (for Exchange: its own URL as the resource)".into(),
        ),
        AuthError::PlainHttp => (
            error.to_string(),
            "use an https:// URL; on a test machine, name \"basic\" in upstream.auth and set upstream.allow_plain_http = true".into(),
        ),
        AuthError::NotOffered(schemes) => {
            let schemes = scheme_names(offered.unwrap_or(schemes));
            (
                format!("the server offers {schemes}; upstream.auth = {configured} uses none of them"),
                "allow what the server offers in upstream.auth, or enable it on the server (Set-MapiVirtualDirectory -IISAuthenticationMethods Ntlm,Negotiate, Set-AutodiscoverVirtualDirectory -WindowsAuthentication $true; Basic with Basic and -BasicAuthentication $true)"
                    .into(),
            )
        }
        AuthError::RefusedWithBinding(fingerprint) => (
            "the server refuses this user name and password, or where they come from".into(),
            format!(
                "try both in Outlook on the web; check whether the account is locked or expired. If they are right, compare the certificate of Exchange with the one shown here (SHA-256 {fingerprint}): where they differ, TLS ends at a proxy, which Extended Protection refuses. Let the proxy pass TLS through, give both the same certificate, or name Exchange itself in [upstream]"
            ),
        ),
        AuthError::Malformed(_) => {
            (error.to_string(), "allow another scheme in upstream.auth; report this with a log at log.filter = \"debug\"".into())
        }
        AuthError::ConnectionClosed => (
            error.to_string(),
            "let the proxy keep connections open and apart from each other; or set upstream.auth = \"basic\"".into(),
        ),
    }
}

/// What to do about a request that failed.
pub(super) fn client(error: &ClientError) -> String {
    match error {
        ClientError::Unauthorized(_) => "see the step on authentication".into(),
        ClientError::Unreachable(_) | ClientError::OutcomeUnknown(_) | ClientError::TooSlow(_) => {
            "check the server's health and what stands between (proxy, firewall, load balancer)".into()
        }
        ClientError::ContextLost(_) => {
            "requests of one session must reach the same server: check the load balancer's affinity".into()
        }
        ClientError::Rejected(code) => refused(*code),
        ClientError::Busy(_) => "try again later; if it stays, look at the server's throttling policies".into(),
        ClientError::HttpStatus(403) => {
            "allow MAPI/HTTP for the mailbox (Set-CASMailbox -MapiHttpEnabled $true)".into()
        }
        ClientError::HttpStatus(301 | 302 | 303 | 307 | 308) => {
            "set upstream.emsmdb_url to where the server redirects to; redirects are not followed with passwords".into()
        }
        ClientError::HttpStatus(_) | ClientError::NotMapi(_) => {
            "check that this is the MAPI/HTTP URL (…/mapi/emsmdb/), not a login page or a proxy that lets only other paths through"
                .into()
        }
        ClientError::Protocol(_) => "report this with a log at log.filter = \"debug\"".into(),
        ClientError::Configuration(_) => "correct the configuration".into(),
    }
}

/// What to do about an operation on the mailbox that failed.
pub(super) fn mailbox(error: &MailboxError) -> String {
    match error {
        MailboxError::Upstream { code, .. } => refused(*code),
        MailboxError::Transport(error) => client(error),
        MailboxError::Protocol(_) => "report this with a log at log.filter = \"debug\"".into(),
        MailboxError::Limit { .. } => "raise upstream.max_message_bytes if the message is wanted".into(),
    }
}

fn refused(code: ErrorCode) -> String {
    match code {
        ErrorCode::UNKNOWN_USER => {
            "the server doesn't know this legacyExchangeDN: check upstream.legacy_dn, or leave it to Autodiscover"
        }
        ErrorCode::LOGIN_PERM | ErrorCode::LOGIN_FAILURE | ErrorCode::ACCESS_DENIED => {
            "check that the user owns this mailbox or has full access to it"
        }
        ErrorCode::WRONG_SERVER => "the mailbox has moved: let Autodiscover find it, or correct upstream.emsmdb_url",
        ErrorCode::SERVER_BUSY => "try again later; if it stays, look at the server's throttling policies",
        _ => "look at the server's log at this time; the error code is Exchange's",
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_tls_are_spelled_out() {
        let explain = |error| connection(&ProbeError::Tls(rustls::Error::InvalidCertificate(error)), "mail.test");
        let (reason, next) = explain(CertificateError::UnknownIssuer);
        assert!(reason.contains("not trusted") && next.contains("upstream.ca_file"), "{reason}: {next}");
        let (reason, _) = explain(CertificateError::NotValidForName);
        assert!(reason.contains("another name than mail.test"), "{reason}");
        let (reason, next) = explain(CertificateError::Expired);
        assert!(reason.contains("expired") && next.contains("renewed"), "{reason}: {next}");
    }

    #[test]
    fn schemes_that_the_server_offers_are_named() {
        let offered = ["Negotiate".to_owned(), "NTLM".to_owned()];
        let (reason, next) = authentication(&AuthError::NotOffered(offered.to_vec()), None, "\"basic\"");
        assert!(reason.starts_with("the server offers Negotiate, NTLM; upstream.auth = \"basic\""), "{reason}");
        assert!(next.contains("Set-MapiVirtualDirectory"));
    }
}
