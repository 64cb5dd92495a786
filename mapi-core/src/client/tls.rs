use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::AnyCertificate;

/// How the server's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsVerification {
    /// Against the roots, and for the host's name.
    #[default]
    Full,
    /// Not at all: whoever is on the way reads passwords and mail. Warn at every start.
    DangerousNone,
}

/// What https connections trust.
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    /// Certificates of further authorities, in PEM. A self-signed certificate of the server itself may be among them.
    pub extra_roots: Option<Vec<u8>>,
    /// Whether the system's authorities are left out, so that only `extra_roots` count.
    pub without_system_roots: bool,
    /// How certificates are checked.
    pub verification: TlsVerification,
    /// Having no authority at all is no error: then no https server is trusted. For those who mean to use plain http.
    pub allow_no_roots: bool,
}

/// TLS set up once, for any number of clients.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
}

/// Why TLS could not be set up.
#[derive(Debug)]
pub enum TlsError {
    /// The PEM of extra roots holds no certificate, or a damaged one.
    ExtraRoots(String),
    /// There is not a single root to check against.
    NoRoots(String),
    /// The TLS library refused.
    Library(rustls::Error),
}

impl Tls {
    /// Sets TLS up. Reads the system's certificate files, so call it once.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn new(settings: &TlsSettings) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let builder = builder.map_err(TlsError::Library)?;
        let verified_by = |verifier: Arc<dyn ServerCertVerifier>| {
            builder.clone().dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        };
        let mut config = match settings.verification {
            TlsVerification::Full => match Verification::new(settings, provider) {
                Ok(verification) => verified_by(Arc::new(verification)),
                // rustls's own verifier takes an empty store, and then refuses every certificate.
                Err(TlsError::NoRoots(_)) if settings.allow_no_roots => {
                    builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
                }
                Err(error) => return Err(error),
            },
            TlsVerification::DangerousNone => verified_by(Arc::new(AnyCertificate::new(provider))),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config) })
    }

    pub(crate) fn connector(&self) -> tokio_rustls::TlsConnector {
        tokio_rustls::TlsConnector::from(self.config.clone())
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExtraRoots(why) => write!(f, "extra certificate authorities: {why}"),
            Self::NoRoots(why) if why.is_empty() => write!(f, "no certificate authorities"),
            Self::NoRoots(why) => write!(f, "no certificate authorities: {why}"),
            Self::Library(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TlsError {}

/// Chains to the roots, as usual; besides, the extra certificates themselves. Without the latter, self-signed certificates
/// that call themselves an authority (as most do) could not be used at all.
#[derive(Debug)]
struct Verification {
    chains: Arc<WebPkiServerVerifier>,
    extra: Vec<CertificateDer<'static>>,
}

impl Verification {
    fn new(settings: &TlsSettings, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        let mut problems = Vec::new();
        if !settings.without_system_roots {
            let system = rustls_native_certs::load_native_certs();
            problems.extend(system.errors.iter().map(ToString::to_string));
            roots.add_parsable_certificates(system.certs);
        }
        let mut extra = Vec::new();
        if let Some(pem) = &settings.extra_roots {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| TlsError::ExtraRoots(error.to_string()))?;
                roots.add(certificate.clone()).map_err(|error| TlsError::ExtraRoots(error.to_string()))?;
                extra.push(certificate);
            }
            if extra.is_empty() {
                return Err(TlsError::ExtraRoots("no certificate in it".to_owned()));
            }
        }
        if roots.is_empty() {
            return Err(TlsError::NoRoots(problems.join("; ")));
        }
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        Ok(Self { chains: chains.map_err(|error| TlsError::NoRoots(error.to_string()))?, extra })
    }
}

impl ServerCertVerifier for Verification {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.extra.iter().any(|known| known.as_ref() == end_entity.as_ref()) {
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        self.chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_roots_must_hold_a_certificate() {
        let settings = |pem: &[u8]| TlsSettings {
            extra_roots: Some(pem.to_vec()),
            without_system_roots: true,
            verification: TlsVerification::Full,
            allow_no_roots: false,
        };
        assert!(matches!(Tls::new(&settings(b"no PEM")), Err(TlsError::ExtraRoots(_))));
        let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(Tls::new(&settings(damaged)), Err(TlsError::ExtraRoots(_))));
        let none = TlsSettings { without_system_roots: true, ..TlsSettings::default() };
        assert!(matches!(Tls::new(&none), Err(TlsError::NoRoots(_))));
        assert!(Tls::new(&TlsSettings { allow_no_roots: true, ..none.clone() }).is_ok());
        let unchecked = TlsSettings { verification: TlsVerification::DangerousNone, ..none };
        assert!(Tls::new(&unchecked).is_ok());
    }

    #[test]
    fn a_self_signed_certificate_of_the_server_is_taken_for_its_name_only() {
        let certificate = |name: &str| {
            let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name");
            // As `openssl req -x509` makes them: end entity and authority at once.
            parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            parameters.self_signed(&rcgen::KeyPair::generate().expect("a key")).expect("a certificate")
        };
        let (ours, other) = (certificate("mail.test"), certificate("mail.test"));
        let settings = TlsSettings {
            extra_roots: Some(ours.pem().into_bytes()),
            without_system_roots: true,
            verification: TlsVerification::Full,
            allow_no_roots: false,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verification = Verification::new(&settings, provider).expect("a root");
        let check = |certificate: &rcgen::Certificate, name: &str| {
            let name = ServerName::try_from(name.to_owned()).expect("a name");
            verification.verify_server_cert(certificate.der(), &[], &name, &[], UnixTime::now())
        };
        assert!(check(&ours, "mail.test").is_ok());
        assert!(check(&ours, "other.test").is_err());
        assert!(check(&other, "mail.test").is_err());
    }
}
