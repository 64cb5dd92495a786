use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

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
    /// Certificates of further authorities, in PEM.
    pub extra_roots: Option<Vec<u8>>,
    /// Whether the system's authorities are left out, so that only `extra_roots` count.
    pub without_system_roots: bool,
    /// How certificates are checked.
    pub verification: TlsVerification,
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
        let mut config = match settings.verification {
            TlsVerification::Full => builder.with_root_certificates(roots(settings)?).with_no_client_auth(),
            TlsVerification::DangerousNone => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(NoVerification(provider)))
                .with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config) })
    }

    pub(crate) fn connector(&self) -> tokio_rustls::TlsConnector {
        tokio_rustls::TlsConnector::from(self.config.clone())
    }
}

fn roots(settings: &TlsSettings) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let mut problems = Vec::new();
    if !settings.without_system_roots {
        let system = rustls_native_certs::load_native_certs();
        problems.extend(system.errors.iter().map(ToString::to_string));
        roots.add_parsable_certificates(system.certs);
    }
    if let Some(pem) = &settings.extra_roots {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| TlsError::ExtraRoots(error.to_string()))?;
            roots.add(certificate).map_err(|error| TlsError::ExtraRoots(error.to_string()))?;
        }
        if roots.len() == before {
            return Err(TlsError::ExtraRoots("no certificate in it".to_owned()));
        }
    }
    if roots.is_empty() { Err(TlsError::NoRoots(problems.join("; "))) } else { Ok(roots) }
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

/// Takes any certificate; the handshake's signatures are still checked.
#[derive(Debug)]
struct NoVerification(Arc<CryptoProvider>);

impl ServerCertVerifier for NoVerification {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
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
        };
        assert!(matches!(Tls::new(&settings(b"no PEM")), Err(TlsError::ExtraRoots(_))));
        let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(Tls::new(&settings(damaged)), Err(TlsError::ExtraRoots(_))));
        let none = TlsSettings { without_system_roots: true, ..TlsSettings::default() };
        assert!(matches!(Tls::new(&none), Err(TlsError::NoRoots(_))));
        let unchecked = TlsSettings { verification: TlsVerification::DangerousNone, ..none };
        assert!(Tls::new(&unchecked).is_ok());
    }
}
