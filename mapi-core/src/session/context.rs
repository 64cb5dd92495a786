use std::fmt;

use super::{Response, ResponseHead, SessionError};
use crate::ErrorCode;
use crate::http::{ClientInfo, CookieJar, CookieVersion, RequestId, RequestType, ResponseCode, header};
use crate::id::Guid;
use crate::wire::Reader;

/// What does not change from one session context to the next.
#[derive(Debug, Clone)]
pub struct ContextSettings {
    /// Path and query of the endpoint, byte for byte as Autodiscover or the configuration gave them.
    pub target: String,
    /// Host header: host and, unless it is the scheme's own, port.
    pub host: String,
    /// X-ClientApplication.
    pub client_application: String,
    /// Constant for the life of the client.
    pub client_instance: Guid,
}

/// A request to be sent: POST.
#[derive(Clone)]
pub struct Request {
    /// What is asked for.
    pub kind: RequestType,
    /// Path and query.
    pub target: String,
    /// Headers, except Authorization and Content-Length.
    pub headers: Vec<(&'static str, String)>,
    /// The entity.
    pub body: Vec<u8>,
    /// To be given back with the response.
    pub ticket: Ticket,
}

/// Ties a response to the state in which its request was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    kind: RequestType,
    generation: u64,
    cookies: CookieVersion,
    had_cookies: bool,
}

impl Ticket {
    /// Whether the request carried cookies: a refused Connect or Bind that did is to be made again, now without.
    pub fn had_cookies(self) -> bool {
        self.had_cookies
    }
}

/// One session context with one endpoint, and its successors.
///
/// - One request at a time, except that NotificationWait and PING go beside others.
/// - Any non-zero response code ends the context; so does a request whose answer was not read to its end, as the sequence
///   cookie is then unknown and so is what ran.
/// - Answers to NotificationWait and PING carry all cookies of the context ([MS-OXCMAPIHTTP] 3.2.5.5), as they were when the
///   server made them: they only add what is unknown, so that they never displace the sequence of an Execute in flight.
/// - A new context is asked for with the cookies of the old one, so that the server drops that, and falls back to none.
#[derive(Debug)]
pub struct SessionContext {
    settings: ContextSettings,
    cookies: CookieJar,
    state: ContextState,
    in_flight: bool,
    /// Contexts opened so far; another number makes answers to requests of older ones worthless.
    generation: u64,
    context: Guid,
    counter: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ContextState {
    Closed,
    Open,
    Lost(Option<ResponseCode>),
}

impl SessionContext {
    /// No context yet.
    pub fn new(settings: ContextSettings) -> Self {
        Self {
            settings,
            cookies: CookieJar::new(),
            state: ContextState::Closed,
            in_flight: false,
            generation: 0,
            context: Guid::default(),
            counter: 0,
        }
    }

    /// Contexts opened so far. Server object handles die when it grows.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether requests can be made.
    pub fn is_open(&self) -> bool {
        self.state == ContextState::Open
    }

    /// Asks for a new context with a request of type `kind` (Connect or Bind). `context` is a fresh random GUID.
    ///
    /// # Errors
    /// [`SessionError::InFlight`].
    pub fn open(&mut self, kind: RequestType, body: Vec<u8>, context: Guid) -> Result<Request, SessionError> {
        if self.in_flight {
            return Err(SessionError::InFlight);
        }
        if self.state == ContextState::Open {
            self.state = ContextState::Lost(None);
        }
        self.context = context;
        self.counter = 0;
        self.in_flight = true;
        Ok(self.request(kind, body))
    }

    /// A request within the context. One that closes it can also be made when the context was given up only here, so that
    /// the server ends what it still does in it.
    ///
    /// # Errors
    /// [`SessionError::ContextLost`] if there is none, [`SessionError::InFlight`] if `kind` has to wait.
    pub fn call(&mut self, kind: RequestType, body: Vec<u8>) -> Result<Request, SessionError> {
        match self.state {
            ContextState::Open => {}
            ContextState::Lost(None) if closes(kind) => {}
            ContextState::Closed => return Err(SessionError::ContextLost(None)),
            ContextState::Lost(code) => return Err(SessionError::ContextLost(code)),
        }
        if excludes_others(kind) {
            if self.in_flight {
                return Err(SessionError::InFlight);
            }
            self.in_flight = true;
        }
        Ok(self.request(kind, body))
    }

    /// Takes the response to the request of `ticket`, and gives its binary body.
    ///
    /// For Connect and Bind a non-zero ErrorCode is an error, as there is no context then.
    pub fn accept(&mut self, ticket: Ticket, response: &Response) -> Result<Vec<u8>, SessionError> {
        self.returned(ticket);
        if ticket.generation != self.generation {
            return Err(SessionError::ContextLost(None));
        }
        let head = &response.head;
        match head.status {
            200 => {}
            401 => return Err(SessionError::Unauthorized),
            429 | 503 if ran_nothing(ticket.kind, head) => return Err(SessionError::Busy(retry_after(head))),
            status => {
                // A proxy that ends a long wait takes nothing with it.
                if status >= 500 && excludes_others(ticket.kind) {
                    self.lose(ticket, None);
                }
                return Err(SessionError::HttpStatus(status));
            }
        }
        let code = response.entity.as_ref().and_then(|e| e.response_code()).or_else(|| head.response_code());
        match code {
            Some(ResponseCode::SUCCESS) => {}
            Some(code) => {
                self.lose(ticket, Some(code));
                if opens(ticket.kind) {
                    self.cookies.clear();
                }
                return Err(SessionError::ContextLost(Some(code)));
            }
            None => {
                self.lose(ticket, None);
                return Err(SessionError::NotMapi("no X-ResponseCode"));
            }
        }
        let Some(entity) = &response.entity else {
            self.lose(ticket, None);
            return Err(SessionError::NotMapi("Content-Type is not application/mapi-http"));
        };
        self.keep_cookies(ticket, response);
        if is_too_busy(&entity.body) {
            return Err(SessionError::Busy(retry_after(head)));
        }
        if opens(ticket.kind) {
            self.opened(&entity.body)?;
        } else if closes(ticket.kind) {
            self.state = ContextState::Closed;
        }
        Ok(entity.body.clone())
    }

    /// The request of `ticket` never left, or not as a whole; it may be sent again as it is, or be given up.
    pub fn unsent(&mut self, ticket: Ticket) {
        self.returned(ticket);
    }

    /// The request of `ticket` left, and its answer was not read to its end: what it did is unknown.
    pub fn abandon(&mut self, ticket: Ticket) {
        self.returned(ticket);
        if excludes_others(ticket.kind) {
            self.lose(ticket, None);
        }
    }

    fn request(&mut self, kind: RequestType, body: Vec<u8>) -> Request {
        self.counter = self.counter.wrapping_add(1);
        let id = RequestId { context: self.context, counter: self.counter };
        let context = u32::try_from(self.generation).unwrap_or(u32::MAX).saturating_add(1);
        let info = ClientInfo { instance: self.settings.client_instance, context };
        let mut headers = vec![
            ("Host", self.settings.host.clone()),
            ("Content-Type", header::CONTENT_TYPE_MAPI.to_owned()),
            ("Accept", header::CONTENT_TYPE_MAPI.to_owned()),
            (header::X_REQUEST_TYPE, kind.name().to_owned()),
            (header::X_REQUEST_ID, id.to_string()),
            (header::X_CLIENT_INFO, info.to_string()),
            (header::X_CLIENT_APPLICATION, self.settings.client_application.clone()),
        ];
        let cookie = self.cookies.header();
        let ticket = Ticket {
            kind,
            generation: self.generation,
            cookies: self.cookies.version(),
            had_cookies: cookie.is_some(),
        };
        headers.extend(cookie.map(|value| (header::COOKIE, value)));
        Request { kind, target: self.settings.target.clone(), headers, body, ticket }
    }

    fn returned(&mut self, ticket: Ticket) {
        if excludes_others(ticket.kind) && ticket.generation == self.generation {
            self.in_flight = false;
        }
    }

    fn lose(&mut self, ticket: Ticket, code: Option<ResponseCode>) {
        if ticket.generation == self.generation {
            self.state = ContextState::Lost(code);
        }
    }

    fn keep_cookies(&mut self, ticket: Ticket, response: &Response) {
        if opens(ticket.kind) || closes(ticket.kind) {
            self.cookies.clear();
        }
        if closes(ticket.kind) {
            return;
        }
        for cookie in response.head.all(header::SET_COOKIE) {
            match excludes_others(ticket.kind) {
                true => self.cookies.store_since(cookie, ticket.cookies),
                false => self.cookies.store_unknown(cookie),
            }
        }
    }

    fn opened(&mut self, body: &[u8]) -> Result<(), SessionError> {
        let mut reader = Reader::new(body);
        let (mut code, mut context) = (reader.u32("StatusCode")?, "ErrorCode");
        if code == 0 {
            code = reader.u32(context)?;
        } else {
            context = "StatusCode";
        }
        if code != 0 {
            tracing::debug!(code, context, "session context refused");
            self.state = ContextState::Closed;
            self.cookies.clear();
            return Err(SessionError::Rejected(ErrorCode(code)));
        }
        self.state = ContextState::Open;
        self.generation += 1;
        Ok(())
    }
}

/// Without the values of cookies and the body.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("kind", &self.kind).field("body_len", &self.body.len()).finish_non_exhaustive()
    }
}

fn opens(kind: RequestType) -> bool {
    matches!(kind, RequestType::Connect | RequestType::Bind)
}

fn closes(kind: RequestType) -> bool {
    matches!(kind, RequestType::Disconnect | RequestType::Unbind)
}

/// Whether 429 or 503 says that the request was not run. A bare 503 may come from a proxy that lost the server after it had
/// passed the request on, which matters for what must not be run twice.
fn ran_nothing(kind: RequestType, head: &ResponseHead) -> bool {
    head.status == 429 || kind != RequestType::Execute || head.header("Retry-After").is_some()
}

/// Whether StatusCode, or ErrorCode behind it, says that the server was too busy and ran nothing ([MS-OXCROPS] 3.2.5.2:
/// servers that cannot answer with RopBackoff). All bodies begin with these two.
fn is_too_busy(body: &[u8]) -> bool {
    let mut reader = Reader::new(body);
    let code = match reader.u32("StatusCode") {
        Ok(0) => reader.u32("ErrorCode"),
        other => other,
    };
    code.is_ok_and(|code| ErrorCode(code) == ErrorCode::SERVER_TOO_BUSY)
}

/// Retry-After in seconds.
fn retry_after(head: &ResponseHead) -> Option<u64> {
    head.header("Retry-After").and_then(|value| value.trim().parse().ok())
}

fn excludes_others(kind: RequestType) -> bool {
    !matches!(kind, RequestType::NotificationWait | RequestType::Ping)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{ConnectResponse, Entity};

    const GUID: Guid = Guid([7; 16]);

    fn context() -> SessionContext {
        SessionContext::new(ContextSettings {
            target: "/mapi/emsmdb/?MailboxId=a%20b@lab.test".into(),
            host: "mail.lab.test".into(),
            client_application: "Outlook/16.0.10000.20000".into(),
            client_instance: Guid([1; 16]),
        })
    }

    fn answer(code: u32, cookies: &[&str], body: &[u8]) -> Response {
        let mut headers = vec![
            ("content-type".to_owned(), "application/mapi-http".to_owned()),
            ("x-responsecode".to_owned(), code.to_string()),
        ];
        headers.extend(cookies.iter().map(|&c| ("set-cookie".to_owned(), c.to_owned())));
        let head = ResponseHead { status: 200, headers };
        let entity = head.is_binary().then(|| Entity { headers: Vec::new(), body: body.to_vec() });
        Response { head, entity }
    }

    fn status(status: u16) -> Response {
        Response { head: ResponseHead { status, headers: Vec::new() }, entity: None }
    }

    fn cookie(request: &Request) -> Option<&str> {
        request.headers.iter().find(|(name, _)| *name == header::COOKIE).map(|(_, value)| value.as_str())
    }

    fn connected() -> SessionContext {
        let mut context = context();
        let request = context.open(RequestType::Connect, Vec::new(), GUID).expect("idle");
        let body = ConnectResponse::default().encode();
        context.accept(request.ticket, &answer(0, &["sid=1", "sequence=1"], &body)).expect("a context");
        context
    }

    #[test]
    fn cookies_counters_and_target_go_into_each_request() {
        let mut context = connected();
        assert_eq!(context.generation(), 1);
        let request = context.call(RequestType::Execute, vec![1]).expect("open");
        assert_eq!(request.target, "/mapi/emsmdb/?MailboxId=a%20b@lab.test");
        assert_eq!(cookie(&request), Some("sid=1; sequence=1"));
        let id = request.headers.iter().find(|(name, _)| *name == header::X_REQUEST_ID).expect("an id");
        assert_eq!(RequestId::parse(&id.1), Some(RequestId { context: GUID, counter: 2 }));
        assert_eq!(context.accept(request.ticket, &answer(0, &["sequence=2"], b"x")).expect("an answer"), b"x");
        let request = context.call(RequestType::Execute, vec![1]).expect("open");
        assert_eq!(cookie(&request), Some("sid=1; sequence=2"));
    }

    #[test]
    fn one_at_a_time_but_a_wait_beside_which_brings_back_no_old_sequence() {
        let mut context = connected();
        let wait = context.call(RequestType::NotificationWait, Vec::new()).expect("open");
        let execute = context.call(RequestType::Execute, Vec::new()).expect("beside a wait");
        assert_eq!(context.call(RequestType::Execute, Vec::new()).expect_err("two"), SessionError::InFlight);
        context.accept(execute.ticket, &answer(0, &["sequence=2"], b"")).expect("an answer");
        context.accept(wait.ticket, &answer(0, &["sequence=1"], b"")).expect("an answer");
        let request = context.call(RequestType::Execute, Vec::new()).expect("open");
        assert_eq!(cookie(&request), Some("sid=1; sequence=2"));
        context.unsent(request.ticket);
        assert!(context.call(RequestType::Execute, Vec::new()).is_ok());
    }

    #[test]
    fn the_answer_to_a_wait_never_displaces_the_sequence_of_an_execute_in_flight() {
        let mut context = connected();
        let wait = context.call(RequestType::NotificationWait, Vec::new()).expect("open");
        let ping = context.call(RequestType::Ping, Vec::new()).expect("open");
        let execute = context.call(RequestType::Execute, Vec::new()).expect("beside a wait");
        // The server ran the Execute already; the answers that it made before arrive first.
        let all = ["sid=7", "sequence=9", "late=1"];
        context.accept(wait.ticket, &answer(0, &all, b"")).expect("an answer");
        context.accept(ping.ticket, &answer(0, &["sequence=; Max-Age=0"], b"")).expect("an answer");
        context.accept(execute.ticket, &answer(0, &["sequence=2"], b"")).expect("an answer");
        let request = context.call(RequestType::Execute, Vec::new()).expect("open");
        assert_eq!(cookie(&request), Some("sid=1; sequence=2; late=1"));
    }

    #[test]
    fn too_busy_in_the_body_ran_nothing_and_keeps_the_context() {
        let mut context = connected();
        let mut with_error = vec![0; 4];
        with_error.extend(ErrorCode::SERVER_TOO_BUSY.0.to_le_bytes());
        let with_status = [ErrorCode::SERVER_TOO_BUSY.0.to_le_bytes(), [0; 4]].concat();
        for body in [with_error, with_status] {
            let request = context.call(RequestType::Execute, Vec::new()).expect("open");
            let mut busy = answer(0, &["sequence=5"], &body);
            busy.head.headers.push(("Retry-After".into(), "3".into()));
            assert_eq!(context.accept(request.ticket, &busy), Err(SessionError::Busy(Some(3))));
        }
        let request = context.call(RequestType::Execute, Vec::new()).expect("still open");
        assert_eq!(cookie(&request), Some("sid=1; sequence=5"));
    }

    #[test]
    fn a_code_ends_the_context_and_connect_falls_back_to_no_cookies() {
        let mut context = connected();
        let request = context.call(RequestType::Execute, Vec::new()).expect("open");
        let lost = SessionError::ContextLost(Some(ResponseCode(7)));
        assert_eq!(context.accept(request.ticket, &answer(7, &[], b"")), Err(lost.clone()));
        assert_eq!(context.call(RequestType::Execute, Vec::new()).expect_err("lost"), lost);

        let request = context.open(RequestType::Connect, Vec::new(), GUID).expect("idle");
        assert_eq!(cookie(&request), Some("sid=1; sequence=1"), "so that the server drops the old context");
        assert!(context.accept(request.ticket, &answer(10, &[], b"")).is_err());
        assert!(request.ticket.had_cookies());
        let request = context.open(RequestType::Connect, Vec::new(), GUID).expect("idle");
        assert_eq!(cookie(&request), None);
        let body = ConnectResponse::default().encode();
        context.accept(request.ticket, &answer(0, &["sid=2"], &body)).expect("a context");
        assert_eq!(context.generation(), 2);
    }

    #[test]
    fn the_later_code_in_the_entity_wins() {
        let mut context = connected();
        let request = context.call(RequestType::Execute, Vec::new()).expect("open");
        let mut response = answer(0, &[], b"x");
        response.entity.as_mut().expect("binary").headers.push(("X-ResponseCode".into(), "1".into()));
        assert_eq!(
            context.accept(request.ticket, &response),
            Err(SessionError::ContextLost(Some(ResponseCode::UNKNOWN_FAILURE)))
        );
    }

    #[test]
    fn an_abandoned_execute_loses_the_context_an_abandoned_wait_does_not() {
        let mut context = connected();
        let wait = context.call(RequestType::NotificationWait, Vec::new()).expect("open");
        context.abandon(wait.ticket);
        let wait = context.call(RequestType::NotificationWait, Vec::new()).expect("open");
        assert_eq!(context.accept(wait.ticket, &status(504)), Err(SessionError::HttpStatus(504)));
        let execute = context.call(RequestType::Execute, Vec::new()).expect("still open");
        context.abandon(execute.ticket);
        assert_eq!(context.call(RequestType::Execute, Vec::new()).expect_err("lost"), SessionError::ContextLost(None));
    }

    #[test]
    fn answers_of_an_older_context_change_nothing() {
        let mut context = connected();
        let wait = context.call(RequestType::NotificationWait, Vec::new()).expect("open");
        let connect = context.open(RequestType::Connect, Vec::new(), GUID).expect("idle");
        let body = ConnectResponse::default().encode();
        context.accept(connect.ticket, &answer(0, &["sid=2"], &body)).expect("a context");
        assert!(context.accept(wait.ticket, &answer(6, &["sid=1"], b"")).is_err());
        let request = context.call(RequestType::Execute, Vec::new()).expect("still open");
        assert_eq!(cookie(&request), Some("sid=2"));
    }

    #[test]
    fn connect_with_an_error_code_opens_nothing() {
        let mut context = context();
        let request = context.open(RequestType::Connect, Vec::new(), GUID).expect("idle");
        let body = ConnectResponse { error: ErrorCode::LOGIN_FAILURE, ..Default::default() }.encode();
        let refused = context.accept(request.ticket, &answer(0, &["sid=1"], &body));
        assert_eq!(refused, Err(SessionError::Rejected(ErrorCode::LOGIN_FAILURE)));
        assert!(!context.is_open());
        let request = context.open(RequestType::Connect, Vec::new(), GUID).expect("idle");
        assert_eq!(cookie(&request), None);
    }

    #[test]
    fn http_statuses() {
        let mut context = connected();
        let mut run = |response: Response| {
            let request = context.call(RequestType::Execute, Vec::new()).expect("open");
            context.accept(request.ticket, &response).expect_err("no success")
        };
        assert_eq!(run(status(401)), SessionError::Unauthorized);
        assert_eq!(run(status(429)), SessionError::Busy(None));
        let mut told = status(503);
        told.head.headers.push(("Retry-After".to_owned(), " 7".to_owned()));
        assert_eq!(run(told), SessionError::Busy(Some(7)));
        assert_eq!(run(status(404)), SessionError::HttpStatus(404));
        assert_eq!(run(status(302)), SessionError::HttpStatus(302));
        assert_eq!(run(status(200)), SessionError::NotMapi("no X-ResponseCode"));
        assert!(!context.is_open());
    }

    #[test]
    fn an_execute_that_may_have_run_is_not_called_unrun() {
        let mut context = connected();
        let request = context.call(RequestType::Execute, Vec::new()).expect("open");
        assert_eq!(context.accept(request.ticket, &status(503)), Err(SessionError::HttpStatus(503)));
        assert!(!context.is_open());
        let again = context.open(RequestType::Connect, Vec::new(), GUID).expect("idle");
        assert_eq!(context.accept(again.ticket, &status(503)), Err(SessionError::Busy(None)));
    }

    #[test]
    fn a_context_given_up_can_still_be_closed() {
        let mut context = connected();
        let request = context.call(RequestType::Execute, Vec::new()).expect("open");
        context.abandon(request.ticket);
        assert_eq!(context.call(RequestType::Execute, Vec::new()).err(), Some(SessionError::ContextLost(None)));
        let request = context.call(RequestType::Disconnect, Vec::new()).expect("the server may have it still");
        assert!(cookie(&request).is_some());
        context.abandon(request.ticket);
        assert!(!context.is_open());
    }
}
