use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use ::http::{HeaderValue, Method, Request as HttpRequest};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::exchange::{ExchangeError, Outgoing, Received};
use super::meter::Metered;
use super::{Counters, EndpointUrl, Timeouts, Tls};
use crate::auth::{AuthChannel, AuthScheme, Credentials};
use crate::http::EntityDecoder;
use crate::session::ResponseHead;

/// Pending periods are believed up to ten minutes.
const MAX_PENDING_PERIOD: u32 = 10 * 60 * 1000;
const MAX_HEADERS: usize = 100;

/// An HTTP/1.1 connection and the state of authentication on it. Dropping it closes it at once, whatever is under way.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    host: String,
    certificate: Option<Vec<u8>>,
    encrypted: bool,
    pub(super) scheme: Box<dyn AuthScheme>,
    written: Arc<AtomicU64>,
    idle_since: Instant,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    /// Connects to the host of `url`.
    pub(super) async fn open(
        url: &EndpointUrl,
        tls: &Tls,
        credentials: &dyn Credentials,
        limit: Duration,
        counters: &Arc<Counters>,
    ) -> Result<Self, ExchangeError> {
        counters.count_connection();
        match timeout(limit, Self::connect(url, tls, credentials, counters)).await {
            Ok(done) => done.map_err(|why| ExchangeError::NotSent(format!("{}: {why}", url.host_header()))),
            Err(_) => Err(ExchangeError::NotSent(format!("{}: no connection within {limit:?}", url.host_header()))),
        }
    }

    async fn connect(
        url: &EndpointUrl,
        tls: &Tls,
        credentials: &dyn Credentials,
        counters: &Arc<Counters>,
    ) -> Result<Self, String> {
        let tcp = TcpStream::connect((url.host(), url.port())).await.map_err(|error| error.to_string())?;
        tcp.set_nodelay(true).map_err(|error| error.to_string())?;
        let written = Arc::new(AtomicU64::new(0));
        let mut certificate = None;
        let (sender, driver) = if url.is_tls() {
            let name = ServerName::try_from(url.host().to_owned()).map_err(|error| error.to_string())?;
            let stream = tls.connector().connect(name, tcp).await.map_err(|error| error.to_string())?;
            let chain = stream.get_ref().1.peer_certificates();
            certificate = chain.and_then(|c| c.first()).map(|first| first.as_ref().to_vec());
            handshake(Metered::new(stream, counters.clone(), written.clone())).await?
        } else {
            handshake(Metered::new(tcp, counters.clone(), written.clone())).await?
        };
        let (scheme, encrypted, host) = (credentials.scheme(), url.is_tls(), url.host().to_owned());
        Ok(Self { sender, driver, host, certificate, encrypted, scheme, written, idle_since: Instant::now() })
    }

    /// What authentication may know of the connection.
    pub(super) fn auth(&mut self) -> (&mut dyn AuthScheme, AuthChannel<'_>) {
        let channel = AuthChannel {
            host: &self.host,
            encrypted: self.encrypted,
            server_certificate: self.certificate.as_deref(),
            now: SystemTime::now(),
        };
        (&mut *self.scheme, channel)
    }

    /// Whether it can carry another request, as far as can be told.
    pub(super) async fn is_usable(&mut self, idle: Duration) -> bool {
        // Lets the driver notice a close, or the 408 that some servers send on idle connections.
        tokio::task::yield_now().await;
        self.idle_since.elapsed() < idle && !self.sender.is_closed() && self.sender.ready().await.is_ok()
    }

    /// Sends a request and reads its response.
    pub(super) async fn exchange(
        &mut self,
        request: &Outgoing<'_>,
        authorization: Option<&SecretString>,
        timeouts: &Timeouts,
    ) -> Result<Received, ExchangeError> {
        self.run(build(request, authorization)?, request, timeouts).await
    }

    /// Sends a request as GET, without its body and without credentials, and reads its response.
    pub(super) async fn get(&mut self, request: &Outgoing<'_>, timeouts: &Timeouts) -> Result<Received, ExchangeError> {
        let bare = Outgoing { body: Bytes::new(), ..*request };
        let mut http = build(&bare, None)?;
        *http.method_mut() = Method::GET;
        http.headers_mut().remove(::http::header::CONTENT_LENGTH);
        self.run(http, &bare, timeouts).await
    }

    async fn run(
        &mut self,
        http: HttpRequest<Full<Bytes>>,
        request: &Outgoing<'_>,
        timeouts: &Timeouts,
    ) -> Result<Received, ExchangeError> {
        let before = self.written.load(Ordering::Acquire);
        if self.sender.ready().await.is_err() {
            return Err(ExchangeError::NotSent("connection closed".to_owned()));
        }
        let response = match timeout(timeouts.first_byte, self.sender.try_send_request(http)).await {
            Ok(Ok(response)) => response,
            Ok(Err(mut error)) => {
                // Either hyper never began to write, or less left than the body is long: the server cannot have it whole.
                let written = self.written.load(Ordering::Acquire) - before;
                let why = describe(error.error());
                return Err(if error.take_message().is_some() || written < request.body.len() as u64 {
                    ExchangeError::NotSent(why)
                } else {
                    ExchangeError::Unknown(why)
                });
            }
            Err(_) => {
                return Err(ExchangeError::Unknown(format!("no byte of an answer within {:?}", timeouts.first_byte)));
            }
        };
        let received = read(response, request, timeouts).await?;
        self.idle_since = Instant::now();
        Ok(received)
    }
}

async fn handshake<S>(stream: S) -> Result<(SendRequest<Full<Bytes>>, JoinHandle<()>), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = Builder::new()
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| describe(&error))?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = %describe(&error), "connection ended");
        }
    });
    Ok((sender, driver))
}

fn build(
    request: &Outgoing<'_>,
    authorization: Option<&SecretString>,
) -> Result<HttpRequest<Full<Bytes>>, ExchangeError> {
    let invalid = |error: ::http::Error| ExchangeError::Invalid(error.to_string());
    let mut http = HttpRequest::post(request.target);
    for (name, value) in request.headers {
        http = http.header(*name, value.as_str());
    }
    if let Some(secret) = authorization {
        let mut value = HeaderValue::from_str(secret.expose_secret())
            .map_err(|_| ExchangeError::Invalid("credentials do not fit a header".to_owned()))?;
        value.set_sensitive(true);
        http = http.header(::http::header::AUTHORIZATION, value);
    }
    if request.body.is_empty() {
        // Not said by hyper, and a POST without it is refused by IIS (411).
        http = http.header(::http::header::CONTENT_LENGTH, 0);
    }
    http.body(Full::new(request.body.clone())).map_err(invalid)
}

async fn read(
    response: ::http::Response<Incoming>,
    request: &Outgoing<'_>,
    timeouts: &Timeouts,
) -> Result<Received, ExchangeError> {
    let (parts, mut body) = response.into_parts();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let head = ResponseHead { status: parts.status.as_u16(), headers: headers.collect() };
    let pending = Duration::from_millis(u64::from(head.pending_period().min(MAX_PENDING_PERIOD)));
    let silence = pending * 2 + timeouts.slack;
    let mut entity = head.is_binary().then(|| EntityDecoder::new(request.max_body));
    let mut text = Vec::new();
    loop {
        let frame = match timeout(silence, body.frame()).await {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => return Err(ExchangeError::Unknown(describe(&error))),
            Err(_) => return Err(ExchangeError::Unknown(format!("silence for {silence:?} within an answer"))),
        };
        let Some(data) = frame.data_ref() else { continue };
        match &mut entity {
            Some(decoder) => decoder.push(data).map_err(|error| ExchangeError::Unknown(error.to_string()))?,
            None if text.len() + data.len() > request.max_text => {
                return Ok(Received { head, entity: None, text, reusable: false, complete: false });
            }
            None => text.extend_from_slice(data),
        }
    }
    let entity = entity.map(EntityDecoder::finish).transpose();
    let entity = entity.map_err(|error| ExchangeError::Unknown(error.to_string()))?;
    Ok(Received { head, entity, text, reusable: true, complete: true })
}

/// An error of hyper with its causes, which its own text leaves out.
fn describe(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
