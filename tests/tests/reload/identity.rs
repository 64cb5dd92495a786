use std::path::Path;
use std::sync::Arc;

use mapi_core::client::AnyCertificate;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate and its key.
pub struct Identity {
    pub pem: String,
    pub key: String,
    pub der: Vec<u8>,
}

impl Identity {
    /// For `localhost`.
    pub fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let key = made.signing_key.serialize_pem();
        Self { pem: made.cert.pem(), key, der: made.cert.der().to_vec() }
    }

    /// Into `certificate.pem` and `key.pem`.
    pub fn write(&self, folder: &Path) {
        std::fs::write(folder.join("certificate.pem"), &self.pem).expect("written");
        std::fs::write(folder.join("key.pem"), &self.key).expect("written");
    }
}

/// Connects with TLS and takes any certificate.
pub async fn connect(address: std::net::SocketAddr) -> TlsStream<TcpStream> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate::new(provider)))
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.expect("it listens");
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("the handshake ends well")
}

/// The certificate that is shown there.
pub async fn shown(address: std::net::SocketAddr) -> Vec<u8> {
    let stream = connect(address).await;
    stream.get_ref().1.peer_certificates().expect("a certificate")[0].to_vec()
}
