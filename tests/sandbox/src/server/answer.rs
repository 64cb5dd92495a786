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

use crate::Manners;

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
    style: Style,
}

/// How answers are written ([`crate::Manners`]).
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// PENDING without line end, PROCESSING twice.
    pub sloppy: bool,
    /// Largest chunk.
    pub pieces: Option<usize>,
    /// X-ResponseCode has other numbers.
    pub own_codes: bool,
}

impl Style {
    /// The style of a server's manners.
    pub fn of(manners: &Manners) -> Self {
        Self { sloppy: manners.sloppy_answers, pieces: manners.answer_pieces, own_codes: manners.own_response_codes }
    }
}

/// The sending end of a chunked answer.
#[derive(Debug)]
pub struct AnswerWriter {
    chunks: mpsc::Sender<Result<Bytes, Dropped>>,
    started: Instant,
    rtt: Duration,
    style: Style,
}

const SERVER: &str = concat!("Exchange/15.20.", env!("CARGO_PKG_VERSION"));

impl Envelope {
    /// The envelope of a request: its X-RequestType, X-RequestId and X-ClientInfo are echoed.
    pub fn of(request: &HeaderMap, rtt: Duration, style: Style) -> Self {
        let mut headers = HeaderMap::new();
        for name in [header::X_REQUEST_TYPE, header::X_REQUEST_ID, header::X_CLIENT_INFO] {
            if let (Ok(key), Some(value)) = (HeaderName::try_from(name), request.get(name)) {
                headers.insert(key, value.clone());
            }
        }
        put(&mut headers, header::X_SERVER_APPLICATION, SERVER);
        Self { headers, started: Instant::now(), rtt, style }
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
        let number = if self.style.own_codes { own_code(code) } else { code.0 };
        put(response.headers_mut(), header::X_RESPONSE_CODE, &number.to_string());
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
        (response, AnswerWriter { chunks: sender, started: self.started, rtt: self.rtt, style: self.style })
    }
}

impl AnswerWriter {
    /// Tells the client that the server still works; `false` if it is gone.
    pub async fn pending(&self) -> bool {
        let word = if self.style.sloppy { PENDING.trim_end() } else { PENDING };
        self.chunks.send(Ok(Bytes::from_static(word.as_bytes()))).await.is_ok()
    }

    /// Completes when the client is gone.
    pub async fn closed(&self) {
        self.chunks.closed().await;
    }

    /// Sends the binary body and ends the answer.
    pub async fn done(self, body: &[u8]) {
        tokio::time::sleep(self.rtt).await;
        let elapsed = self.started.elapsed().as_millis().to_string();
        let mut bytes = encode_done(&[(header::X_ELAPSED_TIME, &elapsed)], body);
        if self.style.sloppy {
            let words = [PENDING.trim_end(), PENDING.trim_end(), PROCESSING].concat();
            bytes.splice(..0, words.into_bytes());
        }
        let mut rest = Bytes::from(bytes);
        while !rest.is_empty() {
            let piece = rest.split_to(self.style.pieces.unwrap_or(rest.len()).clamp(1, rest.len()));
            if self.chunks.send(Ok(piece)).await.is_err() {
                // A client that is gone is no error of the server's.
                return;
            }
        }
    }
}

/// What Gromox calls a failure.
fn own_code(code: ResponseCode) -> u32 {
    match code {
        ResponseCode::INVALID_VERB => 1,
        ResponseCode::INVALID_CONTEXT_COOKIE | ResponseCode::CONTEXT_NOT_FOUND => 2,
        ResponseCode::MISSING_HEADER | ResponseCode::INVALID_HEADER => 3,
        ResponseCode::NO_PRIVILEGE => 4,
        ResponseCode::MISSING_COOKIE => 6,
        ResponseCode::INVALID_SEQUENCE => 7,
        ResponseCode::INVALID_REQUEST_TYPE => 8,
        _ => 5,
    }
}

/// The answer to a request without valid credentials, with its WWW-Authenticate values.
pub fn unauthorized(challenges: &[String]) -> Response<AnyBody> {
    let mut response = Response::new(full("authentication required"));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    for value in challenges.iter().filter_map(|challenge| HeaderValue::try_from(challenge).ok()) {
        response.headers_mut().append(WWW_AUTHENTICATE, value);
    }
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
