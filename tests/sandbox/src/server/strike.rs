//! How faults act on requests and their answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{RETRY_AFTER, SET_COOKIE};
use http::{HeaderValue, Response, StatusCode, response};
use http_body_util::BodyExt;
use mapi_core::http::{CookieJar, Endpoint, PROCESSING};

use super::answer::{AnyBody, ChunkBody, Dropped, plain};
use super::context::CONTEXT_COOKIE;
use super::request::{Instead, MapiRequest};
use super::service::Service;
use crate::fault::{FaultKind, Strike};

/// Time in which the first half of an answer that is cut leaves the machine.
const FLUSH: Duration = Duration::from_millis(20);

/// Answers a request that meets a fault; `Dropped`: by closing the connection.
pub async fn apply(
    service: Arc<Service>,
    endpoint: Endpoint,
    mut request: MapiRequest,
    strike: Strike,
) -> Result<Response<AnyBody>, Dropped> {
    let pending_period = service.settings.pending_period;
    match strike.kind {
        FaultKind::CloseBefore => {
            strike.signal.hit();
            return Err(Dropped);
        }
        FaultKind::HttpStatus { status, retry_after } => {
            strike.signal.hit();
            return Ok(refusal(status, retry_after, service.settings.rtt).await);
        }
        FaultKind::HangBefore { keep_alives } => {
            let (head, _) = request.envelope.accept(pending_period).0.into_parts();
            strike.signal.hit();
            return Ok(hang(head, keep_alives, pending_period).await);
        }
        FaultKind::LoseContextBefore => {
            lose(&service, &request.cookies);
            strike.signal.hit();
            return Ok(service.answer(endpoint, request).await);
        }
        FaultKind::Backoff(duration) => {
            request.instead = Some(Instead::Backoff(duration));
            strike.signal.hit();
            return Ok(service.answer(endpoint, request).await);
        }
        FaultKind::Fail(code) => {
            request.instead = Some(Instead::Fail(code));
            strike.signal.hit();
            return Ok(service.answer(endpoint, request).await);
        }
        FaultKind::Status(status) => {
            request.instead = Some(Instead::Status(status));
            strike.signal.hit();
            return Ok(service.answer(endpoint, request).await);
        }
        FaultKind::RefuseLogon(code) => {
            request.instead = Some(Instead::RefuseLogon(code));
            strike.signal.hit();
            return Ok(service.answer(endpoint, request).await);
        }
        FaultKind::CloseAfter | FaultKind::CutAnswer | FaultKind::LoseContextAfter | FaultKind::HangAfter { .. } => {}
    }
    let mut cookies = request.cookies.clone();
    let (head, body) = service.clone().answer(endpoint, request).await.into_parts();
    // Once the whole answer is there, the request was processed.
    let whole = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    match strike.kind {
        FaultKind::CutAnswer => {
            strike.signal.hit();
            Ok(Response::from_parts(head, cut(&whole)))
        }
        FaultKind::LoseContextAfter => {
            let set = head.headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
            set.for_each(|value| cookies.store(value));
            lose(&service, &cookies);
            strike.signal.hit();
            Ok(Response::from_parts(head, AnyBody::Left(whole.into())))
        }
        FaultKind::HangAfter { keep_alives } => {
            strike.signal.hit();
            Ok(hang(head, keep_alives, pending_period).await)
        }
        _ => {
            strike.signal.hit();
            Err(Dropped)
        }
    }
}

/// An HTTP status instead of an answer.
pub async fn refusal(status: u16, retry_after: Option<Duration>, rtt: Duration) -> Response<AnyBody> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = plain(status, "text/plain", "too busy".to_owned(), rtt).await;
    if let Some(after) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
    }
    response
}

/// The session context that the cookies name goes, as if the server had been restarted.
fn lose(service: &Service, cookies: &CookieJar) {
    if let Some(id) = cookies.get(CONTEXT_COOKIE) {
        service.contexts.close(id);
    }
}

/// The first half of an answer, then the end of the connection.
fn cut(whole: &Bytes) -> AnyBody {
    let half = whole.slice(..whole.len() / 2);
    let (sender, body) = ChunkBody::channel();
    tokio::spawn(async move {
        // A client that is gone needs no cut.
        let _ = sender.send(Ok(half)).await;
        tokio::time::sleep(FLUSH).await;
        let _ = sender.send(Err(Dropped)).await;
    });
    AnyBody::Right(body)
}

/// No answer for as long as the client waits; with keep-alives at least its head.
async fn hang(head: response::Parts, keep_alives: bool, period: Duration) -> Response<AnyBody> {
    if !keep_alives {
        // The connection's end drops this.
        std::future::pending::<()>().await;
    }
    let (sender, body) = ChunkBody::channel();
    tokio::spawn(async move {
        let mut word = Bytes::from_static(PROCESSING.as_bytes());
        while sender.send(Ok(word)).await.is_ok() {
            word = Bytes::from_static(mapi_core::http::PENDING.as_bytes());
            tokio::select! {
                () = tokio::time::sleep(period) => {}
                () = sender.closed() => return,
            }
        }
    });
    Response::from_parts(head, AnyBody::Right(body))
}
