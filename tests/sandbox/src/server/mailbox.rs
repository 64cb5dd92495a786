//! The mailbox endpoint: Connect, Execute, NotificationWait, Disconnect, PING ([MS-OXCMAPIHTTP] 2.2.4).

use std::sync::Arc;

use http::Response;
use mapi_core::ErrorCode;
use mapi_core::http::{
    ConnectRequest, ConnectResponse, CookieJar, DisconnectRequest, DisconnectResponse, Endpoint, ExecuteRequest,
    ExecuteResponse, Failure, RequestType, ResponseCode, WaitRequest, WaitResponse, header,
};
use tokio::time::{Instant, sleep_until};

use super::answer::{AnswerWriter, AnyBody};
use super::context::{CONTEXT_COOKIE, Claim, SEQUENCE_COOKIE, SessionContext};
use super::request::{Instead, MapiRequest};
use super::service::Service;
use crate::session::{Rejection, Session, backoff};
use crate::store::DN_PREFIX;

/// Answers a request of the mailbox endpoint.
pub async fn handle(service: Arc<Service>, request: MapiRequest) -> Response<AnyBody> {
    match request.kind {
        RequestType::Connect => connect(service, request).await,
        RequestType::Execute => execute(service, request).await,
        RequestType::Disconnect => disconnect(service, request).await,
        RequestType::NotificationWait => wait(service, request).await,
        RequestType::Ping => ping(service, request, Endpoint::Mailbox).await,
        _ => request.envelope.failure(ResponseCode::INVALID_REQUEST_TYPE, "not of this endpoint").await,
    }
}

async fn connect(service: Arc<Service>, mut request: MapiRequest) -> Response<AnyBody> {
    let Ok(body) = ConnectRequest::decode(&request.body) else { return bad_body(request).await };
    close_former(&service, &request.cookies, request.user);
    let (user, error) = service.store.with(|store| {
        let named = store.user_by_dn(&body.user_dn);
        let error = match named {
            None => ErrorCode::UNKNOWN_USER,
            Some(index) if index != request.user => ErrorCode::ACCESS_DENIED,
            Some(_) => ErrorCode::NONE,
        };
        (store.users().get(request.user).cloned(), error)
    });
    let mut error = error;
    if error == ErrorCode::NONE {
        match service.contexts.open(request.user, Endpoint::Mailbox, Session::new(request.user)) {
            Some(context) => set_cookies(&mut request, &service, &context),
            None => error = ErrorCode::LOGIN_FAILURE,
        }
    }
    let response = ConnectResponse {
        error,
        polls_max: 60_000,
        retry_count: 6,
        retry_delay: 10_000,
        dn_prefix: DN_PREFIX.to_owned(),
        display_name: user.map(|user| user.display_name).unwrap_or_default(),
        auxiliary: Vec::new(),
    };
    finish(&service, request, response.encode())
}

async fn execute(service: Arc<Service>, mut request: MapiRequest) -> Response<AnyBody> {
    let found = service.contexts.find(&request.cookies, request.user, Endpoint::Mailbox, true);
    let (context, claim) = match found.and_then(claim) {
        Ok(claimed) => claimed,
        Err(code) => return request.envelope.failure(code, "Execute").await,
    };
    let Ok(body) = ExecuteRequest::decode(&request.body) else {
        drop(claim);
        return bad_body(request).await;
    };
    context.advance();
    set_cookies(&mut request, &service, &context);
    let mut refused_logon = None;
    let instead = match request.instead {
        Some(Instead::Fail(error)) => Some(Err(error)),
        Some(Instead::Backoff(duration)) => Some(backoff(duration, &body)),
        Some(Instead::RefuseLogon(code)) => {
            refused_logon = Some(code);
            None
        }
        Some(Instead::Status(_)) | None => None,
    };
    if let Some(answer) = instead {
        return finish(&service, request, execute_response(answer.map_err(Rejection::Error)));
    }
    let (user, came) = (request.user, request.came);
    let (response, writer) = request.envelope.accept(service.settings.pending_period);
    tokio::spawn(async move {
        let reply = run(&service, &context, &body, refused_logon);
        // The next request may come as soon as this answer is there.
        drop(claim);
        service.counters.bytes_out(reply.len());
        service.counters.worked(user, came.elapsed());
        writer.done(&reply).await;
    });
    response
}

/// Runs the ROPs of one Execute.
fn run(
    service: &Service,
    context: &SessionContext,
    body: &ExecuteRequest,
    refused_logon: Option<ErrorCode>,
) -> Vec<u8> {
    execute_response(service.store.with(|store| {
        let mut session = context.session();
        session.refuse_logons(refused_logon);
        session.execute(store, &service.counters, body)
    }))
}

fn execute_response(answer: Result<Vec<u8>, Rejection>) -> Vec<u8> {
    let (error, rop_buffer) = match answer {
        Ok(rop_buffer) => (ErrorCode::NONE, rop_buffer),
        Err(Rejection::Error(error)) => (error, Vec::new()),
        Err(Rejection::Status(status)) => return Failure { status }.encode(),
    };
    ExecuteResponse { error, flags: 0, rop_buffer, auxiliary: Vec::new() }.encode()
}

async fn disconnect(service: Arc<Service>, mut request: MapiRequest) -> Response<AnyBody> {
    if DisconnectRequest::decode(&request.body).is_err() {
        return bad_body(request).await;
    }
    match service.contexts.find(&request.cookies, request.user, Endpoint::Mailbox, true).and_then(claim) {
        Ok((context, _claim)) => {
            // Cookies come all the same ([MS-OXCMAPIHTTP] R1255).
            set_cookies(&mut request, &service, &context);
            service.contexts.close(context.id());
        }
        Err(code) => return request.envelope.failure(code, "Disconnect").await,
    }
    let response = DisconnectResponse { error: ErrorCode::NONE, auxiliary: Vec::new() };
    finish(&service, request, response.encode())
}

async fn wait(service: Arc<Service>, mut request: MapiRequest) -> Response<AnyBody> {
    let context = match service.contexts.find(&request.cookies, request.user, Endpoint::Mailbox, false) {
        Ok(context) => context,
        Err(code) => return request.envelope.failure(code, "NotificationWait").await,
    };
    request.envelope.cookie(CONTEXT_COOKIE, context.id());
    if service.store.with(|store| store.manners().wait_tells_sequence) {
        request.envelope.cookie(SEQUENCE_COOKIE, &context.answered_sequence());
    }
    set_expiration(&mut request, &service);
    if WaitRequest::decode(&request.body).is_err() {
        return bad_body(request).await;
    }
    let Some(claim) = context.claim_wait() else {
        let refused = WaitResponse { error: ErrorCode::WAIT_REJECTED, event_pending: false, auxiliary: Vec::new() };
        return finish(&service, request, refused.encode());
    };
    let (response, writer) = request.envelope.accept(service.settings.pending_period);
    tokio::spawn(async move {
        if let Some(event_pending) = wait_for_event(&service, &context, &writer).await {
            drop(claim);
            let body = WaitResponse { error: ErrorCode::NONE, event_pending, auxiliary: Vec::new() }.encode();
            writer.done(&body).await;
        }
    });
    response
}

/// Whether an event came before the wait ended by itself; `None` if the client is gone.
async fn wait_for_event(service: &Service, context: &SessionContext, writer: &AnswerWriter) -> Option<bool> {
    let mut changes = service.store.watch();
    let end = Instant::now() + service.settings.wait_limit;
    let mut keep_alive = Instant::now() + service.settings.pending_period;
    loop {
        changes.mark_unchanged();
        let gone = context.gone.notified();
        let (has_events, delayed) =
            service.store.with(|store| (context.session().has_events(store), store.next_delayed()));
        if has_events {
            return Some(true);
        }
        let next = delayed.map_or(end, |delayed| end.min(delayed.into()));
        if context.is_closed() || Instant::now() >= end {
            return Some(false);
        }
        tokio::select! {
            changed = changes.changed() => changed.ok()?,
            () = gone => return Some(false),
            () = writer.closed() => return None,
            () = sleep_until(next) => {}
            () = sleep_until(keep_alive) => {
                keep_alive += service.settings.pending_period;
                context.touch();
                if !writer.pending().await {
                    return None;
                }
            }
        }
    }
}

/// PING of either endpoint: keeps the context alive.
pub async fn ping(service: Arc<Service>, mut request: MapiRequest, endpoint: Endpoint) -> Response<AnyBody> {
    match service.contexts.find(&request.cookies, request.user, endpoint, false) {
        Ok(context) => context.touch(),
        Err(code) => return request.envelope.failure(code, "PING").await,
    }
    set_expiration(&mut request, &service);
    finish(&service, request, Vec::new())
}

/// A context that this client had before goes when it connects anew.
pub fn close_former(service: &Service, cookies: &CookieJar, user: usize) {
    for endpoint in [Endpoint::Mailbox, Endpoint::AddressBook] {
        if let Ok(context) = service.contexts.find(cookies, user, endpoint, false) {
            service.contexts.close(context.id());
        }
    }
}

/// Puts the cookies of `context` and its life time into the answer.
pub fn set_cookies(request: &mut MapiRequest, service: &Service, context: &SessionContext) {
    request.envelope.cookie(CONTEXT_COOKIE, context.id());
    request.envelope.cookie(SEQUENCE_COOKIE, &context.sequence());
    set_expiration(request, service);
}

/// Every answer about a context tells how long it lives ([MS-OXCMAPIHTTP] R167).
fn set_expiration(request: &mut MapiRequest, service: &Service) {
    request.envelope.header(header::X_EXPIRATION_INFO, service.settings.expiration.as_millis().to_string());
}

/// Claims a context for one request.
pub fn claim(context: Arc<SessionContext>) -> Result<(Arc<SessionContext>, Claim), ResponseCode> {
    let claim = context.claim().ok_or(ResponseCode::INVALID_SEQUENCE)?;
    Ok((context, claim))
}

/// An accepted answer whose body is there already.
pub fn finish(service: &Service, request: MapiRequest, body: Vec<u8>) -> Response<AnyBody> {
    service.counters.bytes_out(body.len());
    service.counters.worked(request.user, request.came.elapsed());
    let (response, writer) = request.envelope.accept(service.settings.pending_period);
    tokio::spawn(async move { writer.done(&body).await });
    response
}

/// The answer to a body that cannot be read.
pub async fn bad_body(request: MapiRequest) -> Response<AnyBody> {
    request.envelope.failure(ResponseCode::INVALID_REQUEST_BODY, request.kind.name()).await
}
