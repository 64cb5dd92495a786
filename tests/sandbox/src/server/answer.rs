//! The one place where answers leave the server.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, SET_COOKIE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use hyper::body::{Body, Frame};
use mapi_core::http::{PENDING, PROCESSING, ResponseCode, encode_done, header};
use tokio::sync::mpsc;

/// A response body that is written while the server works, chunk by chunk.
#[derive(Debug)]
pub struct ChunkBody {
    chunks: mpsc::Receiver<Result<Bytes, Dropped>>,
}

/// The connection ends here, answered or not.
#[derive(Debug, Clone, Copy)]
pub struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is closed on purpose")
    }
}

impl std::error::Error for Dropped {}

impl ChunkBody {
    /// A body and the end to write it to.
    pub fn channel() -> (mpsc::Sender<Result<Bytes, Dropped>>, Self) {
        let (sender, chunks) = mpsc::channel(8);
        (sender, Self { chunks })
    }
}

impl Body for ChunkBody {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.chunks.poll_recv(context).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}

/// Any body this server sends.
pub type AnyBody = http_body_util::Either<http_body_util::Full<Bytes>, ChunkBody>;

/// What the answers to one request have in common.
#[derive(Debug, Clone)]
pub struct Envelope {
    headers: HeaderMap,
    started: Instant,
    rtt: Duration,
}

/// The sending end of a chunked answer.
#[derive(Debug)]
pub struct AnswerWriter {
    chunks: mpsc::Sender<Result<Bytes, Dropped>>,
    started: Instant,
    rtt: Duration,
}

const SERVER: &str = concat!("Exchange/15.20.", env!("CARGO_PKG_VERSION"));

impl Envelope {
    /// The envelope of a request: its X-RequestType, X-RequestId and X-ClientInfo are echoed.
    pub fn of(request: &HeaderMap, rtt: Duration) -> Self {
        let mut headers = HeaderMap::new();
        for name in [header::X_REQUEST_TYPE, header::X_REQUEST_ID, header::X_CLIENT_INFO] {
            if let (Ok(key), Some(value)) = (HeaderName::try_from(name), request.get(name)) {
                headers.insert(key, value.clone());
            }
        }
        put(&mut headers, header::X_SERVER_APPLICATION, SERVER);
        Self { headers, started: Instant::now(), rtt }
    }

    /// Adds a header.
    pub fn header(&mut self, name: &str, value: impl AsRef<str>) {
        put(&mut self.headers, name, value.as_ref());
    }

    /// Adds a cookie of the session context.
    pub fn cookie(&mut self, name: &str, value: &str) {
        if let Ok(value) = HeaderValue::try_from(format!("{name}={value}; path=/mapi/; HttpOnly")) {
            self.headers.append(SET_COOKIE, value);
        }
    }

    /// The answer to a request that a MAPI/HTTP server cannot take ([MS-OXCMAPIHTTP] 3.2.5.2): a response code and a
    /// text for humans.
    pub async fn failure(self, code: ResponseCode, text: &str) -> Response<AnyBody> {
        tokio::time::sleep(self.rtt).await;
        let mut response = Response::new(full(format!("<html><body>{text}</body></html>")));
        *response.headers_mut() = self.headers;
        put(response.headers_mut(), header::X_RESPONSE_CODE, &code.0.to_string());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        response
    }

    /// Starts an answer that is accepted: PROCESSING leaves at once, the rest when there is one.
    pub fn accept(self, pending_period: Duration) -> (Response<AnyBody>, AnswerWriter) {
        let (sender, body) = ChunkBody::channel();
        // There is room for it: the channel is new.
        let _ = sender.try_send(Ok(Bytes::from_static(PROCESSING.as_bytes())));
        let mut response = Response::new(AnyBody::Right(body));
        *response.headers_mut() = self.headers;
        let headers = response.headers_mut();
        put(headers, header::X_RESPONSE_CODE, "0");
        put(headers, header::X_PENDING_PERIOD, &pending_period.as_millis().to_string());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(header::CONTENT_TYPE_MAPI));
        (response, AnswerWriter { chunks: sender, started: self.started, rtt: self.rtt })
    }
}

impl AnswerWriter {
    /// Tells the client that the server still works; `false` if it is gone.
    pub async fn pending(&self) -> bool {
        self.chunks.send(Ok(Bytes::from_static(PENDING.as_bytes()))).await.is_ok()
    }

    /// Completes when the client is gone.
    pub async fn closed(&self) {
        self.chunks.closed().await;
    }

    /// Sends the binary body and ends the answer.
    pub async fn done(self, body: &[u8]) {
        tokio::time::sleep(self.rtt).await;
        let elapsed = self.started.elapsed().as_millis().to_string();
        let bytes = encode_done(&[(header::X_ELAPSED_TIME, &elapsed)], body);
        // A client that is gone is no error of the server's.
        let _ = self.chunks.send(Ok(Bytes::from(bytes))).await;
    }
}

/// The answer to a request without valid credentials.
pub fn unauthorized() -> Response<AnyBody> {
    let mut response = Response::new(full("authentication required"));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"sandbox\""));
    response
}

/// An answer outside MAPI/HTTP.
pub async fn plain(status: StatusCode, content_type: &'static str, body: String, rtt: Duration) -> Response<AnyBody> {
    tokio::time::sleep(rtt).await;
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn full(body: impl Into<Bytes>) -> AnyBody {
    AnyBody::Left(http_body_util::Full::new(body.into()))
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        headers.insert(name, value);
    }
}
