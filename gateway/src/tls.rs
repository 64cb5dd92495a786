//! The gateway's own certificate, as a rustls server configuration.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::config::{ConfigError, TlsConfig};

/// The certificate that the listeners show. Another one can take its place while they run: connections that are open go on,
/// and who connects then sees the new one.
#[derive(Debug)]
pub struct Certificate(RwLock<Arc<CertifiedKey>>);

impl Certificate {
    /// Shows `key` at first.
    pub fn new(key: Arc<CertifiedKey>) -> Arc<Self> {
        Arc::new(Self(RwLock::new(key)))
    }

    /// What is shown now.
    pub fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows `key` from now on.
    pub fn replace(&self, key: Arc<CertifiedKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = key;
    }

    /// A server configuration that shows it: TLS 1.2 and 1.3, no client certificates.
    ///
    /// # Errors
    /// None that rustls is known to have.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, ConfigError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| ConfigError::invalid("tls", error.to_string()))?;
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
        Ok(Arc::new(builder.with_no_client_auth().with_cert_resolver(resolver)))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

/// Reads the certificate chain and key that `config` names.
///
/// # Errors
/// Files that can't be read or hold no certificate or key, and keys that don't fit the certificate.
pub fn certified_key(config: &TlsConfig) -> Result<Arc<CertifiedKey>, ConfigError> {
    let chain = certificates("tls.certificate_file", &config.certificate_file)?;
    let key_error = |problem: String| ConfigError::invalid("tls.key_file", problem);
    let path = &config.key_file;
    let key = PrivateKeyDer::from_pem_file(path)
        .map_err(|error| key_error(format!("{}: {error}: expected a PEM file with a private key", path.display())))?;
    let provider = rustls::crypto::ring::default_provider();
    let certified = CertifiedKey::from_der(chain, key, &provider);
    certified.map(Arc::new).map_err(|error| key_error(format!("certificate and key don't go together: {error}")))
}

/// A server configuration of a chain and its key: TLS 1.2 and 1.3, no client certificates.
///
/// # Errors
/// A key that rustls refuses or that doesn't fit the certificate.
pub fn from_parts(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}

/// All certificates of a PEM file, at least one.
///
/// # Errors
/// Names `key`.
pub fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let invalid = |error: String| {
        ConfigError::invalid(key, format!("{}: {error}: expected a PEM file with certificates", path.display()))
    };
    let file = File::open(path).map_err(|error| invalid(error.to_string()))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_reader_iter(io::BufReader::new(file)).collect();
    let chain = read.map_err(|error| invalid(error.to_string()))?;
    if chain.is_empty() { Err(invalid("no certificate in it".into())) } else { Ok(chain) }
}
